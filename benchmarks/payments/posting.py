"""How fast the ledger posts with every invariant on, against raw COPY of the finished rows.

Same machine, same durable PostgreSQL, same run. The floor is COPY of rows that are text already, so
that no client work is in it; ours starts from rows of the payment table, as an approval does. Each
side over one connection and over two, in turns. PAYMENTS sets how many, ROUNDS how often.
"""

import hashlib
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, SmallInteger, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from deploy.database.roles import LOGINS, MIGRATOR, create_database
from deploy.local.postgres import Postgres, free_port
from payments.ledger import bulk, rules
from payments.ledger.queries import get_balance, list_faults
from payments.runs.actions.set_up import BodyPlan, ProgrammePlan, set_up_body
from shared.actors import SYSTEM
from shared.db import Database, make_engine
from shared.ids import new_id
from shared.migrate import upgrade

BODY = "strathclachan"
DAY = date(2026, 11, 23)
PAYMENTS = int(os.environ.get("PAYMENTS", "100000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SHARD = 10_000
ROW_BY_ROW = 500
_SIDES = ("floor", "ours")
_COPY_ENTRIES = (
    b"COPY raw_entry (id, batch_id, body, event_type, event_id, rule_version, kind, refers_to,"
    b" period_id, effective_on, posting_count, currency, request_hash) FROM STDIN"
)
_RUN = text(
    """
    INSERT INTO run (id, organisation, programme_id, reference, run_date, state, content_hash,
                     created_at, state_at)
    SELECT :run, :body, id, cast(:run AS text), :day, 'approving', '\\x00', now(), now()
      FROM programme
    """
)
_PAYMENTS = text(
    """
    INSERT INTO payment (id, public_id, organisation, run_id, state, payee_name, account_type,
                         details_sealed, account_fingerprint, account_tail, amount_pence, currency,
                         reference, modulus_result, client_id, idempotency_key, correlation_id,
                         created_at, state_at)
    SELECT ledger_id(:now, n, gen_random_uuid()), left(md5(:now || '/' || n), 26), :body, :run,
           'awaiting_approval', 'Morag Fictional', 'personal', '\\x00', sha256(n::text::bytea),
           '0012', n, 'GBP', 'GRANT', 'not_checked', 'upload', :now || '/' || n, 'benchmark',
           now(), now() FROM generate_series(1, :payments) AS n
    """
)
_SHARDS = text(
    """
    SELECT min(id::text)::uuid AS first, max(id::text)::uuid AS last, count(*) AS payments
      FROM (SELECT id, (row_number() OVER (ORDER BY id) - 1) / :shard AS number
              FROM payment WHERE run_id = :run) p
     GROUP BY number ORDER BY number
    """
)
_SOME = text("SELECT id FROM payment ORDER BY id LIMIT :count")
_COUNTS = text("SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM posting)")


class _Base(DeclarativeBase):
    pass


class PlainPayment(_Base):
    """A payment, as far as posting reads it."""

    __tablename__ = "payment"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    amount_pence: Mapped[int]


class PlainEntry(_Base):
    """An entry as plain ORM code writes it, into the raw table with the same keys and indexes."""

    __tablename__ = "raw_entry"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    batch_id: Mapped[UUID]
    body: Mapped[str]
    event_type: Mapped[str]
    event_id: Mapped[str]
    rule_version: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[str]
    period_id: Mapped[UUID]
    effective_on: Mapped[date]
    posting_count: Mapped[int] = mapped_column(SmallInteger)
    currency: Mapped[str]
    request_hash: Mapped[bytes]


class PlainPosting(_Base):
    """A posting of the same."""

    __tablename__ = "raw_posting"
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    account_id: Mapped[UUID]
    amount: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True)
class Bench:
    """A fresh server with the payments schema, and how to reach it."""

    server: Postgres
    passwords: dict[str, str]

    def url(self, role: str) -> str:
        """Return the address for a role."""
        return self.server.url("bench", role, self.passwords[role])

    def cpu(self) -> float:
        """Return the CPU seconds that this process and all of the server have taken so far."""
        postmaster = (self.server.directory / "postmaster.pid").read_text().split("\n", 1)[0]
        stat = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
        ended = (int(stat[13]) + int(stat[14])) / os.sysconf("SC_CLK_TCK")
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        files = [Path(f"/proc/{child}/schedstat") for child in children]
        living = sum(int(file.read_text().split()[0]) for file in files) / 1e9
        return time.process_time() + ended + living

    def database(self, role: str = "payments") -> Database:
        """Return sessions of a role."""
        return Database(make_engine(self.url(role).replace("://", "+psycopg://")))


def spread(work: Callable[[int], None], pieces: int, connections: int) -> float:
    """Return the seconds that all pieces take over so many threads."""
    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(work, range(pieces)))
    return time.perf_counter() - began


def finished_rows() -> list[tuple[bytes, bytes]]:
    """Return each shard's finished entries and postings as text for COPY."""
    shards = []
    batch, period, accounts = new_id(), new_id(), (new_id(), new_id())
    for first in range(0, PAYMENTS, SHARD):
        entries, postings = [], []
        for number in range(first, min(first + SHARD, PAYMENTS)):
            entry, amount = new_id(), number + 1
            entries.append(
                f"{entry}\t{batch}\t{BODY}\tpayment.approved\t{new_id()}/1\t1\tposted\t\\N"
                f"\t{period}\t{DAY}\t2\tGBP\t\\\\x{secrets.token_hex(32)}\n"
            )
            postings.append(
                f"{entry}\t1\t{accounts[0]}\t{amount}\tf\n{entry}\t2\t{accounts[1]}\t{-amount}\tf\n"
            )
        shards.append(("".join(entries).encode(), "".join(postings).encode()))
    return shards


def make_raw_tables(bench: Bench) -> None:
    """Make tables with the same keys and indexes as the ledger's, and no triggers."""
    with psycopg.connect(bench.url(MIGRATOR)) as connection:
        connection.execute("SET search_path = payments, public")
        connection.execute("SET ROLE payments_owner")
        for table in ("entry", "posting"):
            connection.execute(f"DROP TABLE IF EXISTS raw_{table}".encode())
            connection.execute(f"CREATE TABLE raw_{table} (LIKE {table} INCLUDING ALL)".encode())
            connection.execute(f"GRANT ALL ON raw_{table} TO payments".encode())


def measure_floor(bench: Bench, shards: Sequence[tuple[bytes, bytes]], connections: int) -> float:
    """COPY finished rows, a transaction for each shard."""
    make_raw_tables(bench)
    database = bench.database()

    def work(number: int) -> None:
        with database.transaction() as session:
            raw: psycopg.Connection = session.connection().connection.driver_connection  # type: ignore[assignment]  # the driver is always psycopg here
            for command, rows in zip(
                (_COPY_ENTRIES, b"COPY raw_posting FROM STDIN"), shards[number], strict=True
            ):
                with raw.cursor().copy(command) as copy:
                    copy.write(rows)

    seconds = spread(work, len(shards), connections)
    database.engine.dispose()
    return seconds


def make_run(database: Database) -> tuple[UUID, list[tuple[UUID, UUID, int]]]:
    """Return a run of PAYMENTS payments that await approval, and its shards."""
    run = new_id()
    values = {"run": run, "body": BODY, "day": DAY, "now": time.time_ns() // 1_000_000}
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(_RUN, values)
        session.execute(_PAYMENTS, values | {"payments": PAYMENTS})
        rows = session.execute(_SHARDS, {"run": run, "shard": SHARD}).all()
    return run, [(row.first, row.last, row.payments) for row in rows]


def measure_ours(
    database: Database, connections: int, made: tuple[UUID, list[tuple[UUID, UUID, int]]]
) -> float:
    """Post a run of the same number of payments through the ledger."""
    run, shards = made

    def work(number: int) -> None:
        first, last, payments = shards[number]
        with database.transaction() as session:
            posted, _ = bulk.post_approved(session, BODY, run, 1, first, last, DAY)
        assert posted == payments

    return spread(work, len(shards), connections)


def prove(database: Database, runs: int) -> None:
    """Assert what the ledger holds: rows one to two, sum zero, balances."""
    total = runs * PAYMENTS * (PAYMENTS + 1) // 2
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        counts = tuple(session.execute(_COUNTS).one())
        assert counts == (runs * PAYMENTS, 2 * runs * PAYMENTS), counts
        assert get_balance(session, BODY, rules.PROGRAMME_EXPENDITURE) == total
        assert get_balance(session, BODY, rules.PAYMENTS_APPROVED) == -total
        assert list_faults(session, BODY) == []


def measure_row_by_row(bench: Bench) -> tuple[float, float]:
    """Return seconds, and those of CPU, per payment of plain ORM code.

    A row at a time, and a transaction for each payment.
    """
    make_raw_tables(bench)
    database = bench.database()
    with database.transaction() as session:
        ids = list(session.execute(_SOME, {"count": ROW_BY_ROW}).scalars())
    batch, period, accounts = new_id(), new_id(), (new_id(), new_id())

    def one(session: Session, payment_id: UUID) -> None:
        payment = session.get_one(PlainPayment, payment_id)
        entry = PlainEntry(
            id=new_id(),
            batch_id=batch,
            body=BODY,
            event_type="payment.approved",
            event_id=f"{payment.id}/1",
            rule_version=1,
            kind="posted",
            period_id=period,
            effective_on=DAY,
            posting_count=2,
            currency="GBP",
            request_hash=hashlib.sha256(str(payment.amount_pence).encode()).digest(),
        )
        session.add(entry)
        session.flush()
        for line, sign in ((1, 1), (2, -1)):
            pence = sign * payment.amount_pence
            account = accounts[line - 1]
            session.add(
                PlainPosting(entry_id=entry.id, line_no=line, account_id=account, amount=pence)
            )
            session.flush()

    began, before = time.perf_counter(), bench.cpu()
    for payment_id in ids:
        with database.transaction() as session:
            one(session, payment_id)
    seconds = (time.perf_counter() - began) / ROW_BY_ROW
    worked = (bench.cpu() - before) / ROW_BY_ROW
    database.engine.dispose()
    return seconds, worked


def set_up(bench: Bench) -> Database:
    """Return the service's database with one body in it."""
    create_database(bench.server.url(), "bench", bench.passwords)
    upgrade("payments", bench.url(MIGRATOR).replace("://", "+psycopg://"))
    database = bench.database()
    with database.transaction() as session:
        programme = ProgrammePlan("grant", "Grant", "by_hand")
        plan = BodyPlan(BODY, BODY, "TEST COUNCIL", "990000", "90000000", "990000", [programme])
        set_up_body(session, plan, SYSTEM, datetime.now(UTC))
    return database


def measure(bench: Bench) -> None:
    """Measure the sides in turns and print the medians and ratios."""
    database = set_up(bench)
    shards = finished_rows()
    seconds: dict[tuple[str, int], list[float]] = {}
    cpu: dict[tuple[str, int], list[float]] = {}
    for _ in range(ROUNDS):
        for connections in (1, 2):
            run = make_run(database)
            for side in _SIDES:
                before = bench.cpu()
                took = (
                    measure_floor(bench, shards, connections)
                    if side == "floor"
                    else measure_ours(database, connections, run)
                )
                seconds.setdefault((side, connections), []).append(took)
                cpu.setdefault((side, connections), []).append(bench.cpu() - before)
    prove(database, 2 * ROUNDS)
    slow, slow_cpu = measure_row_by_row(bench)
    database.engine.dispose()
    print(f"{PAYMENTS} payments, shards of {SHARD}, fsync on, median of {ROUNDS}")
    print(f"ORM row by row, a transaction each       {1 / slow:10.0f} payments/s")
    middle = {key: statistics.median(values) for key, values in seconds.items()}
    for connections, goal in ((1, 0.45), (2, 0.70)):
        floor, ours = middle["floor", connections], middle["ours", connections]
        ratios = zip(seconds["floor", connections], seconds["ours", connections], strict=True)
        ratio = statistics.median(one / other for one, other in ratios)
        print(f"raw COPY of finished rows, {connections} connections  {PAYMENTS / floor:12.0f}")
        print(f"every invariant on, {connections} connections         {PAYMENTS / ours:12.0f}")
        print(f"  / raw COPY over as many connections    {ratio:10.2f}   (goal {goal:.2f})")
        pairs = zip(cpu["floor", connections], cpu["ours", connections], strict=True)
        ratio = statistics.median(one / other for one, other in pairs)
        each = [1e6 * statistics.median(cpu[side, connections]) / PAYMENTS for side in _SIDES]
        print(f"  the same by CPU                        {ratio:10.2f}")
        print(f"  CPU a payment, raw COPY and ours       {each[0]:10.1f} us {each[1]:10.1f} us")
        print(
            f"  / ORM row by row                       {slow * PAYMENTS / ours:10.0f}   (goal 300)"
        )
        print(f"  the same by CPU                        {1e6 * slow_cpu / each[1]:10.0f}")
    print(
        "two connections / raw COPY over one        "
        f"{middle['floor', 1] / middle['ours', 2]:8.2f}   (goal 0.70)"
    )
    print(f"load of the machine {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Run on a server of its own."""
    passwords = {role: secrets.token_hex(8) for role in LOGINS}
    with tempfile.TemporaryDirectory(prefix="clachan-bench-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder) / "data", free_port(), secrets.token_hex(8))
        server.initialise()
        server.start()
        try:
            measure(Bench(server, passwords))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
