"""Matching reads a bounded number of rows for each line, however old the statistics are."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.database.roles import LOGINS, MIGRATOR, create_database
from deploy.local.postgres import temporary_server
from payments.bank.actions import NewBankAccount, open_bank_account
from payments.reconciliation.engine.pairs import find_pairs
from payments.reconciliation.engine.store import store_matches
from payments.reconciliation.engine.taking import take_statement
from payments.reconciliation.matching import open_work
from shared.db import Database, make_engine
from shared.ids import new_id
from shared.migrate import upgrade
from tests.payments.bank.bank_day import BODY, NOW

DAY = "2026-11-23"
_ITEMS = text(
    """
    INSERT INTO expected_item (id, target_type, body, bank_account_id, amount_pence, due_on,
      end_to_end_id, reference, reference_key, account_hash, ledger_account)
    SELECT match_id(), 'payment', :body, :account, -1000 - n, :day, 'e' || n, 'R' || 100000 + n,
           'R' || 100000 + n, '', 'in_transit'
      FROM generate_series(cast(:first AS int), cast(:last AS int)) AS n
    """
)
# Of ten lines seven carry the end-to-end id, one the reference, one came back, one is strange.
_LINES = text(
    """
    INSERT INTO statement_line (id, statement_id, bank_account_id, seq, booking_date, value_date,
      amount_pence, currency, kind, bank_code, bank_ref, end_to_end_id, batch_ref, reference,
      reference_key, return_reason, private_sealed, content_hash, occurrence)
    SELECT match_id(), :statement, :account, n, :day, :day,
           CASE WHEN n % 10 = 8 THEN 1 ELSE -1 END * (1000 + n), 'GBP',
           CASE WHEN n % 10 = 8 THEN 'return' ELSE 'debit' END, '93', '',
           CASE WHEN n % 10 < 7 THEN 'e' || n ELSE '' END, '', 'R' || 100000 + n,
           CASE WHEN n % 10 = 9 THEN '' ELSE 'R' || 100000 + n END, '', '',
           sha256(cast(cast(:statement AS text) || cast(n AS text) AS bytea)), 1
      FROM generate_series(cast(:first AS int), cast(:last AS int)) AS n
    """
)
_READ = """
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
     WHERE schemaname = 'payments'
"""


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[tuple[Database, str]]:
    """Yield a database of its own on a server that gathers no statistics by itself."""
    with temporary_server(tmp_path) as server:
        with psycopg.connect(server.url(), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET autovacuum = off")
            admin.execute("SELECT pg_reload_conf()")
        passwords = {role: secrets.token_hex(8) for role in LOGINS}
        create_database(server.url(), "reads", passwords)

        def url(role: str) -> str:
            address = server.url("reads", role, passwords[role])
            return address.replace("postgresql://", "postgresql+psycopg://")

        upgrade("payments", url(MIGRATOR))
        database = Database(make_engine(url("payments")))
        yield database, server.url("reads")
        database.engine.dispose()


def show(session: Session, account: UUID, first: int, last: int) -> UUID:
    """Put a statement there with lines of some numbers."""
    file, statement = new_id(), new_id()
    values = {"id": statement, "file": file, "account": account, "body": BODY, "day": DAY}
    values |= {"count": last - first + 1, "sha": file.bytes * 2}
    session.execute(
        text(
            "INSERT INTO statement_file VALUES (:file, :body, :account, 'set', 'csv', 'upload',"
            " NULL, '', :sha, '[]', now())"
        ),
        values,
    )
    session.execute(
        text(
            "INSERT INTO statement (id, file_id, bank_account_id, body, identification, from_date,"
            " to_date, currency, format, line_count, created_at) VALUES (:id, :file, :account,"
            " :body, 'set', :day, :day, 'GBP', 'csv', :count, now())"
        ),
        values,
    )
    values = {"statement": statement, "account": account, "day": DAY, "first": first, "last": last}
    session.execute(_LINES, values)
    return statement


def expect(session: Session, account: UUID, first: int, last: int) -> None:
    values = {"body": BODY, "account": account, "day": DAY, "first": first, "last": last}
    session.execute(_ITEMS, values)


def match(session: Session, account: UUID, statement: UUID) -> int:
    work = open_work(session, account, NOW)
    take_statement(work, statement)
    find_pairs(work)
    return store_matches(work)


def rows_read(admin_url: str) -> int:
    with psycopg.connect(admin_url) as admin:
        row = admin.execute(_READ).fetchone()
        assert row is not None
        return int(row[0])


@pytest.mark.parametrize(
    ("lines", "items"), [(2_000, 2_000), (50, 20_000)], ids=["a-large-statement", "a-small-one"]
)
def test_old_statistics_make_no_line_dearer(
    quiet: tuple[Database, str], lines: int, items: int
) -> None:
    database, admin_url = quiet
    with database.transaction() as session:
        bank = NewBankAccount(BODY, "main", "Strathclachan", "802260", "00112233", "123456")
        account = open_bank_account(session, bank)
        expect(session, account, 1, 3)
        assert match(session, account, show(session, account, 1, 3)) == 3
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("ANALYZE")
    with database.transaction() as session:
        expect(session, account, 4, items)
        statement = show(session, account, 4, lines)
        session.execute(text("SELECT pg_stat_force_next_flush()"))
    before = rows_read(admin_url)
    with database.transaction() as session:
        made = match(session, account, statement)
        session.execute(text("SELECT pg_stat_force_next_flush()"))
    read = rows_read(admin_url) - before
    sure = [number for number in range(4, lines + 1) if number % 10 != 9]
    assert made == len(sure)
    assert read <= 20 * lines
