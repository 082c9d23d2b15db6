"""Reads of the sanctions list and of cases, cases always within one public body."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from payments.runs.models import payment, run
from payments.screening import models
from payments.screening.rules import ListedName
from payments.uploads.models import upload
from shared.errors import NotFound

_case = models.screening_case


@dataclass(frozen=True)
class SanctionsList:
    """The list that names are compared with."""

    id: UUID
    listed_on: date
    sha256: bytes
    source: str
    entries: int
    names: int
    loaded_by: str
    loaded_at: datetime


@dataclass(frozen=True)
class Case:
    """A possible hit that a person decides."""

    id: UUID
    organisation: str
    payment_id: UUID
    upload_id: UUID | None
    payee_name: str
    subject_sha256: bytes
    list_id: UUID
    matches: list[dict[str, Any]]
    next_hold_code: str | None
    next_hold_reason: str | None
    state: str
    opened_at: datetime
    decided_at: datetime | None
    decided_by_name: str | None
    reason: str | None
    public_id: str
    reference: str
    amount_pence: int
    account_tail: str
    payment_state: str
    run_id: UUID
    run_reference: str
    sent_by_id: str | None
    sent_by_name: str | None
    listed_on: date
    list_sha256: bytes


_CASE_COLUMNS = (
    *[
        _case.c[name]
        for name in Case.__dataclass_fields__
        if name in _case.c and name not in ("public_id", "reference")
    ],
    payment.c.public_id,
    payment.c.reference,
    payment.c.amount_pence,
    payment.c.account_tail,
    payment.c.state.label("payment_state"),
    payment.c.run_id,
    run.c.reference.label("run_reference"),
    upload.c.sent_by_id,
    upload.c.sent_by_name,
    models.sanctions_list.c.listed_on,
    models.sanctions_list.c.sha256.label("list_sha256"),
)
# A case whose payment was never made has nothing to decide: its upload was corrected or given up.
_CASES = (
    _case.join(payment, payment.c.id == _case.c.payment_id)
    .join(run, run.c.id == payment.c.run_id)
    .join(models.sanctions_list, models.sanctions_list.c.id == _case.c.list_id)
    .outerjoin(upload, upload.c.id == _case.c.upload_id)
)

# Each open case looks its payment up: OFFSET 0 keeps the planner, which may take a run for small,
# from reading the run and asking about each of its payments. What is held stays behind when a run
# is put forward.
_OPEN_OF_RUN = text(
    """
    SELECT count(*) FROM screening_case c CROSS JOIN LATERAL (
             SELECT run_id, state FROM payment WHERE id = c.payment_id OFFSET 0) p
     WHERE c.organisation = :organisation AND c.state = 'open'
       AND p.run_id = :run AND p.state = 'approved'
    """
)


def find_current_list(session: Session) -> SanctionsList | None:
    """Return the list in force, None where the operator has loaded none."""
    kept = models.sanctions_list.c
    row = session.execute(
        select(*[kept[name] for name in SanctionsList.__dataclass_fields__]).where(
            kept.superseded_at.is_(None)
        )
    ).one_or_none()
    if row is None:
        return None
    return SanctionsList(**{**row._mapping, "sha256": bytes(row.sha256)})  # noqa: SLF001 - its public name


def list_names(session: Session, list_id: UUID) -> list[ListedName]:
    """Return every name of a list."""
    name = models.sanctions_name.c
    return [
        ListedName(row.entry_id, bytes(row.entry_sha256), row.name, row.kind)
        for row in session.execute(
            select(name.entry_id, name.entry_sha256, name.name, name.kind)
            .where(name.list_id == list_id)
            .order_by(name.number)
        )
    ]


def find_clearances(
    session: Session, organisation: str, subjects: Collection[bytes]
) -> set[tuple[bytes, str, str]]:
    """Return subject, entry and hash of the entry of what people have cleared for a body."""
    kept = models.screening_clearance.c
    rows = session.execute(
        select(kept.subject_sha256, kept.entry_id, kept.entry_sha256).where(
            kept.organisation == organisation, kept.subject_sha256.in_(list(subjects))
        )
    )
    return {
        (bytes(row.subject_sha256), row.entry_id, bytes(row.entry_sha256).hex()) for row in rows
    }


def _as_case(row: Row[*tuple[Any, ...]]) -> Case:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    values["subject_sha256"] = bytes(values["subject_sha256"])
    values["list_sha256"] = bytes(values["list_sha256"])
    return Case(**values)


def get_case(session: Session, organisation: str, case_id: UUID) -> Case:
    """Return a case of this body; raises ``NotFound`` for every other."""
    row = session.execute(
        select(*_CASE_COLUMNS)
        .select_from(_CASES)
        .where(_case.c.id == case_id, _case.c.organisation == organisation)
    ).one_or_none()
    if row is None:
        raise NotFound("case_not_found", "There is no such screening case")
    return _as_case(row)


def list_cases(
    session: Session, organisation: str, *, state: str = "", offset: int = 0, limit: int = 20
) -> tuple[list[Case], int]:
    """Return the body's cases, newest first, and how many there are."""
    wanted = [_case.c.organisation == organisation, *([_case.c.state == state] if state else [])]
    count = session.execute(select(func.count()).select_from(_CASES).where(*wanted)).scalar_one()
    rows = session.execute(
        select(*_CASE_COLUMNS)
        .select_from(_CASES)
        .where(*wanted)
        .order_by(_case.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    return [_as_case(row) for row in rows], count


def count_open_cases(session: Session, organisation: str, run_id: UUID) -> int:
    """Return how many possible matches of a run nobody has decided; such a run is not released."""
    values = {"organisation": organisation, "run": run_id}
    count: int = session.execute(_OPEN_OF_RUN, values).scalar_one()
    return count
