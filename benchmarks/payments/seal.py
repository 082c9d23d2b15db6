"""What sealing costs posting, and how fast an export is proved with nothing but Python.

PAYMENTS are posted over one connection without a sealer, and as many while a sealer of its own
process follows; the sealer's time for all of them is measured apart. PAYMENTS sets how many.
"""

import multiprocessing
import os
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.payments.posting import BODY, PAYMENTS, Bench, make_run, prove, set_up
from benchmarks.payments.posting import DAY as _DAY
from deploy.database.roles import LOGINS
from deploy.local.postgres import Postgres, free_port
from payments.ledger import bulk
from payments.ledger.seal.export import export_ledger, write_verifier
from payments.ledger.seal.sealing import seal
from shared.db import Database, make_engine

_PAUSE_SECONDS = 5.0


@dataclass
class Spent:
    """Seconds of wall clock, and of CPU of this process and of its server process."""

    wall: float = 0
    cpu: float = 0
    leaves: int = 0


@contextmanager
def spending(session: Session) -> Iterator[Spent]:
    """Measure what happens in a session until its commit."""
    backend = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
    spent, began = Spent(), time.perf_counter()
    own, its = time.process_time(), _cpu_of(backend)
    yield spent
    session.commit()
    spent.cpu = time.process_time() - own + _cpu_of(backend) - its
    spent.wall = time.perf_counter() - began


def _cpu_of(process: int) -> float:
    """Return the CPU seconds of another process."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def post_run(database: Database) -> Spent:
    """Post a run of PAYMENTS over one connection."""
    run, shards = make_run(database)
    total = Spent()
    for first, last, _ in shards:
        with database.transaction() as session, spending(session) as spent:
            bulk.post_approved(session, BODY, run, 1, first, last, _DAY)
        total.wall, total.cpu = total.wall + spent.wall, total.cpu + spent.cpu
    return total


def seal_waiting(database: Database) -> Spent:
    """Seal until nothing waits."""
    total, more = Spent(), True
    while more:
        with database.transaction() as session:
            session.execute(text("SET LOCAL statement_timeout = 0"))
            with spending(session) as spent:
                sealed = seal(session, datetime.now(UTC))
        total.wall, total.cpu = total.wall + spent.wall, total.cpu + spent.cpu
        total.leaves, more = total.leaves + sealed.leaves, sealed.more
    return total


def follow(url: str, stop: Event) -> None:
    """Seal every few seconds, as the worker does, until told to stop."""
    database = Database(make_engine(url.replace("://", "+psycopg://")))
    while not stop.wait(_PAUSE_SECONDS):
        seal_waiting(database)


def check_export(database: Database, folder: Path) -> tuple[float, float, float]:
    """Return the seconds of writing an export, of its proof in bare Python, and its CPU seconds."""
    began = time.perf_counter()
    with database.transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        export_ledger(session, BODY, folder / "export")
    written = time.perf_counter() - began
    write_verifier(folder / "verifier.pyz")
    began = time.perf_counter()
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    before = own.ru_utime + own.ru_stime
    files = (str(folder / "verifier.pyz"), "verify", str(folder / "export"))
    command = [sys.executable, "-I", "-S", *files]
    subprocess.run(command, check=True)  # noqa: S603 - our own Python and our own file
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return written, time.perf_counter() - began, own.ru_utime + own.ru_stime - before


def _each(spent: Spent) -> str:
    return f"{1e6 * spent.cpu / PAYMENTS:.2f}"


def measure(bench: Bench, folder: Path) -> None:
    """Measure and print."""
    database = set_up(bench)
    alone = post_run(database)
    sealing = seal_waiting(database)
    stop = multiprocessing.Event()
    sealer = multiprocessing.Process(target=follow, args=(bench.url("payments"), stop))
    sealer.start()
    beside = post_run(database)
    again = post_run(database)
    stop.set()
    sealer.join()
    seal_waiting(database)
    prove(database, 3)
    written, proved, worked = check_export(database, folder)
    entries, slower = (
        3 * PAYMENTS,
        100 * (statistics.mean((beside.wall, again.wall)) / alone.wall - 1),
    )
    print(f"{PAYMENTS} payments a run, one connection, fsync on")
    print(f"posting, nobody seals          {PAYMENTS / alone.wall:10.0f} payments/s")
    print(f"posting, a sealer follows      {PAYMENTS / beside.wall:10.0f} payments/s")
    print(f"posting, a sealer follows      {PAYMENTS / again.wall:10.0f} payments/s (again)")
    print(f"  slower by                    {slower:10.1f} %  (goal 10)")
    print(f"sealing on its own             {sealing.leaves / sealing.wall:10.0f} leaves/s")
    print(f"  time of posting as many      {100 * sealing.wall / alone.wall:10.1f} %")
    print(f"CPU of posting, of sealing     {_each(alone)} us, {_each(sealing)} us for each payment")
    print(f"  sealing's share              {100 * sealing.cpu / alone.cpu:10.1f} %  (goal 10)")
    print(f"load of the machine            {os.getloadavg()[0]:10.1f}")
    print(f"export of {entries:8d} entries    {written:10.2f} s")
    print(f"proof in bare Python           {proved:10.2f} s  (goal {5 * entries / 1e6:.2f})")
    print(f"  CPU of it                    {worked:10.2f} s")


def main() -> None:
    """Run on a server of its own."""
    passwords = {role: secrets.token_hex(8) for role in LOGINS}
    with tempfile.TemporaryDirectory(prefix="clachan-bench-") as name:
        Path(name).chmod(0o711)
        server = Postgres(Path(name) / "data", free_port(), secrets.token_hex(8))
        server.initialise()
        server.start()
        try:
            measure(Bench(server, passwords), Path(name))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
