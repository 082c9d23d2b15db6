"""Writing down that clients have to be told, and how telling them went."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from identity.logout.models import LogoutDelivery
from shared.ids import new_id
from shared.outbox import enqueue

LOGOUT_TOPIC = "identity.oidc.notify_logout"
_KEPT = timedelta(days=30)
Reason = Literal["session_ended", "roles_changed"]

_TRIED = text(
    """
    UPDATE logout_delivery
       SET tries = tries + 1, tried_at = :now, last_error = coalesce(:error, last_error),
           delivered_at = CASE WHEN cast(:error AS text) IS NULL THEN :now ELSE delivered_at END,
           given_up_at = CASE WHEN :given_up THEN :now ELSE given_up_at END
     WHERE id = :id
    """
)
_STAFF_CLIENTS = text(
    """
    SELECT DISTINCT a.session_id, a.client_id
      FROM authorisation a JOIN relying_party r USING (client_id)
      JOIN sign_in_session s ON s.id = a.session_id
     WHERE s.account_id = :account_id AND 'staff' = ANY (a.scopes) AND a.revoked_at IS NULL
       AND r.backchannel_logout_uri IS NOT NULL AND s.ended_at IS NULL AND s.ends_at > :now
     ORDER BY 1, 2
    """
)


@dataclass(frozen=True)
class Ended:
    """The session of a person at a client, which that client shall end."""

    client_id: str
    account_id: UUID
    session_id: UUID


def plan_delivery(
    session: Session,
    ended: Ended,
    reason: Reason,
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> None:
    """Have a client told; the end of one session is told once, a change of roles each time."""
    delivery_id = new_id()
    key = f"{ended.session_id}:{ended.client_id}" if reason == "session_ended" else str(delivery_id)
    planned = enqueue(
        session,
        LOGOUT_TOPIC,
        {
            "client_id": ended.client_id,
            "account_id": str(ended.account_id),
            "session_id": str(ended.session_id),
            "delivery_id": str(delivery_id),
        },
        key=key,
        due_at=due_at,
    )
    if planned is None:
        return
    session.execute(
        insert(LogoutDelivery).values(
            id=delivery_id,
            client_id=ended.client_id,
            reason=reason,
            created_at=now,
            expires_at=now + _KEPT,
        )
    )


def record_try(
    session: Session,
    delivery_id: UUID,
    now: datetime,
    *,
    error: str | None = None,
    given_up: bool = False,
) -> None:
    """Note one try: taken where there is no error."""
    values = {"id": delivery_id, "error": error, "given_up": given_up, "now": now}
    session.execute(_TRIED, values)


def end_staff_sessions(session: Session, account_id: UUID, now: datetime) -> None:
    """Have every console end its session of a person whose roles changed.

    The person stays signed in here, so the next click brings them back with their new roles.
    """
    for row in session.execute(_STAFF_CLIENTS, {"account_id": account_id, "now": now}).all():
        ended = Ended(row.client_id, account_id, row.session_id)
        plan_delivery(session, ended, "roles_changed", now)
