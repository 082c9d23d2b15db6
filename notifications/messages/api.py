"""Email, texts and calls by template for programs: POST and GET /notifications/v1/messages."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from notifications.messages.actions import Order, accept_message
from notifications.messages.queries import get_message
from notifications.sealing.deps import VaultDep
from shared.idempotency import remember, request_hash, store
from shared.web.deps import Caller, NowDep, SessionDep, require_scope

router = APIRouter()

SenderDep = Annotated[Caller, Depends(require_scope("messages.send"))]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]


class MessageBody(BaseModel):
    """A message to send: a template's name, its values, the recipient.

    ``to`` is an email address, or for ``sms`` and ``voice`` a number in international form.
    """

    model_config = ConfigDict(extra="forbid")

    channel: Literal["email", "sms", "voice"]
    template: str = Field(max_length=100)
    to: str = Field(max_length=400)
    language: Literal["en", "gd"] = "en"
    personalisation: dict[str, str] = Field(default_factory=dict, max_length=50)
    reference: str = Field("", max_length=1000)


class MessageAnswer(BaseModel):
    """A message that was accepted, and how far it is."""

    id: UUID
    status: str


class MessageReport(MessageAnswer):
    """How far a message is; ``possible_duplicate`` says that it may have gone out twice."""

    channel: str
    template: str
    language: str
    possible_duplicate: bool
    created_at: datetime
    completed_at: datetime | None


@router.post("/messages", status_code=201, response_model=MessageAnswer)
def send_message(
    body: MessageBody,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    caller: SenderDep,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Accept a message; the same key answers the same and sends nothing more.

    Refuses an unknown template or one for another channel, missing or unknown values, what is no
    address or number (422), and a key that was used with another body (409).
    """
    # Keyed, because a plain hash of an address and a six-digit code could be guessed.
    digest = vault.index("request", request_hash(body.model_dump(mode="json")))
    scope = f"messages:{caller.client_id}"
    if known := remember(session, scope, idempotency_key, digest):
        return JSONResponse(known.body, known.status)
    order = Order(
        channel=body.channel,
        template=body.template,
        to=body.to,
        language=body.language,
        personalisation=body.personalisation,
        reference=body.reference,
    )
    message_id = accept_message(session, vault, caller.actor, order, now)
    answer = MessageAnswer(id=message_id, status="created").model_dump(mode="json")
    store(session, scope, idempotency_key, digest, status=201, body=answer)
    return JSONResponse(answer, 201)


@router.get("/messages/{message_id}")
def read_message(message_id: UUID, session: SessionDep, caller: SenderDep) -> MessageReport:
    """Return how far a message of the caller's is; another's is unknown (404)."""
    message = get_message(session, message_id, caller.client_id)
    return MessageReport(
        id=message.id,
        status=message.state,
        channel=message.channel,
        template=message.template,
        language=message.language,
        possible_duplicate=message.possible_duplicate,
        created_at=message.created_at,
        completed_at=message.completed_at,
    )
