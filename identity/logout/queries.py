"""Reads about signing out: who holds a session, and how telling them went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from identity.logout.models import LogoutDelivery

State = Literal["waiting", "delivered", "failing", "given_up"]

_SESSION_CLIENTS = text(
    "SELECT DISTINCT client_id FROM authorisation WHERE session_id = :session_id ORDER BY 1"
)
_LAST = text(
    """
    SELECT (SELECT max(delivered_at) FROM logout_delivery WHERE client_id = :client_id)
             AS last_success,
           f.tried_at AS last_failure, f.last_error
      FROM (SELECT) one LEFT JOIN (
        SELECT tried_at, last_error FROM logout_delivery
         WHERE client_id = :client_id AND last_error IS NOT NULL
         ORDER BY tried_at DESC LIMIT 1) f ON true
    """
)


@dataclass(frozen=True)
class LogoutStatus:
    """How telling one client goes; ``last_error`` is the reason of the newest failure."""

    last_success: datetime | None
    last_failure: datetime | None
    last_error: str


@dataclass(frozen=True)
class DeliveryView:
    """One logout token for a client.

    ``reason`` is ``session_ended`` or ``roles_changed``; ``last_error`` says why the newest try
    that failed did so, also where a later one was taken.
    """

    id: UUID
    reason: str
    created_at: datetime
    tries: int
    tried_at: datetime | None
    delivered_at: datetime | None
    given_up_at: datetime | None
    last_error: str

    @property
    def state(self) -> State:
        """Where it stands: not tried yet, taken, tried again later, or given up."""
        if self.delivered_at is not None:
            return "delivered"
        if self.given_up_at is not None:
            return "given_up"
        return "failing" if self.tries else "waiting"


def list_logout_deliveries(
    session: Session, client_id: str, *, limit: int = 50
) -> list[DeliveryView]:
    """Return the newest logout tokens for a client; they are kept for thirty days."""
    rows = session.execute(
        select(
            LogoutDelivery.id,
            LogoutDelivery.reason,
            LogoutDelivery.created_at,
            LogoutDelivery.tries,
            LogoutDelivery.tried_at,
            LogoutDelivery.delivered_at,
            LogoutDelivery.given_up_at,
            LogoutDelivery.last_error,
        )
        .where(LogoutDelivery.client_id == client_id)
        .order_by(LogoutDelivery.id.desc())
        .limit(limit)
    )
    return [DeliveryView(*row[:-1], row.last_error or "") for row in rows]


def get_logout_status(session: Session, client_id: str) -> LogoutStatus:
    """Return when a client last took a logout token and when it last did not."""
    row = session.execute(_LAST, {"client_id": client_id}).one()
    return LogoutStatus(row.last_success, row.last_failure, row.last_error or "")


def list_session_clients(session: Session, session_id: UUID) -> list[str]:
    """Return the clients that a session was used for and that may still hold it."""
    return list(session.execute(_SESSION_CLIENTS, {"session_id": session_id}).scalars())
