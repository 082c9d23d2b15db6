"""What every step of a run is checked for first: role, state, and work that has to end before."""

from payments.runs.queries.runs import Run
from payments.runs.rules import Step, has_role_for, is_possible_in
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Forbidden, Invalid

MAXIMUM_REASON = 500
_SAYINGS = {
    "preparing": "is being prepared",
    "putting_forward": "is being put forward",
    "approving": "is being booked",
    "cancelled": "is cancelled",
    "collecting": "is still collecting payments",
    "correcting": "is being corrected",
    "awaiting_approval": "is waiting for approval",
    "approved": "is approved already",
    "released": "is approved and on its way to the bank",
    "submitted": "is at the bank already",
    "closed": "is finished",
}


def check_step(run: Run, step: Step, actor: Actor) -> None:
    """Refuse a step that the actor's roles, the state of the run or its work does not allow.

    Raises:
        Forbidden: none of the roles allows it.
        Conflict: the run is in another state, or work on it has not ended; says which.
    """
    if not has_role_for(step, actor.roles):
        raise Forbidden("role_missing", "Your role does not allow this")
    if not is_possible_in(step, run.state):
        raise Conflict(
            "run_state",
            f"Run {run.reference} {_SAYINGS[run.state]}",
            detail="Nothing was changed. Somebody may have been quicker than you.",
        )
    if run.working is not None:
        raise Conflict(
            "run_busy",
            f"Run {run.reference} is being worked on",
            detail="Nothing was changed. Wait until the work on its payments has ended.",
        )


def check_reason(reason: str) -> str:
    """Return a written reason; refuses none and one that is too long."""
    plain = reason.strip()
    if not plain:
        raise Invalid(FieldError("reason", "Enter a reason"))
    if len(plain) > MAXIMUM_REASON:
        raise Invalid(FieldError("reason", "Enter a reason of up to 500 characters"))
    return plain


def organisation_of(actor: Actor) -> str:
    """Return the body that an actor works for, empty for nobody's."""
    return actor.organisation or ""
