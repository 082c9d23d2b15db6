"""Reads of the GovStack doors: building blocks, beneficiaries, batches."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from payments.govstack import models
from payments.runs.models import payment


@dataclass(frozen=True)
class Beneficiary:
    """The present version of a beneficiary; the address stays sealed."""

    id: UUID
    functional_id: str
    version: int
    modality: str
    address_sealed: bytes | None
    institution: str
    is_active: bool

    @property
    def record(self) -> str:
        """The record to which the sealed address is bound."""
        return f"beneficiary:{self.id}"


@dataclass(frozen=True)
class StoredBatch:
    """A batch of credit instructions that was taken in."""

    id: UUID
    organisation: str
    shape: str
    kind: str
    request_id: str
    source: str
    batch_id: str
    body_sha256: bytes
    state: str
    is_rehearsal: bool
    instruction_count: int
    total_pence: int
    run_id: UUID | None
    callback_url: str
    received_at: datetime
    correlation_id: str


@dataclass(frozen=True)
class StoredInstruction:
    """One instruction with what became of it."""

    number: int
    instruction_id: str
    functional_id: str
    amount_pence: int
    currency: str
    narration: str
    address_sealed: bytes | None
    failure: str
    payment_id: UUID | None
    payment_state: str | None


def is_building_block(session: Session, organisation: str, name: str) -> bool:
    """Tell whether a body knows the building block that calls."""
    table = models.building_block
    query = select(table.c.name).where(table.c.organisation == organisation, table.c.name == name)
    return session.execute(query).first() is not None


def list_beneficiaries(
    session: Session, organisation: str, functional_ids: Sequence[str]
) -> dict[str, Beneficiary]:
    """Return the present versions of these beneficiaries by their functional ids."""
    table = models.beneficiary
    query = (
        select(*[table.c[field.name] for field in fields(Beneficiary)])
        .where(
            table.c.organisation == organisation,
            table.c.functional_id.in_(sorted(set(functional_ids))),
        )
        .ext(distinct_on(table.c.functional_id))
        .order_by(table.c.functional_id, table.c.version.desc())
    )
    return {row.functional_id: Beneficiary(**row._asdict()) for row in session.execute(query)}


_BATCH = [models.batch.c[field.name] for field in fields(StoredBatch)]


def find_payment_batch(
    session: Session, organisation: str, source: str, request_id: str
) -> StoredBatch | None:
    """Return the order that was made under a request's id; rehearsals do not count."""
    table = models.batch
    query = select(*_BATCH).where(
        table.c.organisation == organisation,
        table.c.kind == "payment",
        table.c.source == source,
        table.c.request_id == request_id,
        table.c.is_rehearsal.is_(False),
    )
    row = session.execute(query).one_or_none()
    return StoredBatch(**row._asdict()) if row else None


def find_batch(
    session: Session, organisation: str, batch_id: str, *, kind: str = "", request_id: str = ""
) -> StoredBatch | None:
    """Return the newest batch of this name, of a kind and request where they are given."""
    table = models.batch
    query = (
        select(*_BATCH)
        .where(table.c.organisation == organisation, table.c.batch_id == batch_id)
        .order_by(table.c.id.desc())
        .limit(1)
    )
    if kind:
        query = query.where(table.c.kind == kind)
    if request_id:
        query = query.where(table.c.request_id == request_id)
    row = session.execute(query).one_or_none()
    return StoredBatch(**row._asdict()) if row else None


def get_stored(session: Session, row_id: UUID, *, lock: bool = False) -> StoredBatch:
    """Return a batch by its own id, locked when it shall be changed."""
    query = select(*_BATCH).where(models.batch.c.id == row_id)
    row = session.execute(query.with_for_update() if lock else query).one()
    return StoredBatch(**row._asdict())


def list_instructions(
    session: Session, row_id: UUID, *, offset: int = 0, limit: int | None = None
) -> list[StoredInstruction]:
    """Return a batch's instructions in order, each with the state of its payment."""
    table = models.instruction
    columns = [table.c[field.name] for field in fields(StoredInstruction) if field.name in table.c]
    query = (
        select(*columns, payment.c.state.label("payment_state"))
        .outerjoin(payment, payment.c.id == table.c.payment_id)
        .where(table.c.batch_id == row_id)
        .order_by(table.c.number)
        .offset(offset)
        .limit(limit)
    )
    return [StoredInstruction(**row._asdict()) for row in session.execute(query)]


def list_failures(session: Session, row_id: UUID) -> list[tuple[str, str]]:
    """Return the refused instructions of a batch as (instruction id, reason)."""
    table = models.instruction
    query = (
        select(table.c.instruction_id, table.c.failure)
        .where(table.c.batch_id == row_id, table.c.failure != "")
        .order_by(table.c.number)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


@dataclass(frozen=True)
class Totals:
    """How far a batch is: counts and pence."""

    failed: int
    failed_pence: int
    completed: int
    completed_pence: int


_FAILED = ("invalid", "scheme_rejected", "returned", "rejected", "recalled", "cancelled")


def count_batch(session: Session, row_id: UUID) -> Totals:
    """Return how many of a batch's instructions have failed and how many are paid."""
    table = models.instruction
    failed = (table.c.failure != "") | payment.c.state.in_(_FAILED)
    paid = payment.c.state == "paid"
    row = session.execute(
        select(
            func.count().filter(failed),
            func.coalesce(func.sum(table.c.amount_pence).filter(failed), 0),
            func.count().filter(paid),
            func.coalesce(func.sum(table.c.amount_pence).filter(paid), 0),
        )
        .select_from(table.outerjoin(payment, payment.c.id == table.c.payment_id))
        .where(table.c.batch_id == row_id)
    ).one()
    return Totals(row[0], int(row[1]), row[2], int(row[3]))
