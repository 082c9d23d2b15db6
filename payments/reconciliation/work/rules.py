"""Ranks what a line may be, with a reason for each signal; suggests and never decides."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rapidfuzz import fuzz

_MAXIMUM_CANDIDATES = 25
_MAXIMUM_PARTS = 8
_BUDGET = 200_000
_ALIKE = 80
_NEAR_DAYS = 3


@dataclass(frozen=True)
class Candidate:
    """Something of ours that a line may be, with what of it nothing explains yet (pence)."""

    target_type: str
    target_id: UUID
    run_id: UUID | None
    submission_id: UUID | None
    label: str
    reference: str
    end_to_end_id: str
    pence: int
    open_pence: int
    due_on: date
    account: str
    has_account: bool = False

    @property
    def key(self) -> str:
        """The name of a target in a form."""
        return f"{self.target_type}:{self.target_id}"


@dataclass(frozen=True)
class Ranked:
    """A candidate with its points and the signal that gave each of them."""

    candidate: Candidate
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What is known of a line: its open pence, days and words."""

    open_pence: int
    booking_date: date
    reference: str
    end_to_end_id: str
    counterparty: str


def rank(line: Wanted, candidates: Sequence[Candidate]) -> list[Ranked]:
    """Return candidates, the best first, each with its reasons; equal ones in order of ids."""
    ranked = [_judge(line, one) for one in candidates]
    return sorted(ranked, key=lambda one: (-one.score, one.candidate.key))


def _judge(line: Wanted, one: Candidate) -> Ranked:
    signals = [*_signals_of_keys(line, one), *_signals_of_words(line, one)]
    if abs((line.booking_date - one.due_on).days) <= _NEAR_DAYS:
        signals.append((8, "near in time"))
    score = min(sum(points for points, _ in signals), 99)
    return Ranked(one, score, tuple(reason for _, reason in signals))


def _signals_of_keys(line: Wanted, one: Candidate) -> Iterator[tuple[int, str]]:
    if one.end_to_end_id and one.end_to_end_id == line.end_to_end_id:
        yield 40, "same end-to-end id"
    if one.open_pence == line.open_pence:
        yield 40, "same amount"
    elif one.open_pence < line.open_pence:
        yield 5, "smaller amount: may be a part"
    else:
        yield 5, "larger amount: may be partly paid"
    if one.has_account:
        yield 15, "same bank account"


def _signals_of_words(line: Wanted, one: Candidate) -> Iterator[tuple[int, str]]:
    ours, theirs = one.reference.upper(), line.reference.upper()
    if ours and ours == theirs:
        yield 25, "same reference"
    elif ours and theirs and fuzz.ratio(ours, theirs) >= _ALIKE:
        yield 12, "similar reference"
    names = (one.label.upper(), line.counterparty.upper())
    if all(names) and fuzz.token_sort_ratio(*names) >= _ALIKE:
        yield 8, "similar name"


def find_parts(target: int, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the only set of two to eight candidates that makes an amount; nothing when unsure.

    Looks at 25 candidates at most and gives up after a fixed number of steps: what two sets make,
    or what is not fully searched, is no suggestion.
    """
    some = sorted(candidates, key=lambda one: (-one.open_pence, one.key))[:_MAXIMUM_CANDIDATES]
    amounts = [one.open_pence for one in some]
    rest = [0] * (len(some) + 1)
    for place in range(len(some) - 1, -1, -1):
        rest[place] = rest[place + 1] + amounts[place]
    found: list[tuple[int, ...]] = []
    steps = 0
    waiting: list[tuple[int, int, tuple[int, ...]]] = [(0, target, ())]
    while waiting and len(found) < 2:  # noqa: PLR2004 - a second solution means unsure
        steps += 1
        if steps > _BUDGET:
            return ()
        place, left, taken = waiting.pop()
        if left == 0:
            found.append(taken)
            continue
        if place == len(some) or len(taken) == _MAXIMUM_PARTS or rest[place] < left:
            continue
        waiting.append((place + 1, left, taken))
        if amounts[place] <= left:
            waiting.append((place + 1, left - amounts[place], (*taken, place)))
    if len(found) != 1 or len(found[0]) == 1:
        return ()
    return tuple(some[place] for place in found[0])
