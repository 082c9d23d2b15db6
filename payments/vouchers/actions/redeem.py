"""A merchant takes a voucher: once, for money that is there, to an account that can be paid."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault, account_fingerprint, normalise
from payments.vouchers import models
from payments.vouchers.actions.funds import spend_funds
from payments.vouchers.actions.history import Details, note_one
from payments.vouchers.actions.issue import number_hash
from payments.vouchers.posting import post_redeemed
from payments.vouchers.queries import (
    Group,
    Merchant,
    Voucher,
    find_by_number,
    find_group,
    find_merchants,
    get_group,
    list_merchants,
)
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Invalid, NotFound

_UK_DIGITS = 14
_SORT_CODE = 6


@dataclass(frozen=True)
class Redemption:
    """What a till or a GovStack caller sends."""

    organisation: str
    number: str
    merchant_name: str
    merchant_bank_details: str
    merchant_group: str
    override: bool


def redeem(
    session: Session, vault: DetailsVault, order: Redemption, actor: Actor, now: datetime
) -> Voucher:
    """Use a voucher up and book that its merchant is to be paid; exactly one caller succeeds.

    ``override`` lets a merchant of another group take the voucher; that group pays then.

    Raises:
        Invalid: ``merchant_not_credited``: unknown merchant, other bank details, or no account.
        Conflict: ``insufficient_funds``, ``voucher_used``, ``voucher_expired``, ``voucher_state``.
        NotFound: ``no_such_voucher``.
    """
    group = find_group(session, order.organisation, order.merchant_group)
    found = _find_merchant(session, vault, order, group)
    if group is None or found is None:
        raise Invalid(
            FieldError("merchant", "This merchant cannot be credited"),
            code="merchant_not_credited",
        )
    voucher = find_by_number(
        session, order.organisation, number_hash(vault, order.organisation, order.number)
    )
    if voucher is None:
        raise NotFound("no_such_voucher", "There is no such voucher")
    _take(session, voucher, found, group, actor, now, override=order.override)
    return voucher


def redeem_by_agent(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    serial: str,
    number: str,
    agent: str,
    actor: Actor,
    now: datetime,
) -> Voucher:
    """Use a voucher up that is named by serial and secret number, for an agent by their short id.

    Raises:
        Invalid, Conflict, NotFound: as ``redeem``; also where serial and number are not of one.
    """
    voucher = find_by_number(session, organisation, number_hash(vault, organisation, number))
    if voucher is None or voucher.serial != serial:
        raise NotFound("no_such_voucher", "There is no such voucher")
    found = next(
        (one for one in list_merchants(session, organisation) if one.agent_id == agent), None
    )
    if found is None or not _can_be_paid(found, is_rehearsal=voucher.is_rehearsal):
        raise Invalid(
            FieldError("merchant", "This merchant cannot be credited"),
            code="merchant_not_credited",
        )
    group = get_group(session, organisation, found.group_id)
    _take(session, voucher, found, group, actor, now, override=False)
    return voucher


def _take(
    session: Session,
    voucher: Voucher,
    found: Merchant,
    group: Group,
    actor: Actor,
    now: datetime,
    *,
    override: bool,
) -> None:
    if group.id != voucher.group_id:
        if not override or group.is_rehearsal is not voucher.is_rehearsal:
            raise Invalid(
                FieldError("group", "This merchant does not take vouchers of that group"),
                code="merchant_not_credited",
            )
        if group.available_pence < voucher.amount_pence:
            raise Conflict("insufficient_funds", "The funding account has not enough money")
    _use(session, voucher, found, now)
    spend_funds(session, voucher.group_id, group, voucher.amount_pence)
    if not voucher.is_rehearsal:
        items = [(voucher.id, voucher.amount_pence)]
        post_redeemed(session, voucher.organisation, items, london_date(now))
    details: Details = {"merchant": found.name, "amount_pence": voucher.amount_pence}
    note_one(session, actor, voucher, "redeemed", now, state="used", details=details)


def _find_merchant(
    session: Session, vault: DetailsVault, order: Redemption, group: Group | None
) -> Merchant | None:
    """Return the merchant of this name, account and group who can be paid."""
    if group is None:
        return None
    for one in find_merchants(session, order.organisation, order.merchant_name):
        is_known = _has_details(vault, one, order.merchant_bank_details)
        is_paid = _can_be_paid(one, is_rehearsal=group.is_rehearsal)
        if one.group_id == group.id and is_known and is_paid:
            return one
    return None


def _can_be_paid(merchant: Merchant, *, is_rehearsal: bool) -> bool:
    return merchant.can_be_credited and (is_rehearsal or merchant.details_sealed is not None)


def _has_details(vault: DetailsVault, merchant: Merchant, sent: str) -> bool:
    """Tell whether these are the merchant's bank details: the words on file, or their digits."""
    plain = " ".join(sent.split()).casefold()
    if plain and plain == " ".join(merchant.bank_label.split()).casefold():
        return True
    digits = "".join(filter(str.isdigit, sent))
    if merchant.account_fingerprint is None or len(digits) != _UK_DIGITS or not digits.isascii():
        return False
    try:
        details = normalise(digits[:_SORT_CODE], digits[_SORT_CODE:])
    except Invalid:
        return False
    return account_fingerprint(vault, details) == merchant.account_fingerprint


def _use(session: Session, voucher: Voucher, merchant: Merchant, now: datetime) -> None:
    """Set the voucher used where it is usable at this instant; of many callers one does it."""
    table = models.voucher
    done = session.execute(
        update(table)
        .where(table.c.id == voucher.id, table.c.state == "activated", table.c.expires_at > now)
        .values(state="used", state_at=now, used_at=now, merchant_id=merchant.id)
        .returning(table.c.id)
    ).one_or_none()
    if done is None:
        code = "voucher_used" if voucher.state == "used" else "voucher_state"
        if voucher.expires_at <= now:
            code = "voucher_expired"
        raise Conflict(code, "This voucher cannot be used")
