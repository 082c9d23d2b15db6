"""One hot account: single entries of many clients, with a transaction each and coalesced.

The account has a bound, so each posting transaction locks its balance. A client is a thread; its
window is how many requests it has open at a time. An entry has two postings. SECONDS sets how long
each side runs.
"""

import os
import secrets
import statistics
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import text

from benchmarks.payments.posting import BODY, DAY, Bench, set_up
from deploy.database.roles import LOGINS
from deploy.local.postgres import Postgres, free_port
from payments.ledger.actions import Posted, post_entries
from payments.ledger.coalescing import CoalescingWriter
from payments.ledger.queries import get_balance, list_faults
from payments.ledger.rules import EntryDraft, transfer
from shared.db import Database, make_engine
from shared.ids import new_id

SECONDS = float(os.environ.get("SECONDS", "5"))
_HOT = text(
    "INSERT INTO account (id, body, code, type, normal_side, currency, bound, limit_pence) VALUES"
    " (:id, :body, 'hot', 'asset', 'debit', 'GBP', 'limit', 1000000000000)"
)


@dataclass
class Side:
    """What one side did: entries a second, milliseconds of the middle and the slowest hundredth.

    And microseconds of CPU for each entry, of this process (clients and writer) and the server's.
    """

    rate: float
    middle: float
    slowest: float
    ours: float = 0
    servers: float = 0


def draft() -> EntryDraft:
    """Return a new entry against the hot account."""
    return transfer("hot", str(new_id()), DAY, "in_transit", "hot", 1)


def run_clients(clients: int, work: Callable[[float, list[float]], None]) -> Side:
    """Let so many threads work until the time is over."""
    times: list[list[float]] = [[] for _ in range(clients)]
    end = time.perf_counter() + SECONDS
    threads = [threading.Thread(target=work, args=(end, times[n])) for n in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    all_times = sorted(1000 * one for own in times for one in own)
    slowest = all_times[int(len(all_times) * 0.99)]
    return Side(len(all_times) / seconds, statistics.median(all_times), slowest)


def alone(database: Database, clients: int) -> Side:
    """Post each entry in a transaction of its own."""

    def work(end: float, times: list[float]) -> None:
        while (began := time.perf_counter()) < end:
            with database.transaction() as session:
                post_entries(session, BODY, [draft()], "alone")
            times.append(time.perf_counter() - began)

    return run_clients(clients, work)


def together(database: Database, clients: int, window: int) -> Side:
    """Post through the coalescing writer."""
    writer = CoalescingWriter(database)

    def work(end: float, times: list[float]) -> None:
        opened: deque[tuple[float, Future[Posted]]] = deque()
        while (began := time.perf_counter()) < end or opened:
            if began < end:
                opened.append((began, writer.submit(BODY, draft())))
            if len(opened) >= window or began >= end:
                since, future = opened.popleft()
                future.result(30)
                times.append(time.perf_counter() - since)

    side = run_clients(clients, work)
    writer.close()
    return side


def cpu_of_servers(bench: Bench) -> float:
    """Return the CPU seconds of the server processes that serve us now."""
    with psycopg.connect(bench.server.url("bench")) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'payments'")
        files = [Path(f"/proc/{pid}/schedstat") for (pid,) in found]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def measured(bench: Bench, work: Callable[[], Side]) -> Side:
    """Return what a side did, with the CPU that it took."""
    own, servers = time.process_time(), cpu_of_servers(bench)
    side = work()
    entries = side.rate * SECONDS
    side.ours = 1e6 * (time.process_time() - own) / entries
    side.servers = 1e6 * (cpu_of_servers(bench) - servers) / entries
    return side


def measure(bench: Bench) -> None:
    """Measure each side and print."""
    set_up(bench).engine.dispose()
    database = Database(
        make_engine(bench.url("payments").replace("://", "+psycopg://"), pool_size=20)
    )
    with database.transaction() as session:
        session.execute(_HOT, {"id": new_id(), "body": BODY})
    works: dict[str, Callable[[], Side]] = {
        "a transaction each, 1 client": lambda: alone(database, 1),
        "a transaction each, 16 clients": lambda: alone(database, 16),
        "coalesced, 1 client": lambda: together(database, 1, 1),
        "coalesced, 16 clients": lambda: together(database, 16, 1),
        "coalesced, 16 clients, 8 open": lambda: together(database, 16, 8),
        "coalesced, 16 clients, 25 open": lambda: together(database, 16, 25),
    }
    # Connections are made before, so that their server processes can be asked what they took.
    together(database, 16, 1)
    sides = {name: measured(bench, work) for name, work in works.items()}
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        entries = session.execute(text("SELECT count(*) FROM entry")).scalar_one()
        assert get_balance(session, BODY, "hot") == -entries
        assert list_faults(session, BODY) == []
    print(f"{SECONDS:.0f} s a side, one account with a bound, fsync on, {entries} entries in all")
    for name, side in sides.items():
        print(
            f"{name:32s} {side.rate:8.0f} entries/s {2 * side.rate:8.0f} postings/s"
            f"  median {side.middle:6.1f} ms  p99 {side.slowest:6.1f} ms"
            f"  CPU {side.ours:5.0f} us ours, {side.servers:5.0f} us server's"
        )
    print(f"load of the machine {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Run on a server of its own."""
    passwords = {role: secrets.token_hex(8) for role in LOGINS}
    with tempfile.TemporaryDirectory(prefix="clachan-bench-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name) / "data", free_port(), secrets.token_hex(8))
        server.initialise()
        server.start()
        try:
            measure(Bench(server, passwords))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
