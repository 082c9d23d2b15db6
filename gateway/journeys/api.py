"""What other services tell journeys: ``POST /gateway/v1/events``."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, Field

from gateway.journeys.actions.payouts import News, apply_news
from shared.web.deps import Caller, NowDep, SessionDep, require_scope

router = APIRouter()


class EventData(BaseModel):
    """What the event is about; members that journeys do not need are left aside."""

    case_reference: str = Field(max_length=40)
    payment_id: str = Field("", max_length=64)
    message_id: str = Field("", max_length=64)
    state: str = Field("", max_length=40)
    reason_code: str | None = Field(None, max_length=40)
    reason: str | None = Field(None, max_length=500)


class Event(BaseModel):
    """One event of another service."""

    id: UUID
    type: str = Field(max_length=80)
    occurred_at: AwareDatetime
    data: EventData


@router.post("/events", status_code=202)
def receive_event(
    event: Event,
    response: Response,
    session: SessionDep,
    now: NowDep,
    caller: Annotated[Caller, Depends(require_scope("events.write"))],
) -> dict[str, str]:
    """Take news of a payment or letter into its case: 202 the first time, 200 for a repetition."""
    data = event.data
    news = News(
        id=event.id,
        type=event.type,
        occurred_at=event.occurred_at,
        case_reference=data.case_reference,
        subject_id=data.payment_id or data.message_id,
        state=data.state or event.type.rpartition(".")[2],
        reason=data.reason or "",
    )
    if not apply_news(session, news, caller.actor, now):
        response.status_code = 200
        return {"id": str(event.id), "status": "known"}
    return {"id": str(event.id), "status": "accepted"}
