"""What the words of a search may mean: an id, an account, an amount, a run, or simply words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from shared.money import parse_pounds

MAXIMUM_WORDS = 100
# Trigrams find nothing shorter without reading every payment.
_SHORTEST_WORD = 3
_PUBLIC_ID = re.compile(r"[a-z0-9]{26}")
_TAIL = re.compile(r"[•*]{0,4} ?(\d{4})")
_RUN = re.compile(r"[A-Z]{2,6}-[0-9A-Z]{4}-[0-9A-Z]{4}")
_ACCOUNT_DIGITS = 14


@dataclass(frozen=True)
class Meanings:
    """Every way in which the words can be meant; each that is set is looked for."""

    public_id: str = ""
    account_digits: str = ""
    account_tail: str = ""
    amount_pence: int | None = None
    run_reference: str = ""
    words: str = ""

    @property
    def nothing(self) -> bool:
        """Whether the words can mean nothing at all."""
        return self == Meanings()


def read_words(text: str) -> Meanings:
    """Return what the words of a search can mean; the same text may be several things."""
    text = text.strip()[:MAXIMUM_WORDS]
    digits = re.sub(r"[ -]", "", text)
    is_account = digits.isascii() and digits.isdigit() and len(digits) == _ACCOUNT_DIGITS
    tail = _TAIL.fullmatch(text)
    try:
        amount: int | None = parse_pounds(text)
    except ValueError:
        amount = None
    is_run = _RUN.fullmatch(text.upper()) is not None
    return Meanings(
        public_id=text.lower() if _PUBLIC_ID.fullmatch(text.lower()) else "",
        account_digits=digits if is_account else "",
        account_tail=tail[1] if tail else "",
        amount_pence=amount,
        run_reference=text.upper() if is_run else "",
        words=text if len(text) >= _SHORTEST_WORD and not is_account else "",
    )


@dataclass(frozen=True)
class Filters:
    """What narrows a search; the days are those of the runs, both included."""

    states: tuple[str, ...] = ()
    programme: str = ""
    first_day: date | None = None
    last_day: date | None = None
    lowest_pence: int | None = None
    highest_pence: int | None = None

    @property
    def of_runs(self) -> bool:
        """Whether a filter is about the run rather than the payment."""
        return bool(self.programme or self.first_day or self.last_day)


def link_query(values: Mapping[str, str]) -> str:
    """Return the query of a link, without what is empty."""
    return urlencode({name: value for name, value in values.items() if value})
