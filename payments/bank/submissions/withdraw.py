"""A run that is recalled takes its file back, as long as nobody began to send it."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import audit
from shared.actors import Actor
from shared.errors import Conflict

# The lock that claims an attempt for sending too: of a claim and a withdrawal one waits.
_OPEN = text(
    """
    SELECT s.id, a.id AS attempt_id, a.state FROM submission s
      JOIN attempt a ON a.submission_id = s.id
     WHERE s.run_id = :run AND s.state <> 'refused' AND a.state NOT IN ('refused', 'abandoned')
       FOR UPDATE OF a
    """
)
_ABANDON = text("UPDATE attempt SET state = 'abandoned' WHERE id = :id")
# Without a stage its parts are written no more.
_TAKE_BACK = text("UPDATE submission SET state = 'refused', stage_id = NULL WHERE id = :id")


def withdraw_submission(session: Session, run_id: UUID, actor: Actor) -> None:
    """Abandon the file of a run; a run that has none yet is fine.

    Raises:
        Conflict: ``handed_over``, the file is being sent, was sent, or nobody knows.
    """
    row = session.execute(_OPEN, {"run": run_id}).one_or_none()
    if row is None:
        return
    if row.state not in ("prepared", "sealed"):
        raise Conflict(
            "handed_over",
            "The file is on its way to the bank: it is too late to recall",
            detail="Ask the bank to stop single payments, or wait until they come back.",
        )
    session.execute(_ABANDON, {"id": row.attempt_id})
    session.execute(_TAKE_BACK, {"id": row.id})
    audit.record(session, actor, "bank.submission.withdrawn", "submission", row.id)
