"""What other rooms show of a payee beside what they pay."""

from datetime import datetime
from typing import TypedDict

from sqlalchemy.orm import Session

from payments.payees.bank_details import BankDetails, DetailsVault, account_fingerprint
from payments.payees.master.queries import find_payees
from shared import clock


class PayeeNote(TypedDict):
    """A link to a payee, and when its details were changed if that was in the last 30 days."""

    href: str
    name: str
    changed_on: datetime | None


def tell_payee(
    session: Session, vault: DetailsVault, organisation: str, details: BankDetails
) -> PayeeNote | None:
    """Return what is said beside a payment to this account; None for one not in the master."""
    key = account_fingerprint(vault, details)
    view = find_payees(session, organisation, [key]).get(key)
    if view is None:
        return None
    return {
        "href": f"/payments/payees/{view.payee_id}",
        "name": view.name,
        "changed_on": view.details_changed_at if view.is_recently_changed(clock.now()) else None,
    }
