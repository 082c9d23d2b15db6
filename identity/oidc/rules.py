"""Who may go on with a flow; pure."""

import hmac
from datetime import datetime, timedelta

from identity.oidc.flows import FlowView
from identity.signin.queries import SignedInSession
from shared.errors import Conflict, Forbidden

# A double click or a reload gets its answer again; a page kept for hours does not.
REPEAT = timedelta(minutes=5)


def check_can_continue(
    flow: FlowView, signed_in: SignedInSession | None, browser_hash: bytes, now: datetime
) -> None:
    """Refuse a flow of another browser and person, and one that was answered a while ago.

    Raises:
        Forbidden: neither this browser began the flow nor this account signed in during it.
        Conflict: the service got its answer more than five minutes ago.
    """
    same_browser = hmac.compare_digest(browser_hash, flow.browser_hash)
    same_person = (
        signed_in is not None
        and flow.account_id is not None
        and flow.account_id == signed_in.account_id
    )
    if not same_browser and not same_person:
        raise Forbidden(
            "flow_of_another_browser",
            "This sign-in began in another browser",
            detail="Go back to the service you came from and start again.",
        )
    if flow.finished_at is not None and now - flow.finished_at > REPEAT:
        raise Conflict(
            "flow_finished",
            "This sign-in was finished already",
            detail=f"Go back to {flow.client_name} to carry on.",
        )
