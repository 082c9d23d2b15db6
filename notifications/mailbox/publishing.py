"""What the platform does with a letter it took in: set its PDF, show it, alert its reader."""

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from notifications.letters.rules import Letter
from notifications.letters.typesetting import typeset
from notifications.mailbox.actions import note_event
from notifications.mailbox.queries import lock_letter
from notifications.mailbox.rules import Content, Event, Head, State, move
from notifications.messages.actions import Order, accept_message
from notifications.sealing.vault import Vault
from shared import audit
from shared.actors import SYSTEM
from shared.outbox import enqueue

_PUBLISH = text(
    """
    UPDATE mailbox_message SET state = :state, published_at = :now, letter_sealed = :letter_sealed,
                               letter_sha256 = :letter_sha256
     WHERE id = :id
    """
)
_HAS_EVENT = text(
    "SELECT EXISTS (SELECT FROM mailbox_event WHERE message_id = :id AND event = :event)"
)


def publish_letter(session: Session, vault: Vault, message_id: UUID, now: datetime) -> bool:
    """Set the letter's PDF and show it to its reader; tells whether anything was to do.

    Setting takes some milliseconds and no network, so it is done under the letter's lock.
    """
    row = lock_letter(session, message_id)
    if State(row.state) is State.PUBLISHED:
        return False
    key = vault.owner_key(bytes(row.key_sealed), row.mailbox_id)
    head = Head.from_bytes(key.open(bytes(row.head_sealed), "letter.head", message_id))
    content = Content.from_bytes(key.open(bytes(row.content_sealed), "letter.content", message_id))
    pdf = typeset(
        Letter(
            template=content.letter_template,
            language=row.language,
            title=head.title,
            sender_name=head.sender_name,
            recipient_name=content.recipient_name,
            recipient_address=content.recipient_address,
            reference=content.case_reference,
            paragraphs=content.paragraphs,
            facts=content.facts,
            written_at=row.created_at,
        )
    )
    session.execute(
        _PUBLISH,
        {
            "id": message_id,
            "state": move(State(row.state), Event.PUBLISHED),
            "now": now,
            "letter_sealed": key.seal(pdf, "letter.pdf", message_id),
            "letter_sha256": hashlib.sha256(pdf).digest(),
        },
    )
    note_event(session, message_id, Event.PUBLISHED, SYSTEM, now)
    audit.record(session, SYSTEM, "notifications.letter.published", "letter", message_id)
    enqueue(
        session,
        "notifications.mailbox.alert",
        {"message_id": str(message_id)},
        key=str(message_id),
    )
    return True


def alert_reader(
    session: Session, vault: Vault, message_id: UUID, public_url: str, now: datetime
) -> None:
    """Have an email sent that says who wrote and where to read it, and nothing of the content.

    An alert that was sent already is not sent again.
    """
    row = lock_letter(session, message_id)
    sent = session.execute(_HAS_EVENT, {"id": message_id, "event": Event.ALERT_SENT}).scalar_one()
    if sent:
        return
    key = vault.owner_key(bytes(row.key_sealed), row.mailbox_id)
    head = Head.from_bytes(key.open(bytes(row.head_sealed), "letter.head", message_id))
    order = Order(
        channel="email",
        template="mailbox.new_message",
        to=vault.open(bytes(row.email_sealed), "mailbox.email", row.mailbox_id),
        language=row.reader_language,
        personalisation={
            "sender": head.sender_name,
            "link": f"{public_url}/notifications/mailbox/{message_id}",
        },
        reference=str(message_id),
    )
    accept_message(session, vault, SYSTEM, order, now)
    note_event(session, message_id, Event.ALERT_SENT, SYSTEM, now)
