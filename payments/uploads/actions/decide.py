"""What a person decides about an upload: which column is which, drop bad rows, give it up."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.uploads import models
from payments.uploads.actions.create import begin_creating
from payments.uploads.actions.history import move_upload, note_upload
from payments.uploads.actions.receive import ask_for_reading
from payments.uploads.queries import Upload, get_upload, load_upload
from payments.uploads.rules import WAITING, Mapping, check_mapping
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Invalid
from shared.outbox import enqueue

# Nothing was made of the file yet, so it may be read from its beginning again.
_AGAIN = frozenset({"reading", "validating", "comparing", "faulty"})
_SUM_GOOD = text(
    """
    SELECT count(*) AS items, coalesce(sum(r.amount_pence), 0) AS pence
      FROM upload_row r
     WHERE r.upload_id = :upload
       AND r.number NOT IN (SELECT f.number FROM upload_fault f WHERE f.upload_id = :upload)
    """
)


def lock_upload(session: Session, organisation: str, upload_id: UUID) -> Upload:
    """Return an upload of this body, locked; raises ``NotFound`` for every other."""
    get_upload(session, organisation, upload_id)
    return load_upload(session, upload_id, lock=True)


def map_columns(
    session: Session,
    organisation: str,
    upload_id: UUID,
    mapping: Mapping,
    header: bytes,
    actor: Actor,
    now: datetime,
) -> None:
    """Keep what a person says about the columns, for this file and the next of its heading.

    Raises:
        Conflict: the upload does not wait for this.
        Invalid: a needed column is missing, or one is given twice.
    """
    upload = lock_upload(session, organisation, upload_id)
    if upload.state != "mapping":
        raise Conflict("upload_state", "The columns of this upload are known already")
    if faults := check_mapping(mapping):
        raise Invalid(*(FieldError("columns", fault) for fault in faults))
    values = {"mapping": mapping.as_json(), "saved_by": actor.id, "saved_at": now}
    session.execute(
        insert(models.upload_mapping)
        .values(organisation=organisation, header_sha256=header, **values)
        .on_conflict_do_update(index_elements=["organisation", "header_sha256"], set_=values)
    )
    _read_anew(session, upload, now, mapping=mapping.as_json())
    note_upload(session, actor, upload, "mapped", now, {"columns": ", ".join(mapping.columns)})


def read_again(
    session: Session, organisation: str, upload_id: UUID, actor: Actor, now: datetime
) -> None:
    """Read an upload from its stored bytes again, from the beginning.

    For an upload that stands still: what is made from the bytes does not survive a crash of the
    database, and this makes it anew.

    Raises:
        Conflict: payments are being made of it, or it is finished.
    """
    upload = lock_upload(session, organisation, upload_id)
    if upload.state not in _AGAIN:
        raise Conflict("upload_state", "This upload cannot be read again")
    _read_anew(session, upload, now)
    note_upload(session, actor, upload, "read_again", now)


def _read_anew(session: Session, upload: Upload, now: datetime, **values: object) -> None:
    move_upload(
        session,
        upload,
        "reading",
        now,
        attempt=upload.attempt + 1,
        rows_read=0,
        pence_read=0,
        amounts_unread=0,
        invalid_rows=0,
        warnings={},
        **values,
    )
    ask_for_reading(session, load_upload(session, upload.id))


def drop_bad_rows(
    session: Session,
    organisation: str,
    upload_id: UUID,
    rows: int,
    actor: Actor,
    now: datetime,
) -> tuple[int, int]:
    """Pay the good rows only; the totals change and that is noted. Returns dropped count and pence.

    ``rows`` is how many bad rows the person was shown.

    Raises:
        Conflict: the upload does not wait for this, the number has changed, or no row is good.
    """
    upload = lock_upload(session, organisation, upload_id)
    if upload.state != "faulty":
        raise Conflict("upload_state", "This upload has no rows to drop")
    good = session.execute(_SUM_GOOD, {"upload": upload.id}).one()
    dropped = (upload.rows_read - good.items, upload.pence_read - int(good.pence))
    if rows != dropped[0]:
        raise Conflict("rows_changed", "The number of bad rows has changed; look at them again")
    values = {"dropped_rows": dropped[0], "dropped_pence": dropped[1]}
    move_upload(session, upload, "faulty", now, **values)
    note_upload(
        session,
        actor,
        upload,
        "dropped",
        now,
        {
            "rows": dropped[0],
            "pence": dropped[1],
            "declared_count": upload.declared_count,
            "declared_pence": upload.declared_pence,
            "unread_amounts": upload.amounts_unread,
        },
    )
    begin_creating(session, load_upload(session, upload.id), actor, now)
    return dropped


def abandon(
    session: Session, organisation: str, upload_id: UUID, actor: Actor, now: datetime
) -> None:
    """Give an upload up; nothing is paid of it, and the same file may come again.

    Raises:
        Conflict: it does not wait for a person.
    """
    upload = lock_upload(session, organisation, upload_id)
    if upload.state not in WAITING:
        raise Conflict("upload_state", "This upload cannot be given up now")
    move_upload(session, upload, "abandoned", now)
    note_upload(session, actor, upload, "abandoned", now)
    enqueue(session, "payments.uploads.forget", {"upload_id": str(upload.id)}, key=str(upload.id))
