"""Deletes closed accounts when their two weeks are over."""

from uuid import UUID

from identity.accounts.vault import open_vault, sealer_of
from identity.closure.actions import DELETE_TOPIC, delete_account
from shared.logs import get_logger
from shared.outbox import Job, handler


@handler(DELETE_TOPIC, lease_seconds=120)
def delete_closed(job: Job) -> None:
    """Delete one account; one that was kept, or was closed anew and later, is left alone."""
    vault = open_vault(job.database, sealer_of(job.settings.encryption_key_file))
    with job.database.transaction() as session:
        done = delete_account(session, vault, UUID(job.text("account_id")), job.now())
        job.finish(session)
    get_logger().info("account.deletion", deleted=done)
