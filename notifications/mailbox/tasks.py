"""Publishes letters, alerts their readers, and tells a sender who asked that one was opened."""

from uuid import UUID, uuid5

from notifications.mailbox.publishing import alert_reader, publish_letter
from notifications.mailbox.queries import lock_letter
from notifications.mailbox.rules import Content
from notifications.messages.tasks import vault_of
from shared.clients.gateway import GatewayClient
from shared.outbox import Job, handler
from shared.settings import ServiceSettings

CLIENT_ID = "notifications-service"
_CLIENTS: dict[int, GatewayClient] = {}


def gateway_of(settings: ServiceSettings) -> GatewayClient:
    """Return this process's client of the gateway, so that access tokens are used again."""
    if id(settings) not in _CLIENTS:
        _CLIENTS[id(settings)] = GatewayClient(settings, CLIENT_ID)
    return _CLIENTS[id(settings)]


@handler("notifications.mailbox.publish")
def publish(job: Job) -> None:
    """Set a deposited letter's PDF and show it; a published one is left alone."""
    vault = vault_of(job)
    with job.database.transaction() as session:
        publish_letter(session, vault, UUID(job.text("message_id")), job.now())
        job.finish(session)


@handler("notifications.mailbox.alert")
def alert(job: Job) -> None:
    """Have the alert of a published letter sent, once."""
    vault = vault_of(job)
    with job.database.transaction() as session:
        alert_reader(
            session, vault, UUID(job.text("message_id")), job.settings.public_url, job.now()
        )
        job.finish(session)


@handler("notifications.mailbox.tell_opened")
def tell_opened(job: Job) -> None:
    """Tell the gateway that a letter was opened; the same event id each time.

    Raises:
        Problem, ServiceUnavailableError: the gateway did not take it; it is told again.
    """
    vault = vault_of(job)
    message_id = UUID(job.text("message_id"))
    with job.database.transaction() as session:
        row = lock_letter(session, message_id)
        key = vault.owner_key(bytes(row.key_sealed), row.mailbox_id)
        content = key.open(bytes(row.content_sealed), "letter.content", message_id)
        opened_at = row.opened_at.isoformat()
    gateway_of(job.settings).send_event(
        event_id=str(uuid5(message_id, "notifications.mailbox.opened")),
        event_type="notifications.mailbox.opened",
        occurred_at=opened_at,
        data={
            "message_id": str(message_id),
            "case_reference": Content.from_bytes(content).case_reference,
        },
    )
