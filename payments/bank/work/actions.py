"""Opens work, and writes down what people do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.work.rules import WorkAction, WorkKind, due_date
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.ids import new_id

_OPEN = text(
    """
    INSERT INTO work_item (id, body, key, kind, submission_id, payment_id, report_id, code, reason,
                           action, amount_pence, private_sealed, due_on, created_at)
    SELECT u.id, u.body, u.key, u.kind, u.submission, u.payment, u.report, u.code, u.reason,
           u.action, u.pence, u.private, u.due, :now
      FROM unnest(cast(:ids AS uuid[]), cast(:bodies AS text[]), cast(:keys AS text[]),
                  cast(:kinds AS text[]), cast(:submissions AS uuid[]), cast(:payments AS uuid[]),
                  cast(:reports AS uuid[]), cast(:codes AS text[]), cast(:reasons AS text[]),
                  cast(:actions AS text[]), cast(:pence AS bigint[]), cast(:privates AS bytea[]),
                  cast(:dues AS date[]))
           AS u(id, body, key, kind, submission, payment, report, code, reason, action, pence,
                private, due)
    ON CONFLICT (body, key) DO NOTHING
    """
)
_LOCK = text("SELECT id, state, owner_id FROM work_item WHERE id = :id AND body = :body FOR UPDATE")
_NOTE = text(
    """
    INSERT INTO work_note (id, item_id, at, kind, person_id, person_name, text)
    VALUES (:id, :item, :now, :kind, :person, :name, :text)
    """
)
_ASSIGN = text("UPDATE work_item SET owner_id = :owner, owner_name = :name WHERE id = :id")
_DONE = text(
    """
    UPDATE work_item SET state = 'done', result = :result, closed_at = :now,
                         closed_by_id = :person, closed_by_name = :name
     WHERE id = :id
    """
)
_SETTLED = text(
    """
    UPDATE work_item SET state = 'done', result = :result, closed_at = :now,
                         closed_by_id = :person, closed_by_name = :name
     WHERE body = :body AND key = :key AND state = 'open'
    """
)
_MAXIMUM_TEXT = 2000


@dataclass(frozen=True)
class NewItem:
    """Work for a person; ``key`` names its cause within the body, amounts are pence.

    ``private_sealed`` is sealed for the record ``work:<key>``.
    """

    body: str
    key: str
    kind: WorkKind
    action: WorkAction
    code: str = ""
    reason: str = ""
    submission_id: UUID | None = None
    payment_id: UUID | None = None
    report_id: UUID | None = None
    amount_pence: int = 0
    private_sealed: bytes | None = None


def open_items(session: Session, items: Sequence[NewItem], now: datetime) -> int:
    """Open work items; a cause that was told before opens nothing. Returns how many are new."""
    if not items:
        return 0
    today = london_date(now)
    done = session.execute(
        _OPEN,
        {
            "ids": [new_id() for _ in items],
            "bodies": [one.body for one in items],
            "keys": [one.key for one in items],
            "kinds": [one.kind for one in items],
            "submissions": [one.submission_id for one in items],
            "payments": [one.payment_id for one in items],
            "reports": [one.report_id for one in items],
            "codes": [one.code for one in items],
            "reasons": [one.reason for one in items],
            "actions": [one.action for one in items],
            "pence": [one.amount_pence for one in items],
            "privates": [one.private_sealed for one in items],
            "dues": [due_date(one.kind, today) for one in items],
            "now": now,
        },
    )
    return int(done.rowcount)  # type: ignore[attr-defined]  # an INSERT has a row count


def settle_item(
    session: Session, body: str, key: str, result: str, actor: Actor, now: datetime
) -> None:
    """Close the work of a cause that is gone; does nothing when there is none."""
    values = {"body": body, "key": key, "result": result, "now": now}
    session.execute(_SETTLED, values | {"person": actor.id, "name": actor.name})


def assign_item(session: Session, item_id: UUID, actor: Actor, now: datetime) -> None:
    """Take a work item on; whoever had it before has it no longer.

    Raises:
        NotFound, Conflict: no such item of this body, or it is done.
    """
    _lock_open(session, item_id, actor)
    session.execute(_ASSIGN, {"id": item_id, "owner": actor.id, "name": actor.name})
    _note(session, item_id, "assigned", actor.name, actor, now)


def note_item(session: Session, item_id: UUID, words: str, actor: Actor, now: datetime) -> None:
    """Write a note to a work item.

    Raises:
        NotFound: no such item of this body.
        Invalid: no words, or more than 2,000 characters.
    """
    _lock(session, item_id, actor)
    _note(session, item_id, "note", _check_words(words, "note", "Enter a note"), actor, now)


def finish_item(session: Session, item_id: UUID, result: str, actor: Actor, now: datetime) -> None:
    """Close a work item with what came of it.

    Raises:
        NotFound, Conflict: no such item of this body, or it is done.
        Invalid: nothing says what came of it.
    """
    _lock_open(session, item_id, actor)
    result = _check_words(result, "result", "Enter what was done")
    values = {"id": item_id, "result": result, "now": now}
    session.execute(_DONE, values | {"person": actor.id, "name": actor.name})
    _note(session, item_id, "done", result, actor, now)
    audit.record(session, actor, "bank.work.done", "work_item", item_id)


def _lock(session: Session, item_id: UUID, actor: Actor) -> str:
    values = {"id": item_id, "body": actor.organisation}
    row = session.execute(_LOCK, values).one_or_none()
    if row is None:
        raise NotFound("no_such_work_item", "There is no such work item")
    return str(row.state)


def _lock_open(session: Session, item_id: UUID, actor: Actor) -> None:
    if _lock(session, item_id, actor) != "open":
        raise Conflict("work_done", "This work is done already")


def _check_words(words: str, field: str, missing: str) -> str:
    plain = words.strip()
    if not plain:
        raise Invalid(FieldError(field, missing))
    if len(plain) > _MAXIMUM_TEXT:
        raise Invalid(FieldError(field, "Enter at most 2,000 characters"))
    return plain


def _note(
    session: Session, item_id: UUID, kind: str, words: str, actor: Actor, now: datetime
) -> None:
    values = {"id": new_id(), "item": item_id, "now": now, "kind": kind, "text": words}
    session.execute(_NOTE, values | {"person": actor.id, "name": actor.name})
