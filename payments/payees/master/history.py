"""What happened to a payee, as lines of a timeline, newest first."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.payees.master.models import payee_import, payee_stop
from payments.payees.master.queries import Change
from shared.errors import NotFound


@dataclass(frozen=True)
class Stop:
    """A stop of a payee, standing or lifted."""

    id: UUID
    code: str
    reason: str
    owner: str
    review_on: date
    stopped_by_id: str
    stopped_by_name: str
    stopped_at: datetime
    lifted_by_id: str | None
    lifted_by_name: str | None
    lifted_at: datetime | None
    lift_reason: str | None


@dataclass(frozen=True)
class Line:
    """Something that happened."""

    at: datetime
    what: str
    who: str
    note: str
    change_id: UUID | None = None


@dataclass(frozen=True)
class Import:
    """A file of payees."""

    id: UUID
    file_name: str
    rows: int
    proposed: int
    unchanged: int
    faults: list[dict[str, object]]
    state: str
    created_by_id: str
    created_by_name: str
    created_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str | None


_STOP_COLUMNS = [payee_stop.c[name] for name in Stop.__dataclass_fields__]
_IMPORT_COLUMNS = [payee_import.c[name] for name in Import.__dataclass_fields__]
_DECISIONS = {
    "confirmed": "Confirmed",
    "rejected": "Rejected",
    "withdrawn": "Withdrawn",
}
SOURCES = {
    "page": "Proposed",
    "api": "Proposed by a program",
    "import": "Proposed from a file",
    "awacs": "Proposed because the bank advised other details",
    "switch_notice": "Proposed because the account was switched",
    "demonstration": "Proposed with the demonstration data",
}


def list_stops(session: Session, payee_id: UUID) -> list[Stop]:
    """Return the stops of a payee, newest first; a standing one is the first."""
    rows = session.execute(
        select(*_STOP_COLUMNS)
        .where(payee_stop.c.payee_id == payee_id)
        .order_by(payee_stop.c.id.desc())
        .limit(50)
    )
    return [Stop(*row) for row in rows]


def get_import(session: Session, organisation: str, import_id: UUID) -> Import:
    """Return a file of payees of this body; refuses every other."""
    row = session.execute(
        select(*_IMPORT_COLUMNS).where(
            payee_import.c.organisation == organisation, payee_import.c.id == import_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_import", "There is no such file of payees")
    return Import(*row)


def list_imports(session: Session, organisation: str) -> list[Import]:
    """Return the latest files of payees, newest first."""
    rows = session.execute(
        select(*_IMPORT_COLUMNS)
        .where(payee_import.c.organisation == organisation)
        .order_by(payee_import.c.id.desc())
        .limit(20)
    )
    return [Import(*row) for row in rows]


def tell_history(changes: list[Change], stops: list[Stop]) -> list[Line]:
    """Return everything that happened to a payee, newest first."""
    lines: list[Line] = []
    for change in changes:
        who = change.proposed_by_name or change.proposed_by_id
        lines.append(
            Line(change.proposed_at, SOURCES[change.source], who, change.reason, change.id)
        )
        if change.decided_at is not None:
            words = change.decision_reason or ""
            by = change.decided_by_name or ""
            lines.append(Line(change.decided_at, _DECISIONS[change.state], by, words, change.id))
        if change.hurried_at is not None:
            by, words = change.hurried_by_name or "", change.hurry_reason or ""
            lines.append(Line(change.hurried_at, "Cooling-off ended early", by, words, change.id))
    for stop in stops:
        lines.append(Line(stop.stopped_at, "Stopped", stop.stopped_by_name, stop.reason))
        if stop.lifted_at is not None:
            by, words = stop.lifted_by_name or "", stop.lift_reason or ""
            lines.append(Line(stop.lifted_at, "Stop lifted", by, words))
    return sorted(lines, key=lambda line: line.at, reverse=True)
