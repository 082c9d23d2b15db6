"""Reads of the safe and of the sharing history."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
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


def list_sharing(session: Session, account_id: UUID, *, limit: int = 100) -> list[Sharing]:
    """Return what an account shared, the newest first."""
    rows = session.execute(
        select(
            SharingEvent.client_name,
            SharingEvent.organisation,
            SharingEvent.scopes,
            SharingEvent.shared_at,
        )
        .where(SharingEvent.account_id == account_id)
        .order_by(SharingEvent.shared_at.desc())
        .limit(limit)
    )
    return [
        Sharing(row.client_name, row.organisation, tuple(row.scopes), row.shared_at) for row in rows
    ]
