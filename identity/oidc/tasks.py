"""Work that follows a commit: telling relying parties that a session has ended."""

from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from sqlalchemy.orm import Session

from identity.accounts.settings import get_people_settings
from identity.accounts.vault import sealer_of
from identity.keys.identity_keys import rotate_when_due
from identity.logout.actions import LOGOUT_TOPIC, record_try
from identity.oidc.actions import forget_expired
from identity.oidc.backchannel_logout import make_logout_token
from identity.oidc.provider import Call, Provider
from identity.relying_parties.sectors import MARK_USED
from identity.settings import get_settings
from shared.crypto import Sealer
from shared.guarded_http import OutboundError
from shared.outbox import MAXIMUM_ATTEMPTS, Job, enqueue, handler

FORGET_TOPIC = "identity.oidc.forget_expired"
_FORGET_EVERY = timedelta(minutes=10)


class LogoutNotTakenError(Exception):
    """A relying party did not take a logout token; it is told again later."""


@lru_cache
def provider_of_worker() -> Provider:
    """Return the provider of this process, made when it is first needed."""
    settings = get_settings()
    return Provider(settings, Sealer(settings.encryption_key_file))


@handler(LOGOUT_TOPIC)
def notify_logout(job: Job) -> None:
    """Send a logout token to one client; a client that is gone or wants none is passed over.

    Told twice, a relying party finds its session ended already, so repeating is safe.

    Raises:
        LogoutNotTakenError: it did not answer with success; the outbox tries again.
    """
    send_logout(job, provider_of_worker())


def send_logout(job: Job, provider: Provider) -> None:
    """Make the token in a transaction of its own, and send it when that is over.

    The twentieth failure, about an hour after the first, is the last: what remains is the note.
    """
    with job.database.transaction() as session:
        client = provider.clients.find(session, job.text("client_id"))
        if client is None or client.backchannel_logout_uri is None:
            return
        call = Call(provider, provider.issuers[client.profile], session, job.now())
        token = make_logout_token(
            call, client, UUID(job.text("account_id")), UUID(job.text("session_id"))
        )
    error = _post(provider, client.backchannel_logout_uri, token)
    given_up = error is not None and job.attempt >= MAXIMUM_ATTEMPTS
    with job.database.transaction() as session:
        record_try(
            session, UUID(job.text("delivery_id")), job.now(), error=error, given_up=given_up
        )
    if error is not None and not given_up:
        raise LogoutNotTakenError(f"{client.client_id}: {error}")


def _post(provider: Provider, address: str, token: str) -> str | None:
    """Send a token; returns why it was not taken, None when it was."""
    try:
        answer = provider.outbound.post(address, form={"logout_token": token})
    except OutboundError as error:
        return str(error)
    return None if answer.is_success else f"answered with {answer.status}"


def plan_forgetting(session: Session, now: datetime) -> None:
    """Write the next clean-up down, one for each ten minutes however often this is called."""
    due_at = now + _FORGET_EVERY
    slot = int(due_at.timestamp() // _FORGET_EVERY.total_seconds())
    enqueue(session, FORGET_TOPIC, {"slot": slot}, key=str(slot), due_at=due_at)


@handler(FORGET_TOPIC, lease_seconds=120)
def forget(job: Job) -> None:
    """Delete expired flows, authorisations, assertions and revocations, and plan the next time."""
    with job.database.transaction() as session:
        plan_forgetting(session, job.now())
        session.execute(MARK_USED, {"now": job.now()})
        rotate_when_due(
            session,
            sealer_of(job.settings.encryption_key_file),
            get_people_settings().identity_key_days,
            job.now(),
        )
    more = True
    while more:
        with job.database.transaction() as session:
            more = forget_expired(session, job.now())
