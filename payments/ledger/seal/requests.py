"""What was just done shall be in the signed log soon, and not wait for the timer."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import outbox

TOPIC = "payments.ledger.sign"
_TRANSACTION = text("SELECT pg_current_xact_id()::text")
_IS_SEALED = text(
    """
    SELECT EXISTS (SELECT 1 FROM seal_watermark WHERE kind = 'entries'
                      AND sealed_below > cast(cast(:transaction AS text) AS xid8))
    """
)


def ask_for_checkpoint(session: Session, body: str, deed: str) -> None:
    """Have all that this transaction books sealed, and the body's logs signed, after its commit.

    The same deed, such as a run that is finished, asks once, however often it is told.
    """
    transaction = session.execute(_TRANSACTION).scalar_one()
    outbox.enqueue(session, TOPIC, {"body": body, "transaction": transaction}, key=deed)


def is_sealed(session: Session, transaction: str) -> bool:
    """Tell whether what a transaction booked has its numbers and its place in the log."""
    return bool(session.execute(_IS_SEALED, {"transaction": transaction}).scalar_one())
