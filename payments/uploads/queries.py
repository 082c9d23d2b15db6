"""Reads of uploads, always within one public body."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from payments.runs.models import programme, run
from payments.uploads import models
from payments.uploads.rules import Format, Mapping, UploadState
from shared.errors import NotFound

_up = models.upload


@dataclass(frozen=True)
class Upload:
    """One file of payments, and how far it is."""

    id: UUID
    organisation: str
    programme_id: UUID
    reference: str
    format: Format
    filename: str
    sha256: bytes
    size: int
    chunks: int
    declared_count: int
    declared_pence: int
    entry_on: date | None
    account_type: str
    source: str
    mapping: dict[str, object] | None
    state: UploadState
    attempt: int
    rows_read: int
    pence_read: int
    amounts_unread: int
    invalid_rows: int
    held_rows: int
    dropped_rows: int
    dropped_pence: int
    warnings: dict[str, int]
    refusal_code: str | None
    refusal: str | None
    refusal_line: int | None
    refusal_column: str | None
    run_id: UUID | None
    sent_by_kind: str
    sent_by_id: str
    sent_by_name: str
    correlation_id: str
    created_at: datetime
    state_at: datetime
    programme: str
    programme_name: str
    programme_gl_code: str
    run_reference: str | None

    @property
    def columns(self) -> Mapping | None:
        """The mapping that a person gave, None where none was needed yet."""
        return None if self.mapping is None else Mapping.from_json(self.mapping)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with one row."""

    number: int
    line: int
    field: str
    message: str
    found: str


@dataclass(frozen=True)
class UploadEvent:
    """What happened to an upload."""

    at: datetime
    kind: str
    actor_name: str
    details: dict[str, object]


_OWN = [
    _up.c[name]
    for name in Upload.__dataclass_fields__
    if name not in ("programme", "programme_name", "programme_gl_code", "run_reference")
]
_COLUMNS = (
    *_OWN,
    programme.c.slug.label("programme"),
    programme.c.name.label("programme_name"),
    programme.c.gl_code.label("programme_gl_code"),
    run.c.reference.label("run_reference"),
)
_FROM = _up.join(programme, programme.c.id == _up.c.programme_id).outerjoin(
    run, run.c.id == _up.c.run_id
)


def _as_upload(row: Row[*tuple[object, ...]]) -> Upload:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    values["sha256"] = bytes(values["sha256"])
    return Upload(**values)


def get_upload(session: Session, organisation: str, upload_id: UUID) -> Upload:
    """Return an upload of this body; raises ``NotFound`` for every other."""
    row = session.execute(
        select(*_COLUMNS)
        .select_from(_FROM)
        .where(_up.c.id == upload_id, _up.c.organisation == organisation)
    ).one_or_none()
    if row is None:
        raise NotFound("upload_not_found", "There is no such upload")
    return _as_upload(row)


def find_upload_of_client(session: Session, client_id: str, upload_id: UUID) -> Upload:
    """Return an upload that this program sent; raises ``NotFound`` for every other."""
    row = session.execute(
        select(*_COLUMNS)
        .select_from(_FROM)
        .where(_up.c.id == upload_id, _up.c.source == "api", _up.c.sent_by_id == client_id)
    ).one_or_none()
    if row is None:
        raise NotFound("upload_not_found", "There is no such upload")
    return _as_upload(row)


def load_upload(session: Session, upload_id: UUID, *, lock: bool = False) -> Upload:
    """Return an upload by its id alone, for work that goes on by itself; may lock its row."""
    query = select(*_COLUMNS).select_from(_FROM).where(_up.c.id == upload_id)
    return _as_upload(session.execute(query.with_for_update(of=_up) if lock else query).one())


def find_same_bytes(session: Session, organisation: str, sha256: bytes) -> Upload | None:
    """Return the body's upload of the same bytes that was neither refused nor abandoned."""
    row = session.execute(
        select(*_COLUMNS)
        .select_from(_FROM)
        .where(
            _up.c.organisation == organisation,
            _up.c.sha256 == sha256,
            _up.c.state.not_in(("refused", "abandoned")),
        )
    ).one_or_none()
    return None if row is None else _as_upload(row)


def list_uploads(
    session: Session, organisation: str, *, state: str = "", offset: int = 0, limit: int = 20
) -> tuple[list[Upload], int]:
    """Return the body's uploads, newest first, and how many there are."""
    wanted = [_up.c.organisation == organisation, *([_up.c.state == state] if state else [])]
    count = session.execute(select(func.count()).select_from(_up).where(*wanted)).scalar_one()
    rows = session.execute(
        select(*_COLUMNS)
        .select_from(_FROM)
        .where(*wanted)
        .order_by(_up.c.created_at.desc(), _up.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [_as_upload(row) for row in rows], count


def list_faults(
    session: Session, upload_id: UUID, *, field: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[Fault], int]:
    """Return faults in order of the rows, and how many there are, all or those of one field."""
    fault = models.upload_fault.c
    wanted = [fault.upload_id == upload_id, *([fault.field == field] if field else [])]
    count = session.execute(
        select(func.count()).select_from(models.upload_fault).where(*wanted)
    ).scalar_one()
    rows = session.execute(
        select(fault.number, fault.line, fault.field, fault.message, fault.found)
        .where(*wanted)
        .order_by(fault.number, fault.ordinal)
        .offset(offset)
        .limit(limit)
    )
    return [Fault(*row) for row in rows], count


def count_faults_by_field(session: Session, upload_id: UUID) -> list[tuple[str, int]]:
    """Return the fields that have faults, most faults first."""
    fault = models.upload_fault.c
    rows = session.execute(
        select(fault.field, func.count())
        .where(fault.upload_id == upload_id)
        .group_by(fault.field)
        .order_by(func.count().desc(), fault.field)
    )
    return [(name, count) for name, count in rows]


def list_faults_of_rows(
    session: Session, upload_id: UUID, first: int, last: int
) -> dict[int, list[Fault]]:
    """Return the faults of the rows from one number to another, by row."""
    fault = models.upload_fault.c
    rows = session.execute(
        select(fault.number, fault.line, fault.field, fault.message, fault.found)
        .where(fault.upload_id == upload_id, fault.number.between(first, last))
        .order_by(fault.number, fault.ordinal)
    )
    found: dict[int, list[Fault]] = {}
    for row in rows:
        found.setdefault(row.number, []).append(Fault(*row))
    return found


def count_invalid_rows(session: Session, upload_id: UUID) -> int:
    """Return how many rows have at least one fault."""
    return int(
        session.execute(
            text("SELECT count(DISTINCT number) FROM upload_fault WHERE upload_id = :upload"),
            {"upload": upload_id},
        ).scalar_one()
    )


def count_holds(session: Session, upload_id: UUID) -> list[tuple[str, int]]:
    """Return why rows will be held, and how many of each."""
    row = models.upload_row.c
    found = session.execute(
        select(row.hold_code, func.count())
        .where(row.upload_id == upload_id, row.hold_code.is_not(None))
        .group_by(row.hold_code)
        .order_by(row.hold_code)
    )
    return [(code, count) for code, count in found]


def list_blocks(session: Session, upload_id: UUID) -> Sequence[tuple[int, int, int]]:
    """Return number, first and last row of the blocks that the rows are kept in."""
    block = models.upload_block.c
    return [
        (row.number, row.first, row.last)
        for row in session.execute(
            select(block.number, block.first, block.last)
            .where(block.upload_id == upload_id)
            .order_by(block.number)
        )
    ]


def list_upload_events(session: Session, upload_id: UUID) -> list[UploadEvent]:
    """Return what happened to an upload, oldest first."""
    event = models.upload_event.c
    rows = session.execute(
        select(event.at, event.kind, event.actor_name, event.details)
        .where(event.upload_id == upload_id)
        .order_by(event.id)
    )
    return [UploadEvent(*row) for row in rows]


def find_mapping(session: Session, organisation: str, sha256: bytes) -> Mapping | None:
    """Return the mapping that the body saved for a heading, None for a heading never seen."""
    kept = session.execute(
        select(models.upload_mapping.c.mapping).where(
            models.upload_mapping.c.organisation == organisation,
            models.upload_mapping.c.header_sha256 == sha256,
        )
    ).scalar_one_or_none()
    return None if kept is None else Mapping.from_json(kept)
