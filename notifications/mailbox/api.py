"""Mailboxes for programs: POST /notifications/v1/mailboxes and /mailbox-messages."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from starlette.responses import JSONResponse, Response

from notifications.mailbox.actions import (
    Deposit,
    MailboxRequest,
    create_mailbox,
    deposit_letter,
)
from notifications.mailbox.queries import get_letter_for_sender
from notifications.mailbox.rules import Content, Head
from notifications.sealing.deps import VaultDep
from shared.idempotency import remember, request_hash, store
from shared.web.deps import Caller, NowDep, SessionDep, require_scope

router = APIRouter()

CreatorDep = Annotated[Caller, Depends(require_scope("mailbox.create"))]
SenderDep = Annotated[Caller, Depends(require_scope("mailbox.send"))]
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Subject = Annotated[str, Field(max_length=255, pattern=r"^[\x21-\x7e]+$")]
ShortText = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\r\n\x00]+$")]
Language = Literal["en", "gd"]
_BODY_MAXIMUM = 30_000


class MailboxBody(BaseModel):
    """Whose mailbox, and what identity knows of them."""

    model_config = ConfigDict(extra="forbid")

    subject: Subject
    assurance: Literal["medium", "high"]
    verified_at: AwareDatetime
    email: str = Field(max_length=400)
    language: Language = "en"


class MailboxAnswer(BaseModel):
    """The mailbox of the person."""

    mailbox_id: UUID


class FactBody(BaseModel):
    """One line of the letter's table."""

    model_config = ConfigDict(extra="forbid")

    label: ShortText
    value: ShortText


class LetterBody(BaseModel):
    """What the PDF needs beside the words."""

    model_config = ConfigDict(extra="forbid")

    template: str = Field(max_length=100)
    facts: list[FactBody] = Field(default_factory=list, max_length=50)
    # Empty for a message that is addressed by the mailbox alone.
    recipient_name: Annotated[str, Field(max_length=255, pattern=r"^[^\r\n\x00]*$")]
    recipient_address: list[ShortText] = Field(max_length=7)


class LetterDeposit(BaseModel):
    """A letter for a person's mailbox; ``tell_opened`` asks to be told of its first opening.

    A paragraph of the body that begins with ``* `` is a point of a list.
    """

    model_config = ConfigDict(extra="forbid")

    subject: Subject
    sender: Slug
    sender_name: ShortText
    title: ShortText
    non_sensitive_title: ShortText
    summary: str = Field("", max_length=255)
    body: list[Annotated[str, Field(min_length=1)]] = Field(min_length=1, max_length=100)
    letter: LetterBody
    case_reference: str = Field(max_length=100)
    language: Language = "en"
    tell_opened: bool = False

    @field_validator("body")
    @classmethod
    def _short_enough(cls, body: list[str]) -> list[str]:
        if sum(map(len, body)) > _BODY_MAXIMUM:
            raise ValueError(f"the paragraphs together may have {_BODY_MAXIMUM} characters")
        return body


class DepositAnswer(BaseModel):
    """A letter that was taken in, and how far it is."""

    id: UUID
    status: str


class DepositReport(DepositAnswer):
    """How far a letter is; ``opened_at`` only for a sender who asked with ``tell_opened``."""

    published_at: datetime | None
    opened_at: datetime | None


@router.post(
    "/mailboxes",
    response_model=MailboxAnswer,
    responses={201: {"model": MailboxAnswer, "description": "Created now"}},
)
def make_mailbox(
    body: MailboxBody,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    caller: CreatorDep,
) -> Response:
    """Create the mailbox of a verified person: 201 the first time, then 200 with the same id."""
    request = MailboxRequest(
        subject=body.subject,
        assurance=body.assurance,
        verified_at=body.verified_at,
        email=body.email,
        language=body.language,
    )
    mailbox_id, is_new = create_mailbox(session, vault, caller.actor, request, now)
    return JSONResponse({"mailbox_id": str(mailbox_id)}, 201 if is_new else 200)


@router.post("/mailbox-messages", status_code=202, response_model=DepositAnswer)
def send_letter(
    body: LetterDeposit,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    caller: SenderDep,
    idempotency_key: IdempotencyKey,
) -> Response:
    """Take a letter in; the same key answers the same and delivers nothing more.

    Refuses a person without a mailbox (404), an unknown letter template (422), and a key that was
    used with another body (409).
    """
    digest = vault.index("request", request_hash(body.model_dump(mode="json")))
    scope = f"mailbox-messages:{caller.client_id}"
    if known := remember(session, scope, idempotency_key, digest):
        return JSONResponse(known.body, known.status)
    message_id = deposit_letter(session, vault, caller.actor, _deposit(body), now)
    answer = DepositAnswer(id=message_id, status="initialized").model_dump(mode="json")
    store(session, scope, idempotency_key, digest, status=202, body=answer)
    return JSONResponse(answer, 202)


def _deposit(body: LetterDeposit) -> Deposit:
    return Deposit(
        subject=body.subject,
        sender=body.sender,
        language=body.language,
        head=Head(body.title, body.non_sensitive_title, body.sender_name, body.summary),
        content=Content(
            paragraphs=tuple(body.body),
            facts=tuple((fact.label, fact.value) for fact in body.letter.facts),
            case_reference=body.case_reference,
            letter_template=body.letter.template,
            recipient_name=body.letter.recipient_name,
            recipient_address=tuple(body.letter.recipient_address),
        ),
        tell_opened=body.tell_opened,
    )


@router.get("/mailbox-messages/{message_id}")
def read_letter(message_id: UUID, session: SessionDep, caller: SenderDep) -> DepositReport:
    """Return how far a letter of the caller's is; another's is unknown (404)."""
    letter = get_letter_for_sender(session, message_id, caller.client_id)
    return DepositReport(
        id=letter.id,
        status=letter.state,
        published_at=letter.published_at,
        opened_at=letter.opened_at,
    )
