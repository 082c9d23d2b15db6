"""What the end of a session ends beside it: what its clients hold, and their own sessions."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.logout.actions import Ended, plan_delivery

# How late a sandbox client is told that ordered to be told late.
LATE_LOGOUT = timedelta(minutes=2)
_SESSION_CLIENTS = text(
    """
    WITH ended AS (
      UPDATE authorisation SET revoked_at = coalesce(revoked_at, :now)
       WHERE session_id = :session_id
         AND NOT (:keep_offline AND scopes @> ARRAY['offline_access'])
    )
    SELECT a.client_id, coalesce(bool_or(a.asked -> 'faults' ? 'logout.delayed'), false) AS is_late
      FROM authorisation a JOIN relying_party r USING (client_id)
     WHERE a.session_id = :session_id AND r.backchannel_logout_uri IS NOT NULL
     GROUP BY 1 ORDER BY 1
    """
)


def record_session_end(
    session: Session,
    session_id: UUID,
    account_id: UUID,
    now: datetime,
    *,
    keep_offline: bool = False,
) -> None:
    """Revoke what a session's clients hold and tell those that asked for it (back-channel logout).

    Call it in the transaction that ends the session. ``keep_offline``: the person signed out, so
    what they allowed for their absence stays (Back-Channel Logout, section 2.7).
    """
    values = {"session_id": session_id, "now": now, "keep_offline": keep_offline}
    for client_id, is_late in session.execute(_SESSION_CLIENTS, values).all():
        ended = Ended(client_id, account_id, session_id)
        due_at = now + LATE_LOGOUT if is_late else None
        plan_delivery(session, ended, "session_ended", now, due_at=due_at)
