"""Decides for one person and explains it: outcome, amount, reasons, what was read (5.3)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

from gateway.eligibility import expression
from gateway.eligibility.answers import known_answers
from gateway.eligibility.decision import Decision, settle, starting_values
from gateway.eligibility.expression import Evaluated, Unknown
from gateway.eligibility.rule_set import Criterion, Outcome, RuleSet, Severity


@dataclass(frozen=True, slots=True)
class Reading:
    """One name that a criterion read; `value` is plain JSON, None while it is unknown."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """How one criterion stands; `verdict` is None while it is unknown."""

    id: str
    severity: Severity
    verdict: bool | None
    reason: str
    to_qualify: str
    legal_reference: str
    read: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A decision with everything that is needed to explain it and to compute it again.

    `amount_pence` is None where the outcome has no amount or it is still open; `unsettled` are
    the attributes that can still change outcome or amount; `failures` say what no answer mends.
    """

    rule_set: str
    version: str
    on_date: date
    language: str
    outcome: Outcome
    amount_pence: int | None
    reasons: tuple[str, ...]
    criteria: tuple[CriterionResult, ...]
    unsettled: tuple[str, ...]
    failures: tuple[str, ...]
    inputs: Mapping[str, object]

    def as_dict(self) -> dict[str, object]:
        """The result as plain JSON values, the same bytes for the same decision."""
        return {**asdict(self), "on_date": self.on_date.isoformat()}


def evaluate(
    rule_set: RuleSet, answers: Mapping[str, object], on_date: date, language: str
) -> Result:
    """Decide with the answers that are there, on a day, with reasons in a language.

    An absent answer is unknown, never "no". A language that the rule set does not have falls
    back to its first. Raises AnswerError for answers of the wrong type.
    """
    known = known_answers(rule_set, answers)
    values = starting_values(rule_set, known, on_date)
    decision = settle(rule_set, values)
    criteria = tuple(_criterion(rule_set, c, values, language) for c in rule_set.criteria)
    outcome: Outcome = decision.outcome or "cannot_tell"
    return Result(
        rule_set=rule_set.id,
        version=rule_set.version,
        on_date=on_date,
        language=language,
        outcome=outcome,
        amount_pence=decision.amount if isinstance(decision.amount, int) else None,
        reasons=_reasons(rule_set, decision, criteria, outcome, language),
        criteria=criteria,
        unsettled=tuple(n for n in rule_set.attributes if n in decision.unsettled.needs),
        failures=tuple(sorted(decision.unsettled.failures)),
        inputs={name: plain(value) for name, value in known.items()},
    )


def _criterion(
    rule_set: RuleSet, criterion: Criterion, values: Mapping[str, Evaluated], language: str
) -> CriterionResult:
    read: dict[str, Evaluated] = {}
    found = expression.evaluate(criterion.expression, values, read)
    verdict = None if isinstance(found, Unknown) else bool(found)
    texts = {
        True: criterion.reason_true,
        False: criterion.reason_false,
        None: criterion.reason_unknown,
    }[verdict]
    to_qualify = rule_set.text(criterion.to_qualify, language) if verdict is False else ""
    return CriterionResult(
        id=criterion.id,
        severity=criterion.severity,
        verdict=verdict,
        reason=rule_set.text(texts, language),
        to_qualify=to_qualify,
        legal_reference=criterion.legal_reference or rule_set.legal_reference,
        read=tuple(Reading(name, plain(value)) for name, value in read.items()),
    )


def _reasons(
    rule_set: RuleSet,
    decision: Decision,
    criteria: tuple[CriterionResult, ...],
    outcome: Outcome,
    language: str,
) -> tuple[str, ...]:
    """The sentences that carry the outcome: a row's own reason first, then the criteria's."""
    row = decision.rows[0] if len(decision.rows) == 1 else None
    own = rule_set.text(row.reason, language) if row is not None else ""
    if outcome == "eligible":
        carrying = [c for c in criteria if c.severity == "required" and c.verdict]
    elif outcome == "cannot_tell":
        carrying = [c for c in criteria if c.severity != "informative" and c.verdict is None]
    else:
        severity = "required" if outcome == "not_eligible" else "referral"
        matching = [c for c in criteria if c.severity == severity]
        # Completions may agree on a refusal while no single criterion is known to be false.
        carrying = [c for c in matching if c.verdict is False] or [
            c for c in matching if c.verdict is None
        ]
    reasons = (own, *(c.reason for c in carrying))
    return tuple(dict.fromkeys(reason for reason in reasons if reason))


def plain(value: Evaluated) -> object:
    """A value as JSON has it: dates as text, lists as lists, None for unknown."""
    if isinstance(value, Unknown):
        return None
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value
