"""Fetches statements from the bank and reconciles them."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from payments.bank.provider import Bank
from payments.bank.queries import (
    BankAccount,
    get_account_of_submission,
    list_paying_accounts,
)
from payments.bank.tasks import bank_of, vault_of
from payments.payees.bank_details import DetailsVault
from payments.reconciliation.actions import import_statements
from payments.reconciliation.matching import reconcile_account, rematch_account
from payments.reconciliation.queries import list_known_statements
from shared.actors import SYSTEM
from shared.db import Database
from shared.errors import Problem
from shared.logs import get_logger
from shared.outbox import Job, handler


@handler("payments.reconciliation.fetch_statements", lease_seconds=120)
def fetch(job: Job) -> None:
    """Fetch the statements of every account that pays."""
    fetch_statements(job.database, bank_of(job.settings), vault_of(job.settings), job.now)


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


def fetch_statements(
    database: Database, bank: Bank, vault: DetailsVault, now: Callable[[], datetime]
) -> int:
    """Import every statement that the bank has and we have not, each in its own transaction.

    One that is refused is logged and left for a person; the next of its account will show the gap.
    """
    with database.transaction() as session:
        accounts = list_paying_accounts(session)
    return sum(_fetch_account(database, bank, vault, account, now) for account in accounts)


def _fetch_account(
    database: Database,
    bank: Bank,
    vault: DetailsVault,
    account: BankAccount,
    now: Callable[[], datetime],
) -> int:
    listed = bank.list_statements(account.sort_code, account.account_number)
    with database.transaction() as session:
        known = list_known_statements(session, account.id)
    taken = 0
    for one in listed:
        if one.id in known:
            continue
        content = bank.get_statement(one.id)
        try:
            with database.transaction() as session:
                imported = import_statements(
                    session,
                    vault,
                    account.body,
                    f"{one.id}.xml",
                    content,
                    SYSTEM,
                    now(),
                    account_id=account.id,
                    source="bank",
                    bank_statement_id=one.id,
                )
            taken += not imported.replay
        except Problem as problem:
            reasons = [fault.message for fault in problem.fields]
            get_logger().error(
                "reconciliation.statement_refused",
                statement=one.id,
                account_id=str(account.id),
                code=problem.code,
                reasons=reasons,
            )
    return taken
