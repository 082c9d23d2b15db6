"""Fetches statements from the bank, whichever way it is reached: each file once, by name and hash.

Every file that the bank lists is written down with what became of it. One that was refused is work
for a person and is tried again once a day, so a cause that was corrected needs nothing more.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.provider import Bank, FileTooLargeError
from payments.bank.queries import BankAccount, list_paying_accounts
from payments.bank.work.actions import NewItem, open_items, settle_item
from payments.payees.bank_details import DetailsVault
from payments.reconciliation.actions import import_statements
from payments.reconciliation.importing.mappings import find_mapping
from shared.actors import SYSTEM
from shared.db import Database
from shared.errors import Problem
from shared.logs import get_logger

_TRY_AGAIN = timedelta(days=1)
_MOST_WORDS = 500
_KNOWN = text(
    """
    SELECT name FROM statement_fetch
     WHERE bank_account_id = :account AND (state <> 'refused' OR tried_at > :since)
    UNION
    SELECT bank_statement_id FROM statement_file
     WHERE bank_account_id = :account AND bank_statement_id IS NOT NULL
    """
)
_KEEP = text(
    """
    INSERT INTO statement_fetch AS f
      (bank_account_id, name, state, problem, content_sha256, file_id, tried_at)
    VALUES (:account, :name, :state, :problem, :sha256,
            (SELECT id FROM statement_file WHERE content_sha256 = :sha256), :now)
    ON CONFLICT (bank_account_id, name) DO UPDATE SET state = excluded.state,
      problem = excluded.problem, content_sha256 = excluded.content_sha256,
      file_id = excluded.file_id, tried_at = excluded.tried_at
    """
)


def fetch_statements(
    database: Database, bank: Bank, vault: DetailsVault, now: Callable[[], datetime]
) -> int:
    """Import every statement that the bank has and we have not, each in its own transaction.

    One that is refused stops no other; the next of its account will show the gap. The same bytes
    under another name are known and book nothing. Returns how many were new.
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
        known = _list_known(session, account.id, now())
    taken = 0
    for one in listed:
        if one.id not in known:
            taken += _fetch(database, bank, vault, account, one.id, now)
    return taken


def _list_known(session: Session, account_id: UUID, now: datetime) -> set[str]:
    values = {"account": account_id, "since": now - _TRY_AGAIN}
    return set(session.execute(_KNOWN, values).scalars())


def _fetch(
    database: Database,
    bank: Bank,
    vault: DetailsVault,
    account: BankAccount,
    name: str,
    now: Callable[[], datetime],
) -> bool:
    try:
        content = bank.get_statement(name)
    except FileTooLargeError as error:
        _refuse(database, account, name, None, str(error), now())
        return False
    sha256 = hashlib.sha256(content).digest()
    try:
        with database.transaction() as session:
            imported = import_statements(
                session,
                vault,
                account.body,
                _file_name(name),
                content,
                SYSTEM,
                now(),
                account_id=account.id,
                source="bank",
                bank_statement_id=name,
                columns=find_mapping(session, account.body, account.id),
            )
            state = "known" if imported.replay else "taken"
            _keep(session, account, name, state, sha256, "", now())
            result = "the statement was taken in"
            settle_item(session, account.body, _cause(account, name), result, SYSTEM, now())
    except Problem as problem:
        words = "; ".join(fault.message for fault in problem.fields) or problem.title
        _refuse(database, account, name, sha256, words, now())
        return False
    return not imported.replay


def _refuse(
    database: Database,
    account: BankAccount,
    name: str,
    sha256: bytes | None,
    problem: str,
    now: datetime,
) -> None:
    """Write down why a file was not taken in, as work for a person; once for each file."""
    get_logger().error(
        "reconciliation.statement_refused",
        statement=name,
        account_id=str(account.id),
        reason=problem[:_MOST_WORDS],
    )
    words = f"{_file_name(name)}: {problem}"[:_MOST_WORDS]
    item = NewItem(
        account.body, _cause(account, name), "statement_unread", "get_statement", reason=words
    )
    with database.transaction() as session:
        _keep(session, account, name, "refused", sha256, problem[:_MOST_WORDS], now)
        open_items(session, [item], now)


def _keep(
    session: Session,
    account: BankAccount,
    name: str,
    state: str,
    sha256: bytes | None,
    problem: str,
    now: datetime,
) -> None:
    values = {"account": account.id, "name": name, "state": state, "problem": problem, "now": now}
    session.execute(_KEEP, values | {"sha256": sha256})


def _cause(account: BankAccount, name: str) -> str:
    return f"statement/{account.id}/{name}"


def _file_name(name: str) -> str:
    """Return a file's own name; banks that name only their statement send camt.053."""
    own = name.rpartition(":")[2]
    return own if "." in own else f"{own}.xml"
