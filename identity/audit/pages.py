"""The page on which a person reads what happened to their account."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from identity.audit.queries import list_events
from identity.signin.access import SignedInDep
from shared.web.deps import RuntimeDep, SessionDep

router = APIRouter()


@router.get("/account/activity")
def show_activity(
    request: Request, runtime: RuntimeDep, session: SessionDep, person: SignedInDep
) -> Response:
    """Show the newest lines of the record."""
    return runtime.pages.render(
        request,
        "audit/activity.html",
        sign_out_url="/identity/sign-out",
        events=[
            {
                "at": event.at,
                "action": event.action,
                "what": str(event.details.get("client") or event.details.get("device") or ""),
            }
            for event in list_events(session, person.account_id)
        ],
    )
