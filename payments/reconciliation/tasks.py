"""Fetches statements from the bank and reconciles them."""

from uuid import UUID

from payments.bank.queries import get_account_of_submission
from payments.bank.tasks import bank_of, statements_bank_of, vault_of
from payments.reconciliation.importing.fetching import fetch_statements
from payments.reconciliation.matching import reconcile_account, rematch_account
from shared.outbox import Job, handler


@handler("payments.reconciliation.fetch_statements", lease_seconds=120)
def fetch(job: Job) -> None:
    """Fetch the statements of every account that pays."""
    bank = statements_bank_of(job.settings) or bank_of(job.settings)
    fetch_statements(job.database, bank, vault_of(job.settings), job.now)


@handler("payments.reconciliation.rematch", lease_seconds=120)
def rematch(job: Job) -> None:
    """Match the open lines of a submission's account again, now that the bank has answered."""
    with job.database.transaction() as session:
        account = get_account_of_submission(session, UUID(job.text("submission_id")))
        rematch_account(session, account, job.now())
        job.finish(session)


@handler("payments.reconciliation.match", lease_seconds=900)
def match(job: Job) -> None:
    """Reconcile an account whose statement was too large for a page to wait for."""
    with job.database.transaction() as session:
        reconcile_account(session, UUID(job.text("account_id")), job.now())
        job.finish(session)
