"""Puts an email together: headers, plain text and HTML of the same words."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, parseaddr
from uuid import UUID

from notifications.message_templates.rules import Rendered
from notifications.messages.rules import message_id_header


@dataclass(frozen=True)
class Heading:
    """What the headers of an email say beside its subject."""

    message_id: UUID
    sender: str
    recipient: str
    language: str
    written_at: datetime
    correlation_id: str


def compose(heading: Heading, rendered: Rendered) -> bytes:
    """Return the email as it goes over the wire (RFC 5322, multipart/alternative)."""
    email = EmailMessage(policy=SMTP)
    sender_name, sender_address = parseaddr(heading.sender)
    email["From"] = formataddr((sender_name, sender_address))
    email["To"] = heading.recipient
    email["Subject"] = rendered.subject
    email["Date"] = heading.written_at
    email["Message-ID"] = message_id_header(heading.message_id, sender_address)
    email["Auto-Submitted"] = "auto-generated"
    email["X-Correlation-Id"] = heading.correlation_id
    email.set_content(rendered.text)
    email.add_alternative(rendered.html, subtype="html")
    # After the content, because setting that clears every Content header.
    email["Content-Language"] = heading.language
    return email.as_bytes()
