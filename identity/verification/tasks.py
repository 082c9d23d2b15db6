"""Creates the mailbox of a person who was verified for the first time."""

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from identity.accounts.actions import remember_mailbox
from identity.accounts.queries import get_profile
from identity.accounts.subjects import pairwise_subject
from identity.accounts.tasks import notifications_of
from identity.accounts.vault import sealer_of
from identity.keys.queries import get_subject_salt
from shared.outbox import Job, handler


@handler("identity.verification.create_mailbox")
def create_mailbox(job: Job) -> None:
    """Have the mailbox created under the subject that the platform's own pages know; once."""
    sealer = sealer_of(job.settings.encryption_key_file)
    account_id = UUID(job.text("account_id"))
    with job.database.transaction() as session:
        profile = get_profile(session, account_id, sealer)
        salt = get_subject_salt(session, sealer)
    if profile is None or profile.mailbox_id is not None:
        return
    sector = urlsplit(job.settings.public_url).netloc
    mailbox_id = notifications_of(job.settings).create_mailbox(
        subject=pairwise_subject(account_id, sector, salt),
        verified_at=datetime.fromisoformat(job.text("verified_at")),
        email=profile.email,
        language=profile.language,
    )
    with job.database.transaction() as session:
        remember_mailbox(session, account_id, mailbox_id)
        job.finish(session)
