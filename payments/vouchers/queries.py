"""Reads of vouchers, their groups, merchants and batches."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from payments.runs.models import programme
from payments.vouchers import models
from payments.vouchers.rules import Kind, VoucherState
from shared.errors import NotFound

_voucher = models.voucher
_group = models.voucher_group


@dataclass(frozen=True)
class Voucher:
    """One voucher without its secret number."""

    id: UUID
    organisation: str
    group_id: UUID
    batch_id: UUID | None
    kind: Kind
    serial: str
    state: VoucherState
    amount_pence: int
    currency: str
    is_rehearsal: bool
    is_issued: bool
    number_sealed: bytes
    recipient_sealed: bytes | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    settlement_id: UUID | None
    replaces: UUID | None
    prints: int
    correlation_id: str

    @property
    def record(self) -> str:
        """The record to which the sealed number and recipient are bound."""
        return f"voucher:{self.id}"


@dataclass(frozen=True)
class Group:
    """A voucher group with its money."""

    id: UUID
    organisation: str
    name: str
    programme_id: UUID
    programme: str
    programme_name: str
    approvals_needed: int
    funds_pence: int
    committed_pence: int
    days_valid: int
    is_rehearsal: bool

    @property
    def available_pence(self) -> int:
        """What can still be made into vouchers."""
        return self.funds_pence - self.committed_pence


@dataclass(frozen=True)
class Merchant:
    """Who takes vouchers and is paid for them."""

    id: UUID
    organisation: str
    group_id: UUID
    name: str
    bank_label: str
    details_sealed: bytes | None
    account_fingerprint: bytes | None
    account_tail: str
    account_type: str
    can_be_credited: bool

    @property
    def record(self) -> str:
        """The record to which the sealed bank details are bound."""
        return f"merchant:{self.id}"

    @property
    def agent_id(self) -> str:
        """The ten characters under which tills of GovStack's second shape know the merchant."""
        return self.id.hex[-10:]


@dataclass(frozen=True)
class Batch:
    """Vouchers or payment orders that are put forward and approved together."""

    id: UUID
    organisation: str
    group_id: UUID
    reference: str
    kind: Kind
    state: str
    purpose: str
    voucher_count: int
    total_pence: int
    content_sha256: bytes
    made_by: str
    made_by_name: str
    made_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    reason: str


@dataclass(frozen=True)
class Funding:
    """Money that is put into a group, once a second person agrees."""

    id: UUID
    group_id: UUID
    amount_pence: int
    state: str
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime
    decided_by_name: str | None


_VOUCHER = [_voucher.c[field.name] for field in fields(Voucher)]
_MERCHANT = [models.merchant.c[field.name] for field in fields(Merchant)]
_BATCH = [models.voucher_batch.c[field.name] for field in fields(Batch)]
_FUNDING = [models.voucher_funding.c[field.name] for field in fields(Funding)]


def _groups() -> Select[tuple[object, ...]]:
    return select(
        _group,
        programme.c.slug.label("programme"),
        programme.c.name.label("programme_name"),
        programme.c.approvals_needed,
    ).join(programme, programme.c.id == _group.c.programme_id)


def _as_group(row: Row[tuple[object, ...]]) -> Group:
    return Group(**{field.name: getattr(row, field.name) for field in fields(Group)})


def _as_voucher(row: Row[tuple[object, ...]]) -> Voucher:
    return Voucher(**row._asdict())


def list_groups(session: Session, organisation: str) -> list[Group]:
    """Return the groups of a body by name."""
    query = _groups().where(_group.c.organisation == organisation).order_by(_group.c.name)
    return [_as_group(row) for row in session.execute(query)]


def find_group(session: Session, organisation: str, name: str) -> Group | None:
    """Return a group by its name, None when the body has no such group."""
    query = _groups().where(_group.c.organisation == organisation, _group.c.name == name)
    row = session.execute(query).one_or_none()
    return _as_group(row) if row else None


def get_group(session: Session, organisation: str, group_id: UUID) -> Group:
    """Return a group; refuses one of another body."""
    query = _groups().where(_group.c.organisation == organisation, _group.c.id == group_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("no_such_group", "There is no such voucher group")
    return _as_group(row)


def find_voucher(
    session: Session, organisation: str, serial: str, *, lock: bool = False
) -> Voucher | None:
    """Return a voucher by its serial number, locked when it shall be changed."""
    query = select(*_VOUCHER).where(
        _voucher.c.organisation == organisation, _voucher.c.serial == serial
    )
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    return _as_voucher(row) if row else None


def get_voucher(session: Session, organisation: str, serial: str, *, lock: bool = False) -> Voucher:
    """Return a voucher by its serial number; refuses an unknown one."""
    found = find_voucher(session, organisation, serial, lock=lock)
    if found is None:
        raise NotFound("no_such_voucher", "There is no such voucher")
    return found


def find_by_number(session: Session, organisation: str, number_hash: bytes) -> Voucher | None:
    """Return the voucher with this keyed hash of its secret number."""
    query = select(*_VOUCHER).where(
        _voucher.c.organisation == organisation, _voucher.c.number_hash == number_hash
    )
    row = session.execute(query).one_or_none()
    return _as_voucher(row) if row else None


def list_batch_vouchers(
    session: Session, batch_id: UUID, *, offset: int = 0, limit: int | None = None
) -> list[Voucher]:
    """Return the vouchers of a batch in their order."""
    query = (
        select(*_VOUCHER)
        .where(_voucher.c.batch_id == batch_id)
        .order_by(_voucher.c.id)
        .offset(offset)
        .limit(limit)
    )
    return [_as_voucher(row) for row in session.execute(query)]


def search_vouchers(
    session: Session, organisation: str, serial: str, offset: int, limit: int
) -> tuple[list[Voucher], int]:
    """Return a page of a body's vouchers, newest first, and how many there are."""
    conditions = [_voucher.c.organisation == organisation]
    if serial:
        conditions.append(_voucher.c.serial == serial)
    total = session.execute(
        select(func.count()).select_from(_voucher).where(*conditions)
    ).scalar_one()
    query = (
        select(*_VOUCHER).where(*conditions).order_by(_voucher.c.id.desc()).offset(offset)
    ).limit(limit)
    return [_as_voucher(row) for row in session.execute(query)], total


def find_replacement(session: Session, voucher_id: UUID) -> str | None:
    """Return the serial number of the voucher that replaces another."""
    query = select(_voucher.c.serial).where(_voucher.c.replaces == voucher_id)
    return session.execute(query).scalar_one_or_none()


def list_merchants(session: Session, organisation: str) -> list[Merchant]:
    """Return a body's merchants by name."""
    query = (
        select(*_MERCHANT)
        .where(models.merchant.c.organisation == organisation)
        .order_by(models.merchant.c.name, models.merchant.c.id)
    )
    return [Merchant(**row._asdict()) for row in session.execute(query)]


def find_merchants(session: Session, organisation: str, name: str) -> list[Merchant]:
    """Return the merchants of this name, whatever its capitals; one may be in several groups."""
    query = select(*_MERCHANT).where(
        models.merchant.c.organisation == organisation,
        func.lower(models.merchant.c.name) == name.strip().lower(),
    )
    return [Merchant(**row._asdict()) for row in session.execute(query)]


def get_merchants(session: Session, ids: Sequence[UUID]) -> list[Merchant]:
    """Return merchants by their ids."""
    query = select(*_MERCHANT).where(models.merchant.c.id.in_(ids)).order_by(models.merchant.c.id)
    return [Merchant(**row._asdict()) for row in session.execute(query)]


def get_batch(session: Session, organisation: str, batch_id: UUID, *, lock: bool = False) -> Batch:
    """Return a batch; refuses one of another body."""
    query = select(*_BATCH).where(
        models.voucher_batch.c.organisation == organisation,
        models.voucher_batch.c.id == batch_id,
    )
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("no_such_batch", "There is no such batch of vouchers")
    return Batch(**row._asdict())


def list_batches(
    session: Session, organisation: str, offset: int, limit: int
) -> tuple[list[Batch], int]:
    """Return a page of a body's batches, newest first, and how many there are."""
    own = models.voucher_batch.c.organisation == organisation
    total = session.execute(
        select(func.count()).select_from(models.voucher_batch).where(own)
    ).scalar_one()
    query = (
        select(*_BATCH).where(own).order_by(models.voucher_batch.c.id.desc()).offset(offset)
    ).limit(limit)
    return [Batch(**row._asdict()) for row in session.execute(query)], total


def list_fundings(session: Session, organisation: str, state: str) -> list[Funding]:
    """Return a body's fundings in a state, oldest first."""
    query = (
        select(*_FUNDING)
        .where(
            models.voucher_funding.c.organisation == organisation,
            models.voucher_funding.c.state == state,
        )
        .order_by(models.voucher_funding.c.id)
    )
    return [Funding(**row._asdict()) for row in session.execute(query)]


@dataclass(frozen=True)
class VoucherEvent:
    """Something that happened to a voucher."""

    at: datetime
    kind: str
    state: str | None
    actor_name: str
    details: dict[str, str]


def list_events(session: Session, voucher_id: UUID) -> list[VoucherEvent]:
    """Return what happened to a voucher, oldest first."""
    event = models.voucher_event
    query = (
        select(event.c.at, event.c.kind, event.c.state, event.c.actor_name, event.c.details)
        .where(event.c.voucher_id == voucher_id)
        .order_by(event.c.id)
    )
    return [VoucherEvent(**row._asdict()) for row in session.execute(query)]


def find_batch_purpose(session: Session, voucher: Voucher) -> str:
    """Return what a voucher is for; a replacement is for what the lost one was for."""
    batch, table = models.voucher_batch, _voucher
    wanted = voucher
    while wanted.replaces is not None:
        row = session.execute(select(*_VOUCHER).where(table.c.id == wanted.replaces)).one()
        wanted = _as_voucher(row)
    found: str | None = session.execute(
        select(batch.c.purpose).where(batch.c.id == wanted.batch_id)
    ).scalar_one_or_none()
    return found or ""


@dataclass(frozen=True)
class Signature:
    """Who has approved a batch."""

    person_id: str
    person_name: str
    signed_at: datetime


def list_signatures(session: Session, batch_id: UUID) -> list[Signature]:
    """Return who has approved a batch so far."""
    table = models.voucher_batch_signature
    query = (
        select(table.c.person_id, table.c.person_name, table.c.signed_at)
        .where(table.c.batch_id == batch_id)
        .order_by(table.c.signed_at, table.c.person_id)
    )
    return [Signature(*row) for row in session.execute(query)]
