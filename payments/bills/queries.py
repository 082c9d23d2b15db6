"""Reads of bills, of what providers said of them, and of requests to pay them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, text
from sqlalchemy.orm import Session

from payments.bills import models
from payments.bills.rules import BillState, Facts, RejectReason, RequestReason, RequestState
from payments.runs.models import programme
from shared.errors import NotFound

_bill = models.bill
_transfer = models.bill_transfer
_request = models.bill_request


@dataclass(frozen=True)
class Bill:
    """One bill with its programme."""

    id: UUID
    organisation: str
    programme_id: UUID
    import_id: UUID | None
    reference: str
    payer_name: str
    amount_pence: int
    currency: str
    description: str
    due_on: date
    expires_on: date
    state: BillState
    state_at: datetime
    is_rehearsal: bool
    client_id: str | None
    created_at: datetime
    programme: str
    programme_name: str
    bank_account_id: UUID

    @property
    def facts(self) -> Facts:
        """What decides whether it can be paid."""
        return Facts(self.state, self.amount_pence, self.expires_on)


@dataclass(frozen=True)
class Transfer:
    """What a provider said was paid, and what it was answered."""

    id: UUID
    institution: str
    request_id: str
    bill_reference: str
    payment_reference: str
    amount_pence: int | None
    inquiry_id: str
    bill_id: UUID | None
    is_accepted: bool
    reject_reason: RejectReason
    words: str
    received_at: datetime


@dataclass(frozen=True)
class PayRequest:
    """A request to pay; the payer's address stays sealed."""

    id: UUID
    organisation: str
    rtp_id: str
    bill_id: UUID
    source: str
    request_id: str
    request_type: str
    institution: str
    address_sealed: bytes | None
    amount_pence: int
    state: RequestState
    reject_reason: RequestReason
    payment_reference: str
    callback_url: str
    callback_correlation: str
    created_at: datetime
    state_at: datetime


@dataclass(frozen=True)
class Event:
    """Something that happened to a bill."""

    at: datetime
    kind: str
    actor_name: str
    details: dict[str, object]


@dataclass(frozen=True)
class Import:
    """A file of bills that was taken in."""

    id: UUID
    filename: str
    bill_count: int
    total_pence: int
    made_by_name: str
    made_at: datetime


_KNOWN = text(
    "SELECT reference FROM bill"
    " WHERE organisation = :organisation AND reference = ANY (:references)"
)
_TRANSFER = [_transfer.c[field.name] for field in fields(Transfer)]
_REQUEST = [_request.c[field.name] for field in fields(PayRequest)]
_IMPORT = [models.bill_import.c[field.name] for field in fields(Import)]
_OWN = [field.name for field in fields(Bill) if field.name in _bill.c]


def _bills() -> Select[tuple[object, ...]]:
    return select(
        *[_bill.c[name] for name in _OWN],
        programme.c.slug.label("programme"),
        programme.c.name.label("programme_name"),
        programme.c.bank_account_id,
    ).join(programme, programme.c.id == _bill.c.programme_id)


def _as_bill(row: Row[tuple[object, ...]] | None) -> Bill | None:
    return None if row is None else Bill(**row._asdict())


def find_bill(
    session: Session,
    organisation: str,
    reference: str,
    *,
    is_rehearsal: bool | None = None,
    lock: bool = False,
) -> Bill | None:
    """Return a bill by its reference, locked when it shall be changed; None for an unknown one."""
    query = _bills().where(_bill.c.organisation == organisation, _bill.c.reference == reference)
    if is_rehearsal is not None:
        query = query.where(_bill.c.is_rehearsal == is_rehearsal)
    if lock:
        query = query.with_for_update(of=_bill)
    return _as_bill(session.execute(query).one_or_none())


def get_bill(session: Session, organisation: str, reference: str, *, lock: bool = False) -> Bill:
    """Return a bill; refuses an unknown one and one of another body."""
    found = find_bill(session, organisation, reference, lock=lock)
    if found is None:
        raise NotFound("no_such_bill", "There is no such bill")
    return found


def get_bill_by_id(session: Session, bill_id: UUID) -> Bill:
    """Return a bill by its id."""
    return Bill(**session.execute(_bills().where(_bill.c.id == bill_id)).one()._asdict())


def lock_bill(session: Session, bill_id: UUID) -> Bill:
    """Return a bill by its id, locked."""
    query = _bills().where(_bill.c.id == bill_id).with_for_update(of=_bill)
    return Bill(**session.execute(query).one()._asdict())


@dataclass(frozen=True)
class Sought:
    """Which bills are wanted; empty members ask for all."""

    words: str = ""
    state: str = ""
    programme: str = ""


def list_bills(
    session: Session,
    organisation: str,
    sought: Sought,
    *,
    offset: int = 0,
    limit: int = 50,
    with_rehearsals: bool = True,
) -> tuple[list[Bill], int]:
    """Return a page of a body's bills, newest first, and how many there are."""
    conditions = [_bill.c.organisation == organisation, *_conditions(sought)]
    if not with_rehearsals:
        conditions.append(_bill.c.is_rehearsal.is_(False))
    counted = select(func.count()).select_from(
        _bill.join(programme, programme.c.id == _bill.c.programme_id)
    )
    total = session.execute(counted.where(*conditions)).scalar_one()
    query = _bills().where(*conditions).order_by(_bill.c.id.desc()).offset(offset).limit(limit)
    return [Bill(**row._asdict()) for row in session.execute(query)], total


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if sought.state:
        conditions.append(_bill.c.state == sought.state)
    if sought.programme:
        conditions.append(programme.c.slug == sought.programme)
    conditions += [
        or_(
            _bill.c.reference.startswith(word.upper(), autoescape=True),
            _bill.c.payer_name.icontains(word, autoescape=True),
        )
        for word in sought.words.split()[:5]
    ]
    return conditions


def sum_open(session: Session, organisation: str) -> tuple[int, int]:
    """Return how many bills of a body wait to be paid, and their pence."""
    row = session.execute(
        select(func.count(), func.coalesce(func.sum(_bill.c.amount_pence), 0)).where(
            _bill.c.organisation == organisation,
            _bill.c.state == "open",
            _bill.c.is_rehearsal.is_(False),
        )
    ).one()
    return int(row[0]), int(row[1])


def list_known(session: Session, organisation: str, references: Sequence[str]) -> set[str]:
    """Return those of these references that a body has used."""
    values = {"organisation": organisation, "references": list(references)}
    return set(session.execute(_KNOWN, values).scalars())


def find_transfer(
    session: Session, organisation: str, institution: str, request_id: str
) -> Transfer | None:
    """Return what a provider said under a request id."""
    query = select(*_TRANSFER).where(
        _transfer.c.organisation == organisation,
        _transfer.c.institution == institution,
        _transfer.c.request_id == request_id,
    )
    row = session.execute(query).one_or_none()
    return Transfer(**row._asdict()) if row else None


def find_transfer_told(
    session: Session, organisation: str, request_id: str, *, is_rehearsal: bool
) -> Transfer | None:
    """Return the newest message under a request id whose bill is of this kind, or is not known."""
    query = (
        select(*_TRANSFER)
        .outerjoin(_bill, _bill.c.id == _transfer.c.bill_id)
        .where(
            _transfer.c.organisation == organisation,
            _transfer.c.request_id == request_id,
            or_(_bill.c.id.is_(None), _bill.c.is_rehearsal == is_rehearsal),
        )
        .order_by(_transfer.c.id.desc())
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return Transfer(**row._asdict()) if row else None


def list_transfers(session: Session, bill_id: UUID) -> list[Transfer]:
    """Return what providers said of a bill, oldest first."""
    query = select(*_TRANSFER).where(_transfer.c.bill_id == bill_id).order_by(_transfer.c.id)
    return [Transfer(**row._asdict()) for row in session.execute(query)]


def find_request(
    session: Session, organisation: str, rtp_id: str, *, is_rehearsal: bool, lock: bool = False
) -> PayRequest | None:
    """Return a request to pay by its id."""
    query = (
        select(*_REQUEST)
        .join(_bill, _bill.c.id == _request.c.bill_id)
        .where(
            _request.c.organisation == organisation,
            _request.c.rtp_id == rtp_id,
            _bill.c.is_rehearsal == is_rehearsal,
        )
    )
    if lock:
        query = query.with_for_update(of=_request)
    row = session.execute(query).one_or_none()
    return PayRequest(**row._asdict()) if row else None


def list_requests(session: Session, bill_id: UUID) -> list[PayRequest]:
    """Return the requests to pay a bill, oldest first."""
    query = select(*_REQUEST).where(_request.c.bill_id == bill_id).order_by(_request.c.id)
    return [PayRequest(**row._asdict()) for row in session.execute(query)]


def list_events(session: Session, bill_id: UUID) -> list[Event]:
    """Return what happened to a bill by itself, oldest first."""
    event = models.bill_event
    query = (
        select(event.c.at, event.c.kind, event.c.actor_name, event.c.details)
        .where(event.c.bill_id == bill_id)
        .order_by(event.c.id)
    )
    return [Event(**row._asdict()) for row in session.execute(query)]


def find_import(session: Session, import_id: UUID) -> Import | None:
    """Return a file of bills."""
    row = session.execute(select(*_IMPORT).where(models.bill_import.c.id == import_id))
    found = row.one_or_none()
    return Import(**found._asdict()) if found else None
