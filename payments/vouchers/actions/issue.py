"""Vouchers are made and become usable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.vouchers import models
from payments.vouchers.actions.funds import commit_funds
from payments.vouchers.actions.history import Details, move, note_one
from payments.vouchers.actions.limits import check_ordered
from payments.vouchers.posting import post_issued
from payments.vouchers.queries import Voucher, find_group, get_voucher
from payments.vouchers.rules import Kind, VoucherState, make_number, make_serial
from shared.actors import Actor
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.errors import FieldError, Invalid
from shared.ids import new_id

# What a rehearsal may be counted in; real vouchers are pounds only.
REHEARSAL_CURRENCIES = frozenset({"GBP", "USD", "AED"})


@dataclass(frozen=True)
class VoucherOrder:
    """What somebody asks for."""

    organisation: str
    group: str
    amount_pence: int
    currency: str
    building_block: str = ""
    remark: str = ""


@dataclass(frozen=True)
class NewVoucher:
    """A voucher just made, with the secret number that is shown this once."""

    serial: str
    number: str
    expires_at: datetime


@dataclass(frozen=True)
class Draft:
    """A voucher row to be written, with the secret it is found by."""

    group_id: UUID
    organisation: str
    amount_pence: int
    expires_at: datetime
    state: VoucherState
    number: str
    serial: str
    currency: str = "GBP"
    is_rehearsal: bool = False
    kind: Kind = "voucher"
    batch_id: UUID | None = None
    building_block: str = ""
    remark: str = ""
    recipient: str = ""
    replaces: UUID | None = None


def number_hash(vault: DetailsVault, organisation: str, number: str) -> bytes:
    """Return the keyed hash under which a voucher is found by its secret number."""
    return vault.fingerprint("voucher", organisation, number)


def pre_activate(
    session: Session, vault: DetailsVault, order: VoucherOrder, actor: Actor, now: datetime
) -> NewVoucher:
    """Make one voucher that cannot be used yet, and keep its worth in the group's money.

    Raises:
        Invalid: names ``group``, ``currency`` or ``amount``; rehearsals take test currencies.
        Conflict: ``group_exhausted``.
    """
    group = find_group(session, order.organisation, order.group)
    if group is None:
        raise Invalid(FieldError("group", "There is no such voucher group"))
    allowed = REHEARSAL_CURRENCIES if group.is_rehearsal else {"GBP"}
    if order.currency not in allowed:
        raise Invalid(FieldError("currency", "Vouchers are made in GBP only"))
    if order.amount_pence < 1:
        raise Invalid(FieldError("amount", "Enter an amount of a penny or more"))
    check_ordered(session, group, [order.amount_pence])
    commit_funds(session, group, order.amount_pence)
    draft = Draft(
        group_id=group.id,
        organisation=order.organisation,
        amount_pence=order.amount_pence,
        expires_at=now + timedelta(days=group.days_valid),
        state="pre_activated",
        number=make_number(),
        serial=make_serial(),
        currency=order.currency,
        is_rehearsal=group.is_rehearsal,
        building_block=order.building_block,
        remark=order.remark,
    )
    write_vouchers(session, vault, [draft], now)
    made = get_voucher(session, order.organisation, draft.serial)
    details: Details = {"group": group.name, "amount_pence": order.amount_pence}
    note_one(session, actor, made, "pre_activated", now, state="pre_activated", details=details)
    return NewVoucher(draft.serial, draft.number, draft.expires_at)


def write_vouchers(
    session: Session, vault: DetailsVault, drafts: Sequence[Draft], now: datetime
) -> None:
    """Write vouchers in one statement; numbers and recipients only sealed."""
    rows = []
    for draft in drafts:
        voucher_id = new_id()
        record = f"voucher:{voucher_id}"
        rows.append(
            {
                "id": voucher_id,
                "organisation": draft.organisation,
                "group_id": draft.group_id,
                "batch_id": draft.batch_id,
                "kind": draft.kind,
                "serial": draft.serial,
                "number_hash": number_hash(vault, draft.organisation, draft.number),
                "number_sealed": vault.seal_text(draft.number, record),
                "state": draft.state,
                "amount_pence": draft.amount_pence,
                "currency": draft.currency,
                "is_rehearsal": draft.is_rehearsal,
                "building_block": draft.building_block,
                "remark": draft.remark,
                "recipient_sealed": vault.seal_text(draft.recipient, record)
                if draft.recipient
                else None,
                "created_at": now,
                "state_at": now,
                "expires_at": draft.expires_at,
                "replaces": draft.replaces,
                "correlation_id": correlation_id(),
            }
        )
    session.execute(insert(models.voucher), rows)


def activate(
    session: Session, organisation: str, serial: str, actor: Actor, now: datetime
) -> Voucher:
    """Make a pre-activated voucher usable, and book that its worth is owed from now on.

    Raises:
        NotFound, Conflict: unknown, or not pre-activated.
    """
    voucher = get_voucher(session, organisation, serial, lock=True)
    if voucher.state == "pre_activated" and voucher.expires_at <= now:
        raise Invalid(FieldError("serial", "This voucher has expired"))
    move(session, [voucher], "activated", now)
    issue(session, organisation, [voucher], now)
    note_one(session, actor, voucher, "activated", now, state="activated")
    return voucher


def issue(session: Session, organisation: str, vouchers: Sequence[Voucher], now: datetime) -> None:
    """Book vouchers that became usable, once each; rehearsals are not booked."""
    owed = [voucher for voucher in vouchers if not voucher.is_rehearsal and not voucher.is_issued]
    if not owed:
        return
    items = [(voucher.id, voucher.amount_pence) for voucher in owed]
    post_issued(session, organisation, items, london_date(now))
    session.execute(
        update(models.voucher)
        .where(models.voucher.c.id.in_([voucher.id for voucher in owed]))
        .values(is_issued=True)
    )
