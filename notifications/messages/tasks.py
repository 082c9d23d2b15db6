"""Sends accepted messages: claim (commit), hand over, record (commit); then asks what became."""

from datetime import timedelta
from email.utils import parseaddr
from uuid import UUID

from notifications.channels.provider import (
    Delivery,
    Email,
    EmailProvider,
    Receipt,
    Spoken,
    SpokenProvider,
)
from notifications.channels.providers.smpp import SmppProvider
from notifications.channels.providers.smtp import SmtpProvider
from notifications.channels.providers.voice import VoiceProvider
from notifications.message_templates.rules import EMAIL, SMS, VOICE, find_template, render
from notifications.messages.actions import (
    COLLECT_TOPIC,
    Claim,
    claim_message,
    plan_collecting,
    record_delivery,
    record_receipt,
)
from notifications.messages.composing import Heading, compose
from notifications.messages.queries import list_waiting
from notifications.messages.rules import SETTLED
from notifications.messages.speaking import say
from notifications.sealing.vault import Vault, open_vault, sealer_of
from notifications.settings import NotificationsSettings, own_settings
from shared.correlation import correlation_id
from shared.logs import get_logger
from shared.outbox import MAXIMUM_ATTEMPTS, Job, handler

# A message centre gives a text up after at most three days, and so do we.
_RECEIPTS_WITHIN = timedelta(days=3)


class NotSentYetError(Exception):
    """The provider did not take the message now; it is tried again after a pause."""


def vault_of(job: Job) -> Vault:
    """Return the vault of the database that a job works on."""
    return open_vault(job.database, sealer_of(job.settings.encryption_key_file))


def make_provider(settings: NotificationsSettings) -> EmailProvider:
    """Return the mail server that the settings name."""
    return SmtpProvider(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password=settings.smtp_password,
        timeout_seconds=settings.smtp_timeout_seconds,
    )


def make_spoken_provider(settings: NotificationsSettings, channel: str) -> SpokenProvider:
    """Return who sends texts, or who calls, as the settings name them."""
    if channel == SMS:
        return SmppProvider(
            host=settings.smpp_host,
            port=settings.smpp_port,
            system_id=settings.smpp_system_id,
            password=settings.smpp_password,
            sender=settings.sms_sender,
            timeout_seconds=settings.smpp_timeout_seconds,
            encrypted=settings.smpp_tls,
        )
    return VoiceProvider(
        url=settings.voice_url,
        key=settings.voice_key,
        caller=settings.voice_caller,
        timeout_seconds=settings.voice_timeout_seconds,
    )


@handler("notifications.messages.send")
def send_message(job: Job) -> None:
    """Send one message; safe to run twice, as a settled message is left alone.

    Raises:
        NotSentYetError: the provider may take it later; names the provider's code and nobody.
    """
    settings = own_settings(job.settings)
    vault = vault_of(job)
    message_id = UUID(job.text("message_id"))
    with job.database.transaction() as session:
        claim = claim_message(session, vault, message_id, job.now())
    if claim is None:
        return
    receipt = _hand_over(claim, settings)
    last_try = job.attempt >= MAXIMUM_ATTEMPTS
    with job.database.transaction() as session:
        state = record_receipt(session, claim, receipt, job.now(), last_try=last_try)
        if state in SETTLED:
            job.finish(session)
    get_logger().info(
        "message.tried",
        message_id=str(message_id),
        channel=claim.channel,
        state=state,
        code=receipt.code,
        attempt=claim.attempt,
    )
    if state not in SETTLED:
        raise NotSentYetError(receipt.code)


def _hand_over(claim: Claim, settings: NotificationsSettings) -> Receipt:
    if claim.channel == EMAIL:
        return make_provider(settings).send(_email(claim, settings))
    words = say(claim.channel, claim.template, claim.language, claim.values)
    spoken = Spoken(claim.recipient, words, claim.language, claim.message_id)
    return make_spoken_provider(settings, claim.channel).send(spoken)


def _email(claim: Claim, settings: NotificationsSettings) -> Email:
    heading = Heading(
        message_id=claim.message_id,
        sender=settings.smtp_from,
        recipient=claim.recipient,
        language=claim.language,
        written_at=claim.created_at,
        correlation_id=correlation_id(),
    )
    rendered = render(find_template(claim.template), claim.language, claim.values)
    return Email(
        sender=parseaddr(settings.smtp_from)[1],
        recipient=claim.recipient,
        content=compose(heading, rendered),
    )


@handler(COLLECT_TOPIC, lease_seconds=60)
def collect_receipts(job: Job) -> None:
    """Fetch delivery receipts of texts and calls, and plan the next turn while any is missing."""
    settings = own_settings(job.settings)
    since = job.now() - _RECEIPTS_WITHIN
    left = 0
    for channel in (SMS, VOICE):
        with job.database.transaction() as session:
            waiting = list_waiting(session, channel, since)
        if not waiting:
            continue

        def keep(delivery: Delivery, channel: str = channel) -> None:
            with job.database.transaction() as session:
                known = record_delivery(session, channel, delivery, job.now())
            get_logger().info(
                "receipt.kept", channel=channel, code=delivery.code, of_a_message=known
            )

        make_spoken_provider(settings, channel).collect(waiting, keep)
        with job.database.transaction() as session:
            left += len(list_waiting(session, channel, since))
    if left:
        with job.database.transaction() as session:
            plan_collecting(session, job.now())
