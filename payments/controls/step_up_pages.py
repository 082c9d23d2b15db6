"""The way to sign in again, with a second factor, and back to the page that asked for it."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from payments.runs.access import StaffDep
from shared.web.deps import NowDep, SessionDep
from shared.web.login import login_of

router = APIRouter()


@router.get("/step-up")
def step_up(
    request: Request,
    _staff: StaffDep,
    session: SessionDep,
    now: NowDep,
    return_to: str = "/payments/",
) -> Response:
    """Send a signed-in person to sign in afresh, with two factors, and back to a page of ours."""
    back = return_to if return_to.startswith("/payments/") else "/payments/"
    asked = {"max_age": "0", "acr_values": "medium"}
    return login_of(request).start(session, request, now, return_to=back, asked=asked)
