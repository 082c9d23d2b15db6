"""The notifications service, as the other services call it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.clients.base import ServiceClient
from shared.settings import ServiceSettings


@dataclass(frozen=True)
class SentMessage:
    """A message that was accepted, and how far it is."""

    id: str
    status: str


@dataclass(frozen=True)
class MailboxMessage:
    """A letter in a person's mailbox; moments are ISO 8601, empty while they have not come."""

    id: str
    status: str
    published_at: str
    opened_at: str


@dataclass(frozen=True)
class Letter:
    """What the tagged PDF of a mailbox message says and to whom."""

    template: str
    facts: Sequence[tuple[str, str]]
    recipient_name: str
    recipient_address: Sequence[str]


class NotificationsClient(ServiceClient):
    """Calls the notifications service.

    Every method raises ``Problem`` when it refuses and ``ServiceUnavailableError`` when it does not
    answer; the calls are idempotent, so both may be tried again.
    """

    def __init__(
        self, settings: ServiceSettings, client_id: str, *, timeout_seconds: float = 10.0
    ) -> None:
        super().__init__("notifications", settings, client_id, timeout_seconds=timeout_seconds)

    def send_email(
        self,
        *,
        template: str,
        to: str,
        personalisation: Mapping[str, str],
        reference: str,
        idempotency_key: str,
        language: str = "en",
    ) -> SentMessage:
        """Have an email sent from a template; the same key sends it once."""
        return self.send(
            channel="email",
            template=template,
            to=to,
            personalisation=personalisation,
            reference=reference,
            idempotency_key=idempotency_key,
            language=language,
        )

    def send(
        self,
        *,
        channel: str,
        template: str,
        to: str,
        personalisation: Mapping[str, str],
        reference: str,
        idempotency_key: str,
        language: str = "en",
    ) -> SentMessage:
        """Have a message sent as ``email``, ``sms`` or ``voice``; the same key sends it once.

        ``to`` is an email address, or for texts and calls a number in international form.
        """
        answer = self.call(
            "POST",
            "/messages",
            "messages.send",
            body={
                "channel": channel,
                "template": template,
                "to": to,
                "language": language,
                "personalisation": dict(personalisation),
                "reference": reference,
            },
            idempotency_key=idempotency_key,
        )
        return SentMessage(str(answer["id"]), str(answer["status"]))

    def create_mailbox(
        self, *, subject: str, verified_at: datetime, email: str, language: str = "en"
    ) -> str:
        """Create the mailbox of a verified person, once per subject, and return its id."""
        answer = self.call(
            "POST",
            "/mailboxes",
            "mailbox.create",
            body={
                "subject": subject,
                "assurance": "medium",
                "verified_at": verified_at.isoformat(),
                "email": email,
                "language": language,
            },
        )
        return str(answer["mailbox_id"])

    def send_mailbox_message(
        self,
        *,
        subject: str,
        sender: str,
        sender_name: str,
        title: str,
        non_sensitive_title: str,
        summary: str,
        body: Sequence[str],
        letter: Letter,
        case_reference: str,
        idempotency_key: str,
        language: str = "en",
        tell_opened: bool = False,
    ) -> SentMessage:
        """Put a letter into a person's mailbox; the same key delivers it once.

        With ``tell_opened`` the reader is told, and the sender hears, that it was opened.
        """
        answer = self.call(
            "POST",
            "/mailbox-messages",
            "mailbox.send",
            body={
                "subject": subject,
                "sender": sender,
                "sender_name": sender_name,
                "title": title,
                "non_sensitive_title": non_sensitive_title,
                "summary": summary,
                "body": list(body),
                "letter": {
                    "template": letter.template,
                    "facts": [{"label": label, "value": value} for label, value in letter.facts],
                    "recipient_name": letter.recipient_name,
                    "recipient_address": list(letter.recipient_address),
                },
                "case_reference": case_reference,
                "language": language,
                "tell_opened": tell_opened,
            },
            idempotency_key=idempotency_key,
        )
        return SentMessage(str(answer["id"]), str(answer["status"]))

    def get_mailbox_message(self, message_id: str) -> MailboxMessage:
        """Return how far a mailbox message is; refuses an unknown id."""
        answer = self.call("GET", f"/mailbox-messages/{message_id}", "mailbox.send")
        return MailboxMessage(
            id=str(answer["id"]),
            status=str(answer["status"]),
            published_at=str(answer.get("published_at") or ""),
            opened_at=str(answer.get("opened_at") or ""),
        )
