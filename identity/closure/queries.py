"""Everything an account holds, for its owner to take away."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.accounts.models import Account
from identity.accounts.queries import Profile, get_profile
from identity.accounts.vault import Vault
from identity.audit.queries import list_events
from identity.organisations.queries import list_staff_roles
from identity.phones.queries import get_phone
from identity.recovery.queries import list_changes
from identity.safe.queries import list_attributes, list_sharing
from identity.signin.queries import list_sessions
from shared.errors import NotFound

_MOST = 10_000
_CONSENTS = text(
    """
    SELECT c.client_id, r.name, c.scopes, c.updated_at FROM remembered_consent c
      LEFT JOIN relying_party r USING (client_id)
     WHERE c.account_id = :account_id ORDER BY c.client_id
    """
)


def get_closing_at(session: Session, account_id: UUID) -> datetime | None:
    """Return when an account that its owner closed is deleted, None for one that stays."""
    account = session.get(Account, account_id)
    return None if account is None or account.closed_at else account.closing_at


def collect_data(
    session: Session, vault: Vault, account_id: UUID, now: datetime
) -> dict[str, object]:
    """Return what an account holds about its owner, as plain values for JSON.

    Raises:
        NotFound: the account is closed.
    """
    profile = get_profile(session, account_id, vault.sealer)
    if profile is None:
        raise NotFound("account_gone", "This account is no longer there")
    phone = get_phone(session, account_id, vault.sealer)
    return {
        "made_at": now.isoformat(),
        "account": _account(profile),
        "phone": (
            {"number": phone.number, "kind": phone.kind, "confirmed_at": _iso(phone.confirmed_at)}
            if phone
            else None
        ),
        "works_for": list_staff_roles(session, account_id),
        "saved_details": list_attributes(session, account_id, vault.sealer),
        "shared": [
            {
                "service": shared.client_name,
                "organisation": shared.organisation,
                "what": list(shared.scopes),
                "at": _iso(shared.shared_at),
            }
            for shared in list_sharing(session, account_id, limit=_MOST)
        ],
        "agreed_for_good": [
            {"service": row.name or row.client_id, "what": row.scopes, "at": _iso(row.updated_at)}
            for row in session.execute(_CONSENTS, {"account_id": account_id})
        ],
        "signed_in_on": [
            {"device": live.device, "since": _iso(live.authenticated_at)}
            for live in list_sessions(session, account_id, now)
        ],
        "changes": [
            {"what": change.kind, "state": change.state, "at": _iso(change.created_at)}
            for change in list_changes(session, vault, account_id, now)
        ],
        "activity": [
            {"at": _iso(event.at), "what": event.action, "details": event.details}
            for event in list_events(session, account_id, limit=_MOST)
        ],
    }


def _account(profile: Profile) -> dict[str, object]:
    return {
        "email": profile.email,
        "email_confirmed_at": _iso(profile.email_confirmed_at),
        "display_name": profile.display_name,
        "language": profile.language,
        "created_at": _iso(profile.created_at),
        "has_mailbox": profile.mailbox_id is not None,
    }


def _iso(at: datetime) -> str:
    return at.isoformat()
