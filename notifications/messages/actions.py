"""Accepting messages and writing down what became of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from notifications.channels.provider import Delivery, Receipt
from notifications.message_templates.rules import EMAIL, check_personalisation, find_template
from notifications.messages.queries import lock_message
from notifications.messages.rules import (
    ARRIVALS,
    FINAL,
    SETTLED,
    Happening,
    State,
    check_address,
    check_number,
    happening_of,
    move,
)
from notifications.sealing.vault import Vault
from shared import audit
from shared.actors import Actor
from shared.ids import new_id
from shared.outbox import LeaseLostError, enqueue

_INSERT = text(
    """
    INSERT INTO message (id, client_id, channel, template, language, state, recipient_index,
                         recipient_sealed, personalisation_sealed, reference_index,
                         reference_sealed, created_at)
    VALUES (:id, :client_id, :channel, :template, :language, 'created', :recipient_index,
            :recipient_sealed, :personalisation_sealed, :reference_index, :reference_sealed, :now)
    """
)
_CLAIM = text(
    """
    UPDATE message SET state = :state, in_flight = true, attempt_count = attempt_count + 1,
                       possible_duplicate = possible_duplicate OR in_flight
     WHERE id = :id
    RETURNING attempt_count
    """
)
_RECORD = text(
    """
    UPDATE message SET state = :state, in_flight = :in_flight, completed_at = :completed_at,
           provider_reference = coalesce(:provider_reference, provider_reference),
           personalisation_sealed = CASE WHEN :forget THEN NULL ELSE personalisation_sealed END
     WHERE id = :id
    """
)
_EVENT = text(
    """
    INSERT INTO message_event (message_id, event, code, event_time)
    VALUES (:message_id, :event, :code, :now)
    """
)


# A receipt that comes twice, or for a message that is settled, changes nothing.
_DELIVERED = text(
    """
    UPDATE message SET state = :state, completed_at = :now
     WHERE channel = :channel AND provider_reference = :reference AND state = 'sent'
    RETURNING id
    """
)
COLLECT_TOPIC = "notifications.messages.collect_receipts"
COLLECT_EVERY = timedelta(seconds=15)


@dataclass(frozen=True)
class Order:
    """A message somebody wants sent: a template, its values and the recipient."""

    channel: str
    template: str
    to: str
    language: str
    personalisation: Mapping[str, str]
    reference: str = ""


@dataclass(frozen=True)
class Claim:
    """A message that this run may send, opened, with the number of this try."""

    message_id: UUID
    channel: str
    attempt: int
    recipient: str
    language: str
    template: str
    values: Mapping[str, str] = field(repr=False)
    created_at: datetime


def accept_message(
    session: Session, vault: Vault, actor: Actor, order: Order, now: datetime
) -> UUID:
    """Store a message and have it sent after the commit; returns its id.

    Refuses an unknown template or one for another channel, missing or unknown values, and what is
    no address or number of the channel.
    """
    template = find_template(order.template, order.channel)
    check_personalisation(template, order.personalisation)
    address = check_address(order.to) if order.channel == EMAIL else check_number(order.to)
    message_id = new_id()
    reference = order.reference
    session.execute(
        _INSERT,
        {
            "id": message_id,
            "client_id": actor.id,
            "channel": order.channel,
            "template": template.name,
            "language": order.language,
            "recipient_index": vault.index("recipient", address.encode()),
            "recipient_sealed": vault.seal(address, "message.recipient", message_id),
            "personalisation_sealed": vault.seal(
                json.dumps(dict(order.personalisation)), "message.personalisation", message_id
            ),
            "reference_index": vault.index("reference", reference.encode()) if reference else None,
            "reference_sealed": (
                vault.seal(reference, "message.reference", message_id) if reference else None
            ),
            "now": now,
        },
    )
    _note(session, message_id, "created", "", now)
    audit.record(
        session,
        actor,
        "notifications.message.accepted",
        "message",
        message_id,
        {"template": template.name, "language": order.language, "channel": order.channel},
    )
    enqueue(
        session,
        "notifications.messages.send",
        {"message_id": str(message_id)},
        key=str(message_id),
    )
    return message_id


def claim_message(session: Session, vault: Vault, message_id: UUID, now: datetime) -> Claim | None:
    """Mark a message as being sent, before the provider is called; None when it is settled.

    A message found in flight was in the hands of a run that died or lost its answer: it is marked
    as a possible duplicate and sent again with the same Message-ID.
    """
    row = lock_message(session, message_id)
    if State(row.state) in SETTLED:
        return None
    state = move(State(row.state), Happening.CLAIMED)
    attempt = session.execute(_CLAIM, {"id": message_id, "state": state}).scalar_one()
    code = "possible duplicate" if row.in_flight else ""
    _note(session, message_id, "claimed", code, now)
    values = vault.open(bytes(row.personalisation_sealed), "message.personalisation", message_id)
    return Claim(
        message_id=message_id,
        channel=row.channel,
        attempt=attempt,
        recipient=vault.open(bytes(row.recipient_sealed), "message.recipient", message_id),
        language=row.language,
        template=row.template,
        values=json.loads(values),
        created_at=row.created_at,
    )


def record_receipt(
    session: Session, claim: Claim, receipt: Receipt, now: datetime, *, last_try: bool
) -> State:
    """Write down what the provider answered and return where the message stands now.

    Raises:
        LeaseLostError: a later run has claimed the message; this answer is not kept.
    """
    row = lock_message(session, claim.message_id)
    if row.attempt_count != claim.attempt:
        raise LeaseLostError("notifications.messages.send")
    reports = row.channel != EMAIL
    happening = happening_of(receipt.result, last_try=last_try, reports=reports)
    state = move(State(row.state), happening)
    is_final = state in FINAL
    session.execute(
        _RECORD,
        {
            "id": claim.message_id,
            "state": state,
            # An uncertain answer leaves the mark, so that the next try knows of the first.
            "in_flight": happening is Happening.UNCERTAIN,
            "completed_at": now if is_final else None,
            "forget": state in SETTLED and find_template(row.template).secret,
            "provider_reference": receipt.reference or None,
        },
    )
    _note(session, claim.message_id, happening, receipt.code, now)
    if state is State.SENT:
        plan_collecting(session, now)
    return state


def record_delivery(session: Session, channel: str, delivery: Delivery, now: datetime) -> bool:
    """Write a delivery receipt down; False for one that belongs to no message that waits."""
    happening = ARRIVALS[delivery.arrival]
    values = {
        "state": move(State.SENT, happening),
        "channel": channel,
        "reference": delivery.reference,
        "now": now,
    }
    found = session.execute(_DELIVERED, values).scalar_one_or_none()
    if found is not None:
        _note(session, found, happening, delivery.code, now)
    return found is not None


def plan_collecting(session: Session, now: datetime) -> None:
    """Write down when delivery receipts are fetched next, once however often this is called."""
    due_at = now + COLLECT_EVERY
    slot = int(due_at.timestamp() // COLLECT_EVERY.total_seconds())
    enqueue(session, COLLECT_TOPIC, {"slot": slot}, key=str(slot), due_at=due_at)


def _note(session: Session, message_id: UUID, event: str, code: str, now: datetime) -> None:
    session.execute(_EVENT, {"message_id": message_id, "event": event, "code": code, "now": now})
