"""What the protocol reads beside its caches."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.accounts.queries import get_profile
from identity.oidc.authorisations import COLUMNS, Authorisation, authorisation_of
from identity.oidc.claim_names import CHECKED_CLAIMS
from identity.organisations.queries import list_staff_roles
from identity.phones.queries import get_phone
from identity.safe.queries import list_attributes
from identity.safe.rules import ADDRESS_SCOPE, GPG45_SCOPE, claims_of, core_address
from shared.crypto import Sealer, hash_token
from shared.quick import Executor

_QUALIFIED = ", ".join(f"a.{name.strip()}" for name in COLUMNS.split(","))
_LIVE = text(
    f"""
    SELECT {_QUALIFIED} FROM authorisation a
     WHERE a.id = :id AND a.revoked_at IS NULL
       AND NOT EXISTS (SELECT FROM revoked_access_token WHERE jti = :jti)
    """
)
_REVOKED = text("SELECT EXISTS (SELECT FROM revoked_access_token WHERE jti = :jti)")
_OPAQUE = text(
    f"""
    SELECT {_QUALIFIED}, a.access_token_until FROM authorisation a
     WHERE a.access_token_hash = :hash AND a.access_token_until > :now AND a.revoked_at IS NULL
       AND NOT EXISTS (SELECT FROM revoked_access_token WHERE jti = :jti)
    """
)
_REFRESH = text(
    f"""
    SELECT {_QUALIFIED}, r.created_at AS issued_at, r.expires_at AS ends_at
      FROM refresh_token r JOIN authorisation a ON a.id = r.authorisation_id
     WHERE r.token_hash = :hash AND a.client_id = :client_id AND a.revoked_at IS NULL
       AND r.consumed_at IS NULL AND r.expires_at > :now
    """
)


def find_authorisation(session: Executor, authorisation_id: UUID, jti: str) -> Authorisation | None:
    """Return what an access token came of, None when it or its family was revoked.

    An exchanged token is another client's than the authorisation it came of.
    """
    values = {"id": authorisation_id, "jti": jti}
    row = session.execute(_LIVE, values).mappings().one_or_none()
    return None if row is None else authorisation_of(row)


def find_opaque_token(
    session: Executor, token: str, now: datetime
) -> tuple[Authorisation, datetime] | None:
    """Return what a live access token without content came of, and when it ends."""
    hashed = hash_token(token)
    values = {"hash": hashed, "jti": hashed.hex(), "now": now}
    row = session.execute(_OPAQUE, values).mappings().one_or_none()
    return None if row is None else (authorisation_of(row), row["access_token_until"])


def is_access_token_revoked(session: Executor, jti: str) -> bool:
    """Tell whether an access token was revoked by itself."""
    return bool(session.execute(_REVOKED, {"jti": jti}).scalar_one())


def find_refresh_token(
    session: Executor, token: str, client_id: str, now: datetime
) -> tuple[Authorisation, datetime, datetime] | None:
    """Return what a live refresh token came of, when it was issued and when it ends."""
    values = {"hash": hash_token(token), "client_id": client_id, "now": now}
    row = session.execute(_REFRESH, values).mappings().one_or_none()
    return None if row is None else (authorisation_of(row), row["issued_at"], row["ends_at"])


def read_claims(
    session: Session,
    account_id: UUID,
    names: Collection[str],
    sealer: Sealer,
    *,
    flow_id: UUID,
    session_id: UUID | None = None,
) -> dict[str, object]:
    """Return those of the named claims that are known about a person (Core, section 5.1).

    Only what the names need is read. Facts of the safe are those of the flow, where it brought
    newer ones than are stored.
    """
    known: dict[str, object] = {}
    if {"name", "locale", "email", "email_verified"} & set(names):
        known |= _account_claims(session, account_id, sealer)
    if {"address", *CHECKED_CLAIMS} & set(names):
        known |= _safe_claims(session, account_id, sealer, flow_id)
    if {"phone_number", "phone_number_verified"} & set(names):
        phone = get_phone(session, account_id, sealer)
        known |= {} if phone is None else phone.claims
    if "staff" in names:
        known["staff"] = list_staff_roles(session, account_id, session_id)
    return {name: value for name, value in known.items() if name in names and value is not None}


def _account_claims(session: Session, account_id: UUID, sealer: Sealer) -> dict[str, object]:
    profile = get_profile(session, account_id, sealer)
    if profile is None:
        return {}
    return {
        "name": profile.display_name or None,
        "locale": profile.language,
        "email": profile.email,
        "email_verified": True,
    }


def _safe_claims(
    session: Session, account_id: UUID, sealer: Sealer, flow_id: UUID
) -> dict[str, object]:
    items = {
        item["scope"]: claims_of(item)
        for item in list_attributes(session, account_id, sealer, flow_id=flow_id)
    }
    person = items.get(GPG45_SCOPE, {})
    return {
        "given_name": person.get("given_name"),
        "family_name": person.get("family_name"),
        "birthdate": person.get("birth_date"),
        "address": core_address(items.get(ADDRESS_SCOPE, {})),
    }
