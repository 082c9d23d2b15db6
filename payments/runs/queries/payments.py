"""Reads of payments and of their history."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy import cast as cast_sql
from sqlalchemy.orm import Session

from payments.bank.models import bank_outcome
from payments.runs.models import payment, run, run_event
from payments.runs.rules import PaymentState
from shared.errors import NotFound

_DUPLICATE_DAYS = 35
# Steps of a run that are steps of each of its payments.
_DEEDS_ON_ALL = (
    *("put_forward", "content_fixed", "signed", "approved", "rejected", "released", "sent_back"),
    *("scheduled", "release_stopped", "recalled", "hold_placed", "hold_lifted"),
)
# What the bank says of a whole file; a payment with a case has lines of its own for it.
_SAID_OF_ALL = ("submitted", "accepted", "paid", "unpaid", "refused")

NEWEST_OF_PAYMENTS = 20


@dataclass(frozen=True)
class Payment:
    """One payment; the bank details are sealed."""

    id: UUID
    public_id: str
    organisation: str
    run_id: UUID
    run_reference: str
    state: PaymentState
    subject: str | None
    payee_name: str
    account_type: str
    details_sealed: bytes
    account_tail: str
    amount_pence: int
    currency: str
    reference: str
    case_reference: str | None
    check_id: UUID | None
    modulus_result: str
    hold_code: str | None
    hold_reason: str | None
    reason_code: str | None
    reason: str | None
    correlation_id: str
    created_at: datetime
    state_at: datetime
    replaces: str | None = None
    gl_code: str = ""
    invoice_reference: str = ""
    invoice_received_on: date | None = None
    payee_id: UUID | None = None

    @property
    def record(self) -> str:
        """The name under which the bank details of this payment are sealed."""
        return f"payment:{self.id}"


@dataclass(frozen=True)
class Event:
    """One line of a history."""

    id: UUID
    at: datetime
    kind: str
    state: str | None
    actor_kind: str
    actor_id: str
    actor_name: str
    details: dict[str, str | int | None]
    payment_id: UUID | None
    payment_reference: str | None


_COLUMNS = (
    payment.c.id,
    payment.c.public_id,
    payment.c.organisation,
    payment.c.run_id,
    run.c.reference.label("run_reference"),
    payment.c.state,
    payment.c.subject,
    payment.c.payee_name,
    payment.c.account_type,
    payment.c.details_sealed,
    payment.c.account_tail,
    payment.c.amount_pence,
    payment.c.currency,
    payment.c.reference,
    payment.c.case_reference,
    payment.c.check_id,
    payment.c.modulus_result,
    payment.c.hold_code,
    payment.c.hold_reason,
    payment.c.reason_code,
    payment.c.reason,
    payment.c.correlation_id,
    payment.c.created_at,
    payment.c.state_at,
    payment.c.replaces,
    payment.c.gl_code,
    payment.c.invoice_reference,
    payment.c.invoice_received_on,
    payment.c.payee_id,
)


# Written out as the index ix_payment_words has it, so that the index is used.
_WORDS: ColumnElement[str] = literal_column(
    "(payment.payee_name || ' ' || payment.reference || ' '"
    " || coalesce(payment.case_reference, ''))",
    Text,
)


def get_payment(session: Session, organisation: str, public_id: str) -> Payment:
    """Return a payment; refuses one of another body as if it did not exist."""
    return _one(
        session,
        _select().where(payment.c.organisation == organisation, payment.c.public_id == public_id),
    )


def get_payment_for_client(session: Session, client_id: str, public_id: str) -> Payment:
    """Return a payment that this client made; refuses every other as if it did not exist."""
    return _one(
        session,
        _select().where(payment.c.client_id == client_id, payment.c.public_id == public_id),
    )


def find_payment_by_key(
    session: Session, organisation: str, client_id: str, key: str
) -> Payment | None:
    """Return the payment that a client made under an idempotency key."""
    row = session.execute(
        _select().where(
            payment.c.organisation == organisation,
            payment.c.client_id == client_id,
            payment.c.idempotency_key == key,
        )
    ).one_or_none()
    return None if row is None else _as_payment(row)


@dataclass(frozen=True)
class Sought:
    """Which of its payments a client asks for; empty means all."""

    state: str = ""
    reference: str = ""
    case_reference: str = ""
    run_id: UUID | None = None
    after: str = ""


def list_of_client(
    session: Session, organisation: str, client_id: str, sought: Sought, limit: int
) -> tuple[list[Payment], bool]:
    """Return payments that a client made for a body, the newest first, and whether more follow.

    ``after`` is the last payment of the page before.
    """
    mine = and_(payment.c.organisation == organisation, payment.c.client_id == client_id)
    query = _select().where(mine).order_by(payment.c.id.desc())
    for column, value in (
        (payment.c.state, sought.state),
        (payment.c.reference, sought.reference),
        (payment.c.case_reference, sought.case_reference),
        (payment.c.run_id, sought.run_id),
    ):
        if value:
            query = query.where(column == value)
    if sought.after:
        last = select(payment.c.id).where(mine, payment.c.public_id == sought.after)
        query = query.where(payment.c.id < last.scalar_subquery())
    found = [_as_payment(row) for row in session.execute(query.limit(limit + 1))]
    return found[:limit], len(found) > limit


def list_page(
    session: Session,
    run_id: UUID,
    *,
    state: str = "",
    words: str = "",
    offset: int = 0,
    limit: int = 50,
) -> list[Payment]:
    """Return a page of a run's payments in order of their ids, of one state or with some words."""
    query = _select().where(payment.c.run_id == run_id).order_by(payment.c.id)
    if state:
        query = query.where(payment.c.state == state)
    if words:
        query = query.where(_has_words(words))
    return [_as_payment(row) for row in session.execute(query.offset(offset).limit(limit))]


def count_with_words(
    session: Session, run_id: UUID, words: str, *, state: str = "", most: int = 1_000
) -> int:
    """Return how many payments of a run have some words, counted no further than to a limit."""
    found = select(payment.c.id).where(payment.c.run_id == run_id, _has_words(words))
    if state:
        found = found.where(payment.c.state == state)
    return session.execute(
        select(func.count()).select_from(found.limit(most).subquery())
    ).scalar_one()


def list_payments_by_id(session: Session, ids: list[UUID]) -> list[Payment]:
    """Return payments by id, the highest id first."""
    query = _select().where(payment.c.id.in_(ids)).order_by(payment.c.id.desc())
    return [_as_payment(row) for row in session.execute(query)]


def lock_payments(session: Session, ids: list[UUID]) -> list[Payment]:
    """Return payments by id and keep other changes of them waiting; in order of their ids."""
    query = (
        _select().where(payment.c.id.in_(ids)).order_by(payment.c.id).with_for_update(of=payment)
    )
    return [_as_payment(row) for row in session.execute(query)]


def find_duplicate(
    session: Session,
    organisation: str,
    account_fingerprint: bytes,
    amount_pence: int,
    reference: str,
    since: datetime,
    *,
    besides: UUID | None = None,
) -> str | None:
    """Return the public id of a payment with the same account, amount and reference, if any.

    Of two equal payments at once the second waits here until the first is committed.
    ``besides`` is the payment that is compared, where it is stored already.
    """
    equal = f"{organisation}/{account_fingerprint.hex()}/{amount_pence}/{reference}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(equal, 0))))
    return session.execute(
        select(payment.c.public_id)
        .where(
            payment.c.organisation == organisation,
            payment.c.account_fingerprint == account_fingerprint,
            payment.c.amount_pence == amount_pence,
            payment.c.reference == reference,
            payment.c.created_at > since - timedelta(days=_DUPLICATE_DAYS),
            payment.c.state.not_in(("cancelled", "invalid", "returned", "scheme_rejected")),
            *([] if besides is None else [payment.c.id != besides]),
        )
        .order_by(payment.c.id)
        .limit(1)
    ).scalar_one_or_none()


def find_replacement(session: Session, organisation: str, public_id: str) -> Payment | None:
    """Return the living payment that replaces another one, if any."""
    row = session.execute(
        _select().where(
            payment.c.organisation == organisation,
            payment.c.replaced_live == public_id,
        )
    ).one_or_none()
    return None if row is None else _as_payment(row)


def list_run_events(session: Session, run_id: UUID, *payment_kinds: str) -> list[Event]:
    """Return what happened to a run, and the newest of these kinds to its payments; oldest first.

    Thousands of payments may come back: each has them all on its own page.
    """
    of_run = run_event.c.run_id == run_id
    newest = (
        select(run_event.c.id)
        .where(of_run, run_event.c.payment_id.is_not(None), run_event.c.kind.in_(payment_kinds))
        .order_by(run_event.c.id.desc())
        .limit(NEWEST_OF_PAYMENTS)
    )
    wanted = or_(run_event.c.payment_id.is_(None), run_event.c.id.in_(newest))
    return _events(session, and_(of_run, wanted))


def list_payment_events(session: Session, found: Payment) -> list[Event]:
    """Return what happened to a payment and, while it was in it, to its run."""
    of_run = and_(
        run_event.c.run_id == found.run_id,
        run_event.c.payment_id.is_(None),
        run_event.c.kind.in_(_DEEDS_ON_ALL),
        run_event.c.at >= found.created_at,
    )
    wanted = [run_event.c.payment_id == found.id, of_run]
    if found.case_reference is None:
        batches = select(cast_sql(bank_outcome.c.batch_id, Text)).where(
            bank_outcome.c.payment_id == found.id
        )
        of_bank = and_(
            run_event.c.run_id == found.run_id,
            run_event.c.payment_id.is_(None),
            run_event.c.kind.in_(_SAID_OF_ALL),
            run_event.c.details["batch"].astext.in_(batches),
        )
        wanted.append(of_bank)
    return _events(session, or_(*wanted))


def _has_words(words: str) -> ColumnElement[bool]:
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return _WORDS.ilike(f"%{escaped}%")


def _events(session: Session, condition: ColumnElement[bool]) -> list[Event]:
    rows = session.execute(
        select(
            run_event.c.id,
            run_event.c.at,
            run_event.c.kind,
            run_event.c.state,
            run_event.c.actor_kind,
            run_event.c.actor_id,
            run_event.c.actor_name,
            run_event.c.details,
            run_event.c.payment_id,
            payment.c.reference.label("payment_reference"),
        )
        .select_from(run_event.outerjoin(payment, payment.c.id == run_event.c.payment_id))
        .where(condition)
        .order_by(run_event.c.id)
    )
    return [Event(**dict(row._mapping)) for row in rows]  # noqa: SLF001 - as in _as_payment


def _select() -> Select[*tuple[Any, ...]]:
    return select(*_COLUMNS).select_from(payment.join(run, run.c.id == payment.c.run_id))


def _one(session: Session, query: Select[*tuple[Any, ...]]) -> Payment:
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("payment_not_found", "There is no such payment")
    return _as_payment(row)


def _as_payment(row: Row[*tuple[Any, ...]]) -> Payment:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    values["state"] = cast("PaymentState", values["state"])
    values["details_sealed"] = bytes(values["details_sealed"])
    return Payment(**values)
