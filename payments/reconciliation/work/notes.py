"""Who has a line, until when, and what people write to each other about it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

_MAXIMUM_WORDS = 500
_LATEST = text(
    "SELECT id FROM reconciliation_exception WHERE line_id = :line"
    " ORDER BY (state = 'open') DESC, created_at DESC, id DESC LIMIT 1"
)
_NOTE = text(
    "INSERT INTO exception_note (id, exception_id, kind, words, person_id, person_name, at)"
    " VALUES (:id, :exception, :kind, :words, :person, :name, :now)"
)
_OWN = text(
    "UPDATE reconciliation_exception SET owner = :owner, owner_name = :name"
    " WHERE line_id = :line AND body = :body AND state = 'open'"
)
_DUE = text(
    "UPDATE reconciliation_exception SET due_on = :due"
    " WHERE line_id = :line AND body = :body AND state = 'open'"
)
_CLOSE_RETURN = text(
    "UPDATE reconciliation_exception SET state = 'closed', closed_at = :now, resolution = 'seen'"
    " WHERE line_id = :line AND body = :body AND state = 'open' AND code = 'RETURN'"
)


def check_words(words: str, field: str) -> str:
    """Return written words; refuses none and too many.

    Raises:
        Invalid: names the field.
    """
    plain = words.strip()
    if not plain:
        message = "Enter a note" if field == "note" else "Enter a reason"
        raise Invalid(FieldError(field, message))
    if len(plain) > _MAXIMUM_WORDS:
        raise Invalid(FieldError(field, "Enter up to 500 characters"))
    return plain


def add_note(
    session: Session, line_id: UUID, kind: str, words: str, actor: Actor, now: datetime
) -> None:
    """Write a note to the line's exception; a line that never had one keeps none."""
    exception = session.execute(_LATEST, {"line": line_id}).scalar_one_or_none()
    if exception is None:
        return
    session.execute(
        _NOTE,
        {
            "id": new_id(),
            "exception": exception,
            "kind": kind,
            "words": words[:_MAXIMUM_WORDS],
            "person": actor.id,
            "name": actor.name,
            "now": now,
        },
    )


def take_line(session: Session, line_id: UUID, actor: Actor, now: datetime) -> None:
    """Make the person the owner of a line's open exceptions.

    Raises:
        Conflict: nothing of the line is open.
    """
    values = {"line": line_id, "body": actor.organisation, "owner": actor.id, "name": actor.name}
    _must_change(session.execute(_OWN, values))
    add_note(session, line_id, "owner", actor.name, actor, now)
    audit.record(session, actor, "reconciliation.line_taken", "statement_line", line_id)


def set_due(session: Session, line_id: UUID, due: date, actor: Actor, now: datetime) -> None:
    """Set the day until which a line's open exceptions are to be resolved.

    Raises:
        Conflict: nothing of the line is open.
    """
    values = {"line": line_id, "body": actor.organisation, "due": due}
    _must_change(session.execute(_DUE, values))
    add_note(session, line_id, "due", due.isoformat(), actor, now)


def acknowledge_return(session: Session, line_id: UUID, actor: Actor, now: datetime) -> None:
    """Close the notice that a payment came back: its case goes on with the payment.

    Raises:
        Conflict: no such notice is open.
    """
    add_note(session, line_id, "decision", "return seen", actor, now)
    values = {"line": line_id, "body": actor.organisation, "now": now}
    _must_change(session.execute(_CLOSE_RETURN, values))
    audit.record(session, actor, "reconciliation.return_seen", "statement_line", line_id)


def _must_change(result: object) -> None:
    if getattr(result, "rowcount", 0) == 0:
        raise Conflict("nothing_open", "Nothing about this line is open any more")
