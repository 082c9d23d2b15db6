"""A group's money: put in by two people, kept for living vouchers, paid out when they are used."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from payments.controls.checks import check_step_up, steps_up_everywhere
from payments.controls.rules import SignIn
from payments.runs.queries.runs import find_programme
from payments.runs.rules import APPROVER, UPLOADER
from payments.vouchers import models
from payments.vouchers.queries import Group, get_group
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

_group = models.voucher_group
_MAXIMUM_NAME = 100
_MAXIMUM_FUNDING_PENCE = 2_000_000_000
_MAXIMUM_DAYS = 3650
_MORE_THAN_ANY_GROUP = 10**15


def need_role(actor: Actor, *roles: str) -> str:
    """Return the actor's body; refuses an actor with none of these roles."""
    if actor.roles.isdisjoint(roles):
        raise Forbidden("role_missing", "Your role does not allow this")
    return actor.organisation or ""


def make_group(
    session: Session, name: str, programme: str, days_valid: int, actor: Actor, now: datetime
) -> UUID:
    """Make a voucher group without money; refuses a name that is taken and other faults."""
    organisation = need_role(actor, UPLOADER)
    faults = []
    if not name.strip() or len(name) > _MAXIMUM_NAME or not name.isprintable():
        faults.append(FieldError("name", "Enter a name of up to 100 characters"))
    if not 1 <= days_valid <= _MAXIMUM_DAYS:
        faults.append(FieldError("days_valid", "Enter a number of days from 1 to 3650"))
    found = find_programme(session, organisation, programme)
    if found is None:
        faults.append(FieldError("programme", "Select a programme"))
    taken = session.execute(
        select(_group.c.id).where(
            _group.c.organisation == organisation, _group.c.name == name.strip()
        )
    ).first()
    if taken:
        faults.append(FieldError("name", "There is a group of this name already"))
    if faults or found is None:
        raise Invalid(*faults)
    group_id = new_id()
    session.execute(
        insert(_group).values(
            id=group_id,
            organisation=organisation,
            name=name.strip(),
            programme_id=found.id,
            days_valid=days_valid,
            created_at=now,
        )
    )
    details = {"name": name.strip(), "programme": programme, "days_valid": days_valid}
    audit.record(session, actor, "payments.voucher_group.made", "voucher_group", group_id, details)
    return group_id


def propose_funding(
    session: Session, group_id: UUID, amount_pence: int, actor: Actor, now: datetime
) -> UUID:
    """Ask that money be put into a group; somebody else decides."""
    organisation = need_role(actor, UPLOADER)
    group = get_group(session, organisation, group_id)
    if not 1 <= amount_pence <= _MAXIMUM_FUNDING_PENCE:
        raise Invalid(FieldError("amount", "Enter an amount from £0.01 to £20,000,000.00"))
    funding_id = new_id()
    session.execute(
        insert(models.voucher_funding).values(
            id=funding_id,
            organisation=organisation,
            group_id=group.id,
            amount_pence=amount_pence,
            state="awaiting_approval",
            proposed_by=actor.id,
            proposed_by_name=actor.name,
            proposed_at=now,
        )
    )
    details = {"group": group.name, "amount_pence": amount_pence}
    audit.record(
        session, actor, "payments.voucher_funding.proposed", "voucher_funding", funding_id, details
    )
    return funding_id


def decide_funding(
    session: Session,
    funding_id: UUID,
    *,
    agree: bool,
    actor: Actor,
    now: datetime,
    sign_in: SignIn | None = None,
) -> None:
    """Put proposed money into its group, or refuse it; never by the person who proposed it."""
    organisation = need_role(actor, APPROVER)
    if agree and steps_up_everywhere(session, organisation):
        check_step_up(sign_in, now)
    funding = models.voucher_funding
    row = session.execute(
        select(funding)
        .where(funding.c.organisation == organisation, funding.c.id == funding_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_funding", "There is no such funding")
    if row.state != "awaiting_approval":
        raise Conflict("funding_decided", "This funding is decided already")
    if row.proposed_by == actor.id:
        raise Forbidden(
            "same_person", "Another person has to decide", detail="You asked for this money."
        )
    state = "approved" if agree else "rejected"
    session.execute(
        update(funding)
        .where(funding.c.id == funding_id)
        .values(state=state, decided_by=actor.id, decided_by_name=actor.name, decided_at=now)
    )
    if agree:
        session.execute(
            update(_group)
            .where(_group.c.id == row.group_id)
            .values(funds_pence=_group.c.funds_pence + row.amount_pence)
        )
    details = {"amount_pence": row.amount_pence}
    audit.record(
        session,
        actor,
        f"payments.voucher_funding.{state}",
        "voucher_funding",
        funding_id,
        details,
    )


def commit_funds(session: Session, group: Group, amount_pence: int) -> None:
    """Keep money for vouchers to be made; refuses more than the group still has."""
    amount_pence = min(amount_pence, _MORE_THAN_ANY_GROUP)
    done = session.execute(
        update(_group)
        .where(
            _group.c.id == group.id,
            _group.c.funds_pence - _group.c.committed_pence >= amount_pence,
        )
        .values(committed_pence=_group.c.committed_pence + amount_pence)
        .returning(_group.c.id)
    ).one_or_none()
    if done is None:
        raise Conflict("group_exhausted", f"Voucher group {group.name} has not enough money left")


def free_funds(session: Session, by_group: Mapping[UUID, int]) -> None:
    """Let go of money that was kept for vouchers which ended unused."""
    for group_id in sorted(by_group):
        session.execute(
            update(_group)
            .where(_group.c.id == group_id)
            .values(committed_pence=_group.c.committed_pence - by_group[group_id])
        )


def spend_funds(session: Session, kept_in: UUID, paid_from: Group, amount_pence: int) -> None:
    """Pay a used voucher from a group, and let go of what was kept for it in its own.

    Raises:
        Conflict: the paying group has not so much money that is not kept for others.
    """
    if kept_in == paid_from.id:
        session.execute(
            update(_group)
            .where(_group.c.id == kept_in)
            .values(
                funds_pence=_group.c.funds_pence - amount_pence,
                committed_pence=_group.c.committed_pence - amount_pence,
            )
        )
        return
    done = session.execute(
        update(_group)
        .where(
            _group.c.id == paid_from.id,
            _group.c.funds_pence - _group.c.committed_pence >= amount_pence,
        )
        .values(funds_pence=_group.c.funds_pence - amount_pence)
        .returning(_group.c.id)
    ).one_or_none()
    if done is None:
        raise Conflict("insufficient_funds", "The funding account has not enough money")
    free_funds(session, {kept_in: amount_pence})
