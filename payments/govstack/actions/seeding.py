"""A sandbox is set up, and set back, by its operator; nothing of it is real money."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.govstack import models
from payments.govstack.actions.seeding_bills import seed_bills
from payments.govstack.sandbox import SandboxPlan, SandboxVoucher
from payments.payees.bank_details import DetailsVault
from payments.runs.queries.runs import find_body_name, find_programme
from payments.vouchers import models as vouchers
from payments.vouchers.actions.issue import number_hash
from payments.vouchers.rules import LIVING
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

_group = vouchers.voucher_group
_voucher = vouchers.voucher
_MAXIMUM_NAME = 256


def seed_sandbox(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    plan: SandboxPlan,
    actor: Actor,
    now: datetime,
) -> None:
    """Put a plan into a body's sandbox; its vouchers, merchants and balances start afresh.

    Raises:
        Invalid: no such programme, or a voucher or merchant of a group that is not in the plan.
        Conflict: a group or serial number belongs to what is not a rehearsal.
    """
    programme = find_programme(session, organisation, plan.programme)
    names = {group.name for group in plan.groups}
    used = {one.group for one in plan.merchants} | {one.group for one in plan.vouchers}
    if programme is None:
        raise Invalid(FieldError("programme", "This body has no such programme"))
    if used - names:
        raise Invalid(FieldError("groups", "A merchant or voucher names a group that is not here"))
    session.execute(text("SELECT pg_advisory_xact_lock(4317)"))
    if plan.building_blocks:
        session.execute(
            insert(models.building_block)
            .values(
                [
                    {"organisation": organisation, "name": name, "registered_at": now}
                    for name in plan.building_blocks
                ]
            )
            .on_conflict_do_nothing()
        )
    groups = _save_groups(session, organisation, plan, programme.id, now)
    _save_merchants(session, organisation, plan, groups, now)
    _save_vouchers(session, vault, organisation, plan.vouchers, groups, now)
    _balance(session, organisation, plan)
    seed_bills(session, organisation, plan.bills, programme.id, now)
    details = {"groups": len(plan.groups), "vouchers": len(plan.vouchers)} | {
        "bills": len(plan.bills)
    }
    audit.record(session, actor, "payments.govstack.sandbox_seeded", "body", organisation, details)


def add_building_block(
    session: Session, organisation: str, name: str, actor: Actor, now: datetime
) -> None:
    """Let a building block call for a body; one that may already stays as it is.

    Raises:
        Invalid: no such body, or no name of up to 256 characters.
    """
    if find_body_name(session, organisation) is None:
        raise Invalid(FieldError("organisation", "This body does not pay through this platform"))
    if not name.strip() or len(name) > _MAXIMUM_NAME or not name.isprintable():
        raise Invalid(FieldError("name", "Enter a name of up to 256 characters"))
    session.execute(
        insert(models.building_block)
        .values(organisation=organisation, name=name, registered_at=now)
        .on_conflict_do_nothing()
    )
    details = {"name": name}
    action = "payments.govstack.building_block_added"
    audit.record(session, actor, action, "body", organisation, details)


def _save_groups(
    session: Session, organisation: str, plan: SandboxPlan, programme_id: UUID, now: datetime
) -> dict[str, UUID]:
    for group in plan.groups:
        session.execute(
            insert(_group)
            .values(
                id=new_id(),
                organisation=organisation,
                name=group.name,
                programme_id=programme_id,
                days_valid=group.days_valid,
                is_rehearsal=True,
                created_at=now,
            )
            .on_conflict_do_nothing()
        )
    rows = session.execute(
        select(_group.c.name, _group.c.id, _group.c.is_rehearsal).where(
            _group.c.organisation == organisation,
            _group.c.name.in_([group.name for group in plan.groups]),
        )
    ).all()
    if real := [row.name for row in rows if not row.is_rehearsal]:
        raise Conflict("not_a_rehearsal", f"Voucher group {real[0]} is not a rehearsal")
    return {row.name: row.id for row in rows}


def _save_merchants(
    session: Session,
    organisation: str,
    plan: SandboxPlan,
    groups: dict[str, UUID],
    now: datetime,
) -> None:
    for merchant in plan.merchants:
        statement = insert(vouchers.merchant).values(
            id=new_id(),
            organisation=organisation,
            group_id=groups[merchant.group],
            name=merchant.name,
            bank_label=merchant.bank_details,
            can_be_credited=merchant.can_be_credited,
            created_at=now,
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["organisation", "name", "group_id"],
                set_={
                    "bank_label": merchant.bank_details,
                    "can_be_credited": merchant.can_be_credited,
                },
            )
        )


def _save_vouchers(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    plans: list[SandboxVoucher],
    groups: dict[str, UUID],
    now: datetime,
) -> None:
    known = {
        row.serial: row
        for row in session.execute(
            select(_voucher.c.serial, _voucher.c.id, _voucher.c.is_rehearsal).where(
                _voucher.c.serial.in_([plan.serial for plan in plans])
            )
        )
    }
    for plan in plans:
        before = known.get(plan.serial)
        if before is not None and not before.is_rehearsal:
            raise Conflict("not_a_rehearsal", f"Voucher {plan.serial} is not a rehearsal")
        voucher_id = before.id if before else new_id()
        number = plan.number or plan.serial
        values = {
            "organisation": organisation,
            "group_id": groups[plan.group],
            "number_hash": number_hash(vault, organisation, number),
            "number_sealed": vault.seal_text(number, f"voucher:{voucher_id}"),
            "state": plan.state,
            "amount_pence": plan.amount_pence,
            "is_rehearsal": True,
            "created_at": now,
            "state_at": now,
            "expires_at": now + timedelta(days=-1 if plan.state == "expired" else 3650),
            "used_at": now if plan.state == "used" else None,
            "merchant_id": None,
            "correlation_id": correlation_id(),
        }
        if before is None:
            row = {"id": voucher_id, "serial": plan.serial, **values}
            session.execute(insert(_voucher).values(**row))
        else:
            session.execute(update(_voucher).where(_voucher.c.id == voucher_id).values(**values))


def _balance(session: Session, organisation: str, plan: SandboxPlan) -> None:
    """Set what each group keeps for its living vouchers, and what it has beyond that."""
    for group in plan.groups:
        kept = (
            select(func.coalesce(func.sum(_voucher.c.amount_pence), 0))
            .where(_voucher.c.group_id == _group.c.id, _voucher.c.state.in_(sorted(LIVING)))
            .scalar_subquery()
        )
        session.execute(
            update(_group)
            .where(_group.c.organisation == organisation, _group.c.name == group.name)
            .values(committed_pence=kept, funds_pence=kept + group.funds_pence)
        )
