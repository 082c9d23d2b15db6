"""Reads of the safe and of the sharing history."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, true
from sqlalchemy.orm import Session

from identity.accounts.queries import Profile
from identity.safe.models import SafeItem, SharingEvent
from identity.safe.rules import EMAIL_SCOPE, SCOPES, Item, make_item
from shared.crypto import Sealer


@dataclass(frozen=True)
class Sharing:
    """What was shared with whom and when."""

    client_name: str
    organisation: str
    scopes: tuple[str, ...]
    shared_at: datetime


def aad_of(account_id: UUID, scope: str) -> bytes:
    """Return what binds a sealed attribute to its owner."""
    return f"identity.safe:{account_id}:{scope}".encode()


def list_attributes(
    session: Session, account_id: UUID, sealer: Sealer, *, flow_id: UUID | None = None
) -> list[Item]:
    """Return an account's verified attributes in the shape of the claims token (contract 1.9).

    With a flow, the results that the person let us keep for that flow only come too: a newer one
    stands for the stored one, but a failure never hides a success.
    """
    rows = session.execute(
        select(SafeItem.scope, SafeItem.sealed)
        .where(
            SafeItem.account_id == account_id,
            SafeItem.flow_id.is_(None) | (SafeItem.flow_id == flow_id),
        )
        # Later ones win: first failures, then what is stored, then this flow's successes.
        .order_by(SafeItem.is_verified, SafeItem.flow_id.is_not(None), SafeItem.scope.desc())
    )
    items = {
        row.scope: json.loads(sealer.open(bytes(row.sealed), aad_of(account_id, row.scope)))
        for row in rows
    }
    return [items[scope] for scope in SCOPES if scope in items]


def email_item(profile: Profile) -> Item:
    """Return the confirmed email address as an attribute; the account knows it, not the safe."""
    return make_item(
        EMAIL_SCOPE,
        outcome="VERIFIED_SUCCESSFULLY",
        verified_at=profile.email_confirmed_at,
        txn=profile.email_check_id,
        claims={"email": profile.email},
    )


def has_stored(session: Session, account_id: UUID, scopes: set[str]) -> bool:
    """Tell whether every one of these attributes lies in the safe for good."""
    stored = session.execute(
        select(SafeItem.scope).where(
            SafeItem.account_id == account_id, SafeItem.flow_id.is_(None), SafeItem.is_verified
        )
    ).scalars()
    return scopes <= set(stored)


_SERVICES = text(
    """
    SELECT c.client_id, r.name, r.organisation, c.scopes, c.declined, c.attributes, c.since,
           c.used_at, r.options ->> 'policy_uri' AS policy_uri
      FROM remembered_consent c JOIN relying_party r USING (client_id)
     WHERE c.account_id = :account_id AND (:client_id = '' OR c.client_id = :client_id)
     ORDER BY lower(r.name), c.client_id
    """
)


@dataclass(frozen=True)
class Service:
    """A service that a person shares with: what it sees each time, and what it saw last.

    ``declined`` is what it asked for and may not see.
    """

    client_id: str
    name: str
    organisation: str
    each_time: tuple[str, ...]
    declined: tuple[str, ...]
    last_shared: tuple[str, ...]
    since: datetime
    used_at: datetime
    policy_uri: str | None


def list_services(session: Session, account_id: UUID, *, client_id: str = "") -> list[Service]:
    """Return the services that an account shares with, by name; or that one only."""
    rows = session.execute(_SERVICES, {"account_id": account_id, "client_id": client_id})
    return [
        Service(
            client_id=row.client_id,
            name=row.name,
            organisation=row.organisation,
            each_time=tuple(row.scopes),
            declined=tuple(row.declined),
            last_shared=tuple(row.attributes),
            since=row.since,
            used_at=row.used_at,
            policy_uri=row.policy_uri,
        )
        for row in rows
    ]


def list_sharing_names(session: Session, account_id: UUID) -> list[str]:
    """Return the names of the services in an account's history, for choosing one."""
    rows = session.execute(
        select(SharingEvent.client_name)
        .where(SharingEvent.account_id == account_id)
        .distinct()
        .order_by(SharingEvent.client_name)
    )
    return list(rows.scalars())


def count_sharing(session: Session, account_id: UUID, *, client_name: str = "") -> int:
    """Return how many lines an account's history has, with every service or with one."""
    found = select(func.count()).where(SharingEvent.account_id == account_id)
    if client_name:
        found = found.where(SharingEvent.client_name == client_name)
    return int(session.execute(found).scalar_one())


def list_sharing(
    session: Session,
    account_id: UUID,
    *,
    limit: int = 100,
    offset: int = 0,
    client_name: str = "",
) -> list[Sharing]:
    """Return what an account shared, the newest first; with every service or with one."""
    rows = session.execute(
        select(
            SharingEvent.client_name,
            SharingEvent.organisation,
            SharingEvent.scopes,
            SharingEvent.shared_at,
        )
        .where(
            SharingEvent.account_id == account_id,
            true() if not client_name else SharingEvent.client_name == client_name,
        )
        .order_by(SharingEvent.shared_at.desc(), SharingEvent.flow_id)
        .limit(limit)
        .offset(offset)
    )
    return [
        Sharing(row.client_name, row.organisation, tuple(row.scopes), row.shared_at) for row in rows
    ]
