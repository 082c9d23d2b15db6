"""Which two things one person never does to the same run (payments contract 9).

Duties are of people, not of roles: somebody with two roles still does only one of the two.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Deed = Literal[
    "uploaded",
    "scheduled",
    "put_forward",
    "edited",
    "removed",
    "hold_released",
    "overrode_name",
    "cleared_case",
    "changed_payee",
    "approved",
]
Step = Literal["approve", "release"]


@dataclass(frozen=True)
class Duty:
    """A deed that keeps whoever did it from a step, and what that person is told."""

    deed: Deed
    step: Step
    sentence: str


DUTIES: tuple[Duty, ...] = (
    Duty("uploaded", "approve", "You uploaded the file of this run."),
    Duty("scheduled", "approve", "You set up what the schedule of this run pays."),
    Duty("put_forward", "approve", "You put this run forward."),
    Duty("edited", "approve", "You corrected a payment of this run."),
    Duty("removed", "approve", "You removed a payment from this run."),
    Duty("hold_released", "approve", "You released a hold of a payment of this run."),
    Duty("overrode_name", "approve", "You overrode a name check of a payment of this run."),
    Duty("cleared_case", "approve", "You cleared a sanctions case of a payment of this run."),
    Duty("changed_payee", "approve", "You changed the details of a payee of this run."),
    Duty("approved", "approve", "You approved this run already."),
)


def find_conflict(person: str, step: Step, doers: Mapping[Deed, Collection[str]]) -> Duty | None:
    """Return the first duty that keeps a person from a step, None when they may take it.

    A releaser must not be the only approver, which is a rule of its own below.
    """
    for duty in DUTIES:
        if duty.step == step and person in doers.get(duty.deed, ()):
            return duty
    return None


def is_sole_approver(person: str, approvers: Collection[str]) -> bool:
    """Tell whether nobody but this person approved; such a run they do not release."""
    return not set(approvers) - {person}
