"""Sends accepted emails: claim (commit), hand over, record (commit)."""

from email.utils import parseaddr
from uuid import UUID

from notifications.channels.provider import Email, EmailProvider
from notifications.channels.providers.smtp import SmtpProvider
from notifications.messages.actions import Claim, claim_message, record_receipt
from notifications.messages.composing import Heading, compose
from notifications.messages.rules import FINAL
from notifications.sealing.vault import Vault, open_vault, sealer_of
from notifications.settings import NotificationsSettings, own_settings
from shared.correlation import correlation_id
from shared.logs import get_logger
from shared.outbox import MAXIMUM_ATTEMPTS, Job, handler


class NotSentYetError(Exception):
    """The mail server did not take the email now; it is tried again after a pause."""


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


@handler("notifications.messages.send")
def send_message(job: Job) -> None:
    """Send one email; safe to run twice, as a settled message is left alone.

    Raises:
        NotSentYetError: the server may take it later; names the server's code and nobody.
    """
    settings = own_settings(job.settings)
    vault = vault_of(job)
    message_id = UUID(job.text("message_id"))
    with job.database.transaction() as session:
        claim = claim_message(session, vault, message_id, job.now())
    if claim is None:
        return
    receipt = make_provider(settings).send(_email(claim, settings))
    last_try = job.attempt >= MAXIMUM_ATTEMPTS
    with job.database.transaction() as session:
        state = record_receipt(session, claim, receipt, job.now(), last_try=last_try)
        if state in FINAL:
            job.finish(session)
    get_logger().info(
        "message.tried",
        message_id=str(message_id),
        state=state,
        code=receipt.code,
        attempt=claim.attempt,
    )
    if state not in FINAL:
        raise NotSentYetError(receipt.code)


def _email(claim: Claim, settings: NotificationsSettings) -> Email:
    heading = Heading(
        message_id=claim.message_id,
        sender=settings.smtp_from,
        recipient=claim.recipient,
        language=claim.language,
        written_at=claim.created_at,
        correlation_id=correlation_id(),
    )
    return Email(
        sender=parseaddr(settings.smtp_from)[1],
        recipient=claim.recipient,
        content=compose(heading, claim.rendered),
    )
