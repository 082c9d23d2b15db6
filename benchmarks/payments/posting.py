"""How fast the ledger posts with every invariant on, against raw COPY of the finished rows.

Same machine, same durable PostgreSQL, same run, one connection. PAYMENTS sets how many.
"""

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from deploy.database.roles import LOGINS, MIGRATOR, create_database
from deploy.local.postgres import Postgres, free_port
from payments.ledger import rules
from payments.ledger.actions import open_accounts, post_entries
from payments.ledger.queries import get_balance, list_faults
from shared.db import Database, make_engine
from shared.ids import new_id
from shared.migrate import upgrade

BODY = "strathclachan"
DAY = date(2026, 11, 23)
PAYMENTS = int(os.environ.get("PAYMENTS", "100000"))
SHARD = 10_000
ROW_BY_ROW = 500


class _Base(DeclarativeBase):
    pass


class PlainEntry(_Base):
    """An entry as plain ORM code would write it, one transaction each."""

    __tablename__ = "orm_entry"
    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    amount: Mapped[int]


class PlainPosting(_Base):
    """A posting of the same."""

    __tablename__ = "orm_posting"
    entry_id: Mapped[str] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    amount: Mapped[int]


def shards() -> Iterator[range]:
    """Yield the payments in shards."""
    for first in range(0, PAYMENTS, SHARD):
        yield range(first, min(first + SHARD, PAYMENTS))


def timed(work: Callable[[], None]) -> float:
    """Return the seconds that a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_floor(url: str) -> float:
    """COPY finished rows into tables with the same keys and indexes and no triggers."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("SET search_path = payments, public")
        connection.execute("SET ROLE payments_owner")
        for table in ("entry", "posting"):
            connection.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING ALL)".encode())
        connection.commit()
        batch, period, accounts = new_id(), new_id(), (new_id(), new_id())
        rows = []
        for shard in shards():
            entries, postings = [], []
            for number in shard:
                entry = new_id()
                fixed = (BODY, "payment.approved", f"{new_id()}/1", 1, "posted", None)
                entries.append(
                    (entry, batch, *fixed, period, DAY, 2, "GBP", secrets.token_bytes(32))
                )
                for line, sign in ((1, 1), (2, -1)):
                    amount = sign * (number + 1)
                    postings.append((entry, line, accounts[line - 1], amount, False))
            rows.append((entries, postings))

        def work() -> None:
            for entries, postings in rows:
                with connection.cursor().copy(
                    b"COPY raw_entry (id, batch_id, body, event_type, event_id, rule_version, kind,"
                    b" refers_to, period_id, effective_on, posting_count, currency, request_hash)"
                    b" FROM STDIN"
                ) as copy:
                    for row in entries:
                        copy.write_row(row)
                with connection.cursor().copy(b"COPY raw_posting FROM STDIN") as copy:
                    for row in postings:
                        copy.write_row(row)
                connection.commit()

        return timed(work)


def measure_ours(database: Database) -> float:
    """Post the same number of payments through the ledger, and prove the result."""
    with database.transaction() as session:
        open_accounts(session, BODY)
    payments = [[(new_id(), number + 1) for number in shard] for shard in shards()]

    def work() -> None:
        for shard in payments:
            drafts = [
                rules.transfer(
                    "payment.approved",
                    f"{payment}/1",
                    DAY,
                    rules.PROGRAMME_EXPENDITURE,
                    rules.PAYMENTS_APPROVED,
                    pence,
                )
                for payment, pence in shard
            ]
            with database.transaction() as session:
                post_entries(session, BODY, drafts, "benchmark")

    seconds = timed(work)
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        counts = session.execute(
            text("SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM posting)")
        ).one()
        assert tuple(counts) == (PAYMENTS, 2 * PAYMENTS)
        assert get_balance(session, BODY, rules.PROGRAMME_EXPENDITURE) == (
            PAYMENTS * (PAYMENTS + 1) // 2
        )
        assert list_faults(session, BODY) == []
    return seconds


def measure_row_by_row(url: str) -> float:
    """Return seconds per payment of plain ORM code with one transaction each."""
    database = Database(make_engine(url))
    with database.transaction() as session:
        session.execute(text("SET ROLE payments_owner"))
        session.execute(text("SET search_path = payments, public"))
        _Base.metadata.create_all(session.connection())

    def one(session: Session, number: int) -> None:
        session.execute(text("SET search_path = payments, public"))
        entry = str(new_id())
        session.add(PlainEntry(id=entry, event_id=str(number), amount=number))
        for line, sign in ((1, 1), (2, -1)):
            session.add(PlainPosting(entry_id=entry, line_no=line, account="a", amount=sign))

    def work() -> None:
        for number in range(ROW_BY_ROW):
            with database.transaction() as session:
                session.execute(text("SET LOCAL ROLE payments_owner"))
                one(session, number)

    seconds = timed(work) / ROW_BY_ROW
    database.engine.dispose()
    return seconds


def main() -> None:
    """Measure all three in one run and print the ratios."""
    passwords = {role: secrets.token_hex(8) for role in LOGINS}
    with tempfile.TemporaryDirectory(prefix="clachan-bench-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder) / "data", free_port(), secrets.token_hex(8))
        server.initialise()
        server.start()
        try:
            create_database(server.url(), "bench", passwords)

            def url(role: str) -> str:
                address = server.url("bench", role, passwords[role])
                return address.replace("postgresql://", "postgresql+psycopg://")

            upgrade("payments", url(MIGRATOR))
            database = Database(make_engine(url("payments")))
            floor = measure_floor(url(MIGRATOR))
            ours = measure_ours(database)
            slow = measure_row_by_row(url(MIGRATOR))
            database.engine.dispose()
        finally:
            server.stop()
    print(f"{PAYMENTS} payments, one connection, shards of {SHARD}, fsync on")
    print(f"raw COPY of finished rows    {PAYMENTS / floor:10.0f} payments/s")
    print(f"ledger, every invariant on   {PAYMENTS / ours:10.0f} payments/s")
    print(f"ORM, a transaction each      {1 / slow:10.0f} payments/s")
    print(f"ledger / raw COPY            {floor / ours:10.2f}   (goal 0.45)")
    print(f"ledger / ORM row by row      {slow * PAYMENTS / ours:10.0f}   (goal 300)")


if __name__ == "__main__":
    main()
