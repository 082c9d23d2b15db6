"""Merchants are paid for the vouchers they took: one payment each, in a normal run."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.runs import models as runs
from payments.runs.actions.create import Desk, PayeeOrder, PaymentOrder, create_payment
from payments.vouchers import models
from payments.vouchers.posting import post_settled, post_settlement_undone
from payments.vouchers.queries import Merchant, get_merchants
from shared import audit
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.ids import new_id, reference

_SETTLER = Actor("system", "vouchers", name="Vouchers")
_TAKEN_BACK = ("cancelled", "recalled")
_voucher = models.voucher


def list_unpaid(session: Session, organisation: str | None = None) -> list[tuple[UUID, int, int]]:
    """Return merchants with vouchers that are not paid for: (merchant id, vouchers, pence)."""
    query = (
        select(_voucher.c.merchant_id, func.count(), func.sum(_voucher.c.amount_pence))
        .where(
            _voucher.c.state == "used",
            _voucher.c.settlement_id.is_(None),
            _voucher.c.is_rehearsal.is_(False),
        )
        .group_by(_voucher.c.merchant_id)
        .order_by(_voucher.c.merchant_id)
    )
    if organisation is not None:
        query = query.where(_voucher.c.organisation == organisation)
    return [(row[0], row[1], int(row[2])) for row in session.execute(query)]


def settle_merchant(session: Session, desk: Desk, merchant_id: UUID, now: datetime) -> str | None:
    """Order one payment for all that a merchant took so far; None when there is nothing to pay.

    The payment joins the day's run of the programme of the merchant's group and goes through the
    same checks, approval and release as every other.

    Raises:
        Problem: the payment is refused; nothing is settled.
    """
    merchant = get_merchants(session, [merchant_id])[0]
    session.execute(
        select(models.merchant.c.id).where(models.merchant.c.id == merchant_id).with_for_update()
    )
    settlement_id = new_id()
    rows = session.execute(
        select(_voucher.c.id, _voucher.c.amount_pence)
        .where(
            _voucher.c.organisation == merchant.organisation,
            _voucher.c.merchant_id == merchant_id,
            _voucher.c.state == "used",
            _voucher.c.settlement_id.is_(None),
            _voucher.c.is_rehearsal.is_(False),
        )
        .with_for_update()
    ).all()
    if not rows:
        return None
    total = sum(row.amount_pence for row in rows)
    programme = session.execute(
        select(runs.programme.c.id, runs.programme.c.slug)
        .join(models.voucher_group, models.voucher_group.c.programme_id == runs.programme.c.id)
        .where(models.voucher_group.c.id == merchant.group_id)
    ).one()
    name = reference("VCH")
    order = _order(desk.vault, merchant, programme.slug, total, name)
    created = create_payment(session, desk, order, f"settlement-{settlement_id}", _SETTLER, now)
    if created.refusal is not None:
        raise created.refusal
    session.execute(
        insert(models.voucher_settlement).values(
            id=settlement_id,
            organisation=merchant.organisation,
            merchant_id=merchant_id,
            programme_id=programme.id,
            reference=name,
            voucher_count=len(rows),
            total_pence=total,
            payment_id=created.payment_id,
            state="ordered",
            made_at=now,
        )
    )
    session.execute(
        update(_voucher)
        .where(_voucher.c.id.in_([row.id for row in rows]))
        .values(settlement_id=settlement_id)
    )
    post_settled(session, merchant.organisation, settlement_id, total, london_date(now))
    details = {"merchant": merchant.name, "vouchers": len(rows), "payment": created.payment_id}
    audit.record(
        session,
        SYSTEM,
        "payments.voucher_settlement.ordered",
        "voucher_settlement",
        settlement_id,
        details,
    )
    return created.payment_id


def undo_taken_back(session: Session, now: datetime) -> int:
    """Free the vouchers of settlements whose payment was removed or recalled; returns how many.

    Their merchants are paid with the next settlement.
    """
    table = models.voucher_settlement
    rows = session.execute(
        select(table)
        .join(runs.payment, runs.payment.c.public_id == table.c.payment_id)
        .where(table.c.state == "ordered", runs.payment.c.state.in_(_TAKEN_BACK))
        .order_by(table.c.id)
        .limit(500)
        .with_for_update(of=table, skip_locked=True)
    ).all()
    for row in rows:
        session.execute(update(table).where(table.c.id == row.id).values(state="undone"))
        session.execute(
            update(_voucher).where(_voucher.c.settlement_id == row.id).values(settlement_id=None)
        )
        post_settlement_undone(session, row.organisation, row.id, row.total_pence, london_date(now))
        audit.record(
            session,
            SYSTEM,
            "payments.voucher_settlement.undone",
            "voucher_settlement",
            row.id,
            {"payment": row.payment_id},
        )
    return len(rows)


def _order(
    vault: DetailsVault, merchant: Merchant, programme: str, total: int, name: str
) -> PaymentOrder:
    if merchant.details_sealed is None:
        raise ValueError("a merchant without bank details took a voucher")
    details = vault.open(merchant.details_sealed, merchant.record)
    return PaymentOrder(
        organisation=merchant.organisation,
        programme=programme,
        payee=PayeeOrder(
            merchant.name,
            merchant.account_type,
            details.sort_code,
            details.account_number,
            details.roll_number,
        ),
        amount_pence=total,
        currency="GBP",
        reference=name,
        case_reference=None,
        subject=None,
        check_id=None,
    )
