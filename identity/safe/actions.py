"""Changes of the safe, and the agreement to share."""

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from identity.accounts.actions import citizen
from identity.oidc import flows
from identity.safe.models import SafeItem, SharingEvent
from identity.safe.queries import aad_of
from identity.safe.rules import FAILED, Item, outcome_of
from shared import audit
from shared.crypto import Sealer
from shared.ids import new_id

_FORGET = text(
    """
    DELETE FROM safe_item WHERE id IN (
      SELECT id FROM safe_item WHERE expires_at < :now LIMIT 20 FOR UPDATE SKIP LOCKED)
    """
)


def keep_for_flow(
    session: Session,
    sealer: Sealer,
    *,
    account_id: UUID,
    flow_id: UUID,
    items: list[Item],
    expires_at: datetime,
    now: datetime,
) -> None:
    """Keep verified attributes for one flow, sealed for their owner; newer ones replace older."""
    session.execute(_FORGET, {"now": now})
    for item in items:
        scope = str(item["scope"])
        values = {
            "is_verified": outcome_of(item) != FAILED,
            "sealed": sealer.seal(json.dumps(item).encode(), aad_of(account_id, scope)),
            "verified_at": now,
            "created_at": now,
            "expires_at": expires_at,
        }
        session.execute(
            insert(SafeItem)
            .values(id=new_id(), account_id=account_id, flow_id=flow_id, scope=scope, **values)
            .on_conflict_do_update(
                index_elements=["account_id", "flow_id", "scope"],
                index_where=SafeItem.flow_id.is_not(None),
                set_=values,
            )
        )


def store(session: Session, *, account_id: UUID, flow_id: UUID, now: datetime) -> list[str]:
    """Store for good what was verified in a flow, instead of what was stored; returns the scopes.

    Failures are not stored. A second call finds nothing left to do.
    """
    fresh = (
        session.execute(
            update(SafeItem)
            .where(
                SafeItem.account_id == account_id, SafeItem.flow_id == flow_id, SafeItem.is_verified
            )
            .values(expires_at=None)
            .returning(SafeItem.scope)
        )
        .scalars()
        .all()
    )
    if not fresh:
        return []
    session.execute(
        delete(SafeItem).where(
            SafeItem.account_id == account_id,
            SafeItem.flow_id.is_(None),
            SafeItem.scope.in_(fresh),
        )
    )
    session.execute(
        update(SafeItem)
        .where(SafeItem.account_id == account_id, SafeItem.flow_id == flow_id, SafeItem.is_verified)
        .values(flow_id=None, created_at=now)
    )
    _record(session, account_id, "attributes.stored", {"scopes": sorted(fresh)})
    return sorted(fresh)


def delete_stored(session: Session, account_id: UUID) -> int:
    """Delete everything that an account stored; returns how much that was."""
    gone = (
        session.execute(
            delete(SafeItem)
            .where(SafeItem.account_id == account_id, SafeItem.flow_id.is_(None))
            .returning(SafeItem.scope)
        )
        .scalars()
        .all()
    )
    if gone:
        _record(session, account_id, "attributes.deleted", {"scopes": sorted(gone)})
    return len(gone)


def share(
    session: Session, flow: flows.FlowView, account_id: UUID, scopes: list[str], now: datetime
) -> None:
    """Agree to share these attributes in a flow, and write it into the person's history.

    Only what was asked for counts; sharing nothing is an answer too. A second call for the same
    flow adds no second line.
    """
    asked = (*flow.requested_attributes, *flow.remembered_items)
    shared = [scope for scope in asked if scope in scopes]
    if shared:
        record_sharing(session, flow, account_id, shared, now)
    flows.record_consent(session, flow.id, shared, now)
    _record(session, account_id, "sharing.agreed", {"client": flow.client_name, "scopes": shared})


def record_sharing(
    session: Session, flow: flows.FlowView, account_id: UUID, scopes: list[str], now: datetime
) -> None:
    """Add a line to the history of sharing; one line per flow."""
    session.execute(
        insert(SharingEvent)
        .values(
            flow_id=flow.id,
            account_id=account_id,
            client_id=flow.client_id,
            client_name=flow.client_name,
            organisation=flow.organisation,
            scopes=scopes,
            shared_at=now,
        )
        .on_conflict_do_nothing(index_elements=["flow_id"])
    )


_WITHDRAW = text(
    """
    WITH gone AS (
      DELETE FROM remembered_consent WHERE account_id = :account_id AND client_id = :client_id
      RETURNING client_id
    ), ended AS (
      UPDATE authorisation SET revoked_at = :now
       WHERE account_id = :account_id AND client_id = :client_id AND revoked_at IS NULL
    ) SELECT count(*) FROM gone
    """
)


def withdraw(
    session: Session, account_id: UUID, client_id: str, client_name: str, now: datetime
) -> bool:
    """Take back what a person agreed to show a client, and end what it holds of theirs.

    Codes, access and refresh tokens stop working at once; the next sign-in asks again. False when
    there was nothing to take back.
    """
    values = {"account_id": account_id, "client_id": client_id, "now": now}
    if not session.execute(_WITHDRAW, values).scalar_one():
        return False
    details: dict[str, object] = {"client": client_name, "client_id": client_id}
    _record(session, account_id, "sharing.withdrawn", details)
    return True


def _record(session: Session, account_id: UUID, action: str, details: dict[str, object]) -> None:
    audit.record(session, citizen(account_id), action, "account", account_id, details)
