"""Writing a flow down, and that its client got its answer."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.oidc.flows import FlowView

_FLOW = text(
    """
    INSERT INTO flow (id, browser_hash, client_id, profile, request, account_id, session_id,
                      signed_in_at, created_at, expires_at)
    VALUES (:id, :browser_hash, :client_id, :profile, cast(:request AS jsonb), :account_id,
            :session_id, :signed_in_at, :now, :expires_at)
    """
)
_FINISH_FLOW = text("UPDATE flow SET finished_at = coalesce(finished_at, :now) WHERE id = :id")


def start_flow(session: Session, flow: FlowView) -> None:
    """Store a request whose person has something to do first."""
    session.execute(
        _FLOW,
        {
            "id": flow.id,
            "browser_hash": flow.browser_hash,
            "client_id": flow.client_id,
            "profile": flow.profile,
            "request": flow.request.as_json(),
            "account_id": flow.account_id,
            "session_id": flow.session_id,
            "signed_in_at": flow.signed_in_at,
            "now": flow.created_at,
            "expires_at": flow.expires_at,
        },
    )


def finish_flow(session: Session, flow_id: UUID, now: datetime) -> None:
    """Note that a flow's client got its answer."""
    session.execute(_FINISH_FLOW, {"id": flow_id, "now": now})
