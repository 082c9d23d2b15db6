"""Merchants who take vouchers, with the account they are paid to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.payees.actions import validate_details
from payments.payees.bank_details import BankDetails, account_fingerprint
from payments.runs.actions.create import Desk
from payments.runs.rules import PAYEE_EDITOR, UPLOADER
from payments.vouchers import models
from payments.vouchers.actions.funds import need_role
from payments.vouchers.queries import get_group
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

_MAXIMUM_NAME = 140


@dataclass(frozen=True)
class NewMerchant:
    """Who shall take vouchers of a group."""

    group_id: UUID
    name: str
    sort_code: str
    account_number: str
    account_type: str = "business"


def add_merchant(
    session: Session, desk: Desk, order: NewMerchant, actor: Actor, now: datetime
) -> UUID:
    """Add a merchant to a group; their bank account is checked and kept sealed.

    Raises:
        Forbidden, NotFound, Invalid: no role, no such group, bad name or account.
        Conflict: the group has a merchant of this name.
    """
    organisation = need_role(actor, UPLOADER, PAYEE_EDITOR)
    group = get_group(session, organisation, order.group_id)
    name = " ".join(order.name.split())
    faults = []
    if not name or len(name) > _MAXIMUM_NAME:
        faults.append(FieldError("name", "Enter a name of up to 140 characters"))
    details: BankDetails | None = None
    try:
        details, _ = validate_details(desk.tables, order.sort_code, order.account_number)
    except Invalid as invalid:
        faults.extend(invalid.fields)
    if faults or details is None:
        raise Invalid(*faults)
    merchant_id = new_id()
    made = session.execute(
        insert(models.merchant)
        .values(
            id=merchant_id,
            organisation=organisation,
            group_id=group.id,
            name=name,
            bank_label="",
            details_sealed=desk.vault.seal(details, f"merchant:{merchant_id}"),
            account_fingerprint=account_fingerprint(desk.vault, details),
            account_tail=details.account_number[-4:],
            account_type=order.account_type,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(models.merchant.c.id)
    ).one_or_none()
    if made is None:
        raise Conflict("merchant_there", "This group has a merchant of that name already")
    audit.record(
        session,
        actor,
        "payments.merchant.added",
        "merchant",
        merchant_id,
        {"name": name, "group": group.name, "account": f"••••{details.account_number[-4:]}"},
    )
    return merchant_id
