"""Initial access tokens for programs: POST /identity/v1/initial-access-tokens."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from identity.registration.actions import issue_initial_token
from identity.registration.rules import LONGEST_LIFE, MOST_USES
from shared.web.deps import Caller, NowDep, SessionDep, require_scope

router = APIRouter()


class InitialTokenBody(BaseModel):
    """Who may register clients, how many and until when."""

    model_config = ConfigDict(extra="forbid", strict=True)

    label: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
    organisation: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,38}[a-z0-9]$")]
    uses: Annotated[int, Field(ge=1, le=MOST_USES)] = 1
    days: Annotated[int, Field(ge=1, le=LONGEST_LIFE.days)] = 1
    certification: bool = False


class InitialTokenAnswer(BaseModel):
    """The token, which is shown this once."""

    id: str
    initial_access_token: str
    expires_at: str


@router.post("/initial-access-tokens", status_code=201)
def issue(
    body: InitialTokenBody,
    session: SessionDep,
    now: NowDep,
    caller: Annotated[Caller, Depends(require_scope("identity.admin"))],
) -> InitialTokenAnswer:
    """Issue an initial access token.

    There is no idempotency key: a repeated answer would have to be kept, and with it the token.
    """
    issued = issue_initial_token(
        session,
        caller.actor,
        label=body.label,
        organisation=body.organisation,
        uses=body.uses,
        life=timedelta(days=body.days),
        certification=body.certification,
        now=now,
    )
    return InitialTokenAnswer(
        id=str(issued.id),
        initial_access_token=issued.token,
        expires_at=issued.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
