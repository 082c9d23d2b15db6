"""Fetches the pictures of clients once, so that no browser has to ask a foreign host for them."""

from identity.oidc.tasks import provider_of_worker
from identity.registration.actions import keep_picture
from identity.registration.queries import Picture
from identity.registration.rules import LARGEST_PICTURE, LOGO_TOPIC, picture_type
from identity.relying_parties.queries import get_client
from shared.guarded_http import GuardedHttp, OutboundError
from shared.logs import get_logger
from shared.outbox import Job, handler

_TRIES = 5


@handler(LOGO_TOPIC)
def fetch_logo(job: Job) -> None:
    """Fetch the picture that a client named; a client without one is shown by its name.

    Raises:
        OutboundError: it cannot be read now; after five tries nobody asks again.
    """
    fetch_picture(job, provider_of_worker().outbound)


def fetch_picture(job: Job, outbound: GuardedHttp) -> None:
    """Ask for the picture outside of transactions and keep it if it is one."""
    client_id = job.text("client_id")
    with job.database.transaction() as session:
        client = get_client(session, client_id)
    if client is None or client.options.logo_uri is None:
        return
    address = client.options.logo_uri
    try:
        content = outbound.get(address, accept="image/*", maximum_bytes=LARGEST_PICTURE).content
    except OutboundError as error:
        if job.attempt < _TRIES:
            raise
        get_logger().warning("client_logo.not_read", client_id=client_id, reason=str(error))
        return
    media_type = picture_type(content)
    if media_type is None:
        get_logger().warning("client_logo.no_picture", client_id=client_id)
        return
    with job.database.transaction() as session:
        keep_picture(session, client_id, address, Picture(media_type, content), job.now())
