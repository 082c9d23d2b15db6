"""Work that follows a decoupled request: telling the person, and later the client."""

import json
from uuid import UUID

from identity.accounts.queries import get_profile
from identity.accounts.tasks import notifications_of
from identity.oidc.ciba_core import TELL_TOPIC, open_part
from identity.oidc.polled import find_any, find_waiting
from identity.oidc.polled_journey import PING_TOPIC
from identity.oidc.provider import Provider
from identity.oidc.tasks import provider_of_worker
from shared.crypto import Sealer
from shared.guarded_http import OutboundError
from shared.outbox import Job, handler

REQUESTS_PATH = "/identity/requests"
_SERVER_FAULT = 500


class ClientNotToldError(Exception):
    """A client could not be told that its person has decided; it is told again later."""


@handler(TELL_TOPIC)
def tell_of_request(job: Job) -> None:
    """Send an email about a request that waits; one without a person, or over, sends none.

    The link in it carries no right: it leads to sign-in.
    """
    provider = provider_of_worker()
    request_id = UUID(job.text("request_id"))
    with job.database.transaction() as session:
        waiting = find_waiting(session, request_id, job.now())
        if waiting is None or waiting.account_id is None:
            return
        client = provider.clients.find(session, waiting.client_id)
        profile = get_profile(session, waiting.account_id, provider.sealer)
    if client is None or profile is None:
        return
    notifications_of(job.settings).send_email(
        template="identity.request_waiting",
        to=profile.email,
        personalisation={
            "service": client.name,
            "link": f"{provider.settings.public_url}{REQUESTS_PATH}",
        },
        reference=str(request_id),
        idempotency_key=str(request_id),
        language=profile.language,
    )


@handler(PING_TOPIC)
def ping_client(job: Job) -> None:
    """Tell a client that it can fetch its answer now (CIBA, section 10.2)."""
    send_ping(job, provider_of_worker())


def send_ping(job: Job, provider: Provider) -> None:
    """Send the notification when the transaction that read it is over.

    An answer that refuses it, or leads elsewhere, is final; the client may still poll.

    Raises:
        ClientNotToldError: the client did not answer, or said that it is out of order.
    """
    with job.database.transaction() as session:
        found = find_any(session, UUID(job.text("request_id")))
        client = provider.clients.find(session, found.client_id) if found is not None else None
    if found is None or client is None or found.valid_until < job.now():
        return
    target = client.options.backchannel_client_notification_endpoint
    told = _open(provider.sealer, found.notification_sealed, found.id)
    if target is None or not told:
        return
    try:
        answer = provider.outbound.post(
            target,
            json={"auth_req_id": told["auth_req_id"]},
            headers={"Authorization": f"Bearer {told['token']}"},
        )
    except OutboundError as error:
        raise ClientNotToldError(f"{client.client_id}: {error}") from error
    if answer.status >= _SERVER_FAULT:
        raise ClientNotToldError(f"{client.client_id}: answered with {answer.status}")


def _open(sealer: Sealer, sealed: bytes | None, request_id: UUID) -> dict[str, str]:
    opened = open_part(sealer, sealed, request_id, "notification")
    return dict(json.loads(opened)) if opened else {}
