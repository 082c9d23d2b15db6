"""The passes of matching, in their order (ledger contract 3.2).

Every pass brings lines and targets together. Only pairs that are alone on both sides become
matches; the others are ambiguous, and no later, weaker pass may decide them. Names and sums of
parts only ever suggest (see ``suggestions``): no rule of theirs is here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A pass: its name, its version, its score, and the reason people read."""

    id: str
    version: int
    score: int
    reason: str


EXACT_KEY = Rule("exact-key", 2, 100, "batch reference and amount are the same")
EXACT_ITEM = Rule("exact-item", 1, 100, "end-to-end id and amount are the same")
CONTRA = Rule("contra", 2, 95, "the file's accepted total on its entry day at this account")
GROUP = Rule("group", 1, 95, "a declared group whose parts make the total")
RETURN = Rule("return", 2, 95, "returned by the bank: account, amount and reference")
REFERENCE = Rule("reference", 2, 95, "normalised reference and amount")
AMOUNT_DATE = Rule("amount-date", 1, 80, "the only one with this amount near this day")
PASSES = (EXACT_KEY, EXACT_ITEM, GROUP, CONTRA, RETURN, REFERENCE, AMOUNT_DATE)
BY_ID = {rule.id: rule for rule in PASSES}


@dataclass(frozen=True)
class Settings:
    """The rules of an account that its team may change; the defaults change nothing."""

    version: int = 0
    pattern: str = ""
    window_days: int = 3
    return_days: int = 10
    commit_by_amount: bool = False


DEFAULTS = Settings()
