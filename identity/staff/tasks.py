"""Sends invitations; the link's token is sealed in its row and gone once it is on its way."""

from uuid import UUID

from sqlalchemy import text

from identity.accounts.tasks import notifications_of
from identity.accounts.vault import open_vault, sealer_of
from identity.staff.actions import SEND_TOPIC
from identity.staff.rules import EMAIL_RECORD, INVITATION_DAYS, TOKEN_RECORD, invitation_path
from shared.outbox import Job, handler

_READ = text(
    """
    SELECT i.email_sealed, i.token_sealed, i.language, o.name FROM invitation i
      JOIN organisation o ON o.slug = i.organisation
     WHERE i.id = :id AND i.sent_count = :number AND i.token_sealed IS NOT NULL
       AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.valid_until > :now
    """
)
_FORGET = text("UPDATE invitation SET token_sealed = NULL WHERE id = :id AND sent_count = :number")


@handler(SEND_TOPIC)
def send_invitation(job: Job) -> None:
    """Send an invitation's link; one that is over or was sent anew sends nothing."""
    vault = open_vault(job.database, sealer_of(job.settings.encryption_key_file))
    invitation_id, number = UUID(job.text("invitation_id")), int(job.text("number"))
    key = {"id": invitation_id, "number": number}
    with job.database.transaction() as session:
        row = session.execute(_READ, {**key, "now": job.now()}).one_or_none()
    if row is None:
        return
    token = vault.open(bytes(row.token_sealed), TOKEN_RECORD, invitation_id)
    notifications_of(job.settings).send_email(
        template="identity.staff_invitation",
        to=vault.open(bytes(row.email_sealed), EMAIL_RECORD, invitation_id),
        personalisation={
            "organisation": row.name,
            "link": f"{job.settings.public_url}{invitation_path(token)}",
            "days": str(INVITATION_DAYS),
        },
        reference=str(invitation_id),
        idempotency_key=f"{invitation_id}:{number}",
        language=row.language,
    )
    with job.database.transaction() as session:
        session.execute(_FORGET, key)
        job.finish(session)
