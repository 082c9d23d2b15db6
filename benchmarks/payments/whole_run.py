"""How much work a whole run of payments is: from a file to the sealed bank file, stage by stage.

A worker of its own process does the stages, as in production: reading, checking, duplicates,
sanctions, payments, content hashes, the ledger, the bank file. Measured are the CPU time of each
stage and of PostgreSQL, memory, and the number of tasks, and how they compare with the posting in
the ledger of the same number, which is one part of the way. PAYMENTS says how many rows (several
sizes with commas; 10,000 and 100,000 unless told), SCREENED how many names the sanctions list has.
"""

import hashlib
import io
import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from deploy.database.roles import LOGINS, MIGRATOR, create_database
from deploy.local.postgres import Postgres, free_port
from payments.payees.bank_details import DetailsVault
from payments.runs.actions import approve as approving
from payments.runs.actions.approve import approve
from payments.runs.actions.put_forward import put_forward
from payments.runs.actions.release import release
from payments.runs.actions.set_up import BodyPlan, ProgrammePlan, set_up_body
from payments.runs.queries.runs import get_run
from payments.runs.rules import APPROVER, UPLOADER
from payments.screening.actions.load import load_list
from payments.screening.loading import ListMapping
from payments.settings import PaymentsSettings
from payments.uploads.actions.receive import Declaration, receive_upload
from payments.uploads.queries import load_upload
from payments.worker import TASKS
from shared import clock, outbox
from shared.actors import SYSTEM, Actor
from shared.crypto import Sealer
from shared.db import Database, make_engine
from shared.ids import public_id
from shared.migrate import upgrade

BODY = "strathclachan"
SIZES = [int(size) for size in os.environ.get("PAYMENTS", "10000,100000").split(",")]
SCREENED = int(os.environ.get("SCREENED", "20000"))
UNA = Actor("staff", "una", BODY, frozenset({UPLOADER}), "Una")
AVA = Actor("staff", "ava", BODY, frozenset({APPROVER}), "Ava")
# Their import registers the handlers of everything that a step may ask for.
HANDLERS = TASKS
_LETTERS = bytes(b"abcdefghijklmnopqrstuvwxyz0123456789"[sign % 36] for sign in range(256))
_NEXT = text(
    "SELECT id, topic FROM outbox WHERE done_at IS NULL AND dead_at IS NULL"
    # The file is sealed and not sent: how fast a bank answers is not ours.
    " AND topic <> 'payments.bank.submit' AND due_at <= clock_timestamp() ORDER BY id LIMIT 1"
)


def make_settings(url: str, folder: Path) -> PaymentsSettings:
    """Return the settings that benchmark and worker share."""
    return PaymentsSettings(
        environment="test",
        public_url="http://bench",
        port=1,
        database_url=url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key="s" * 32,
        encryption_key_file=folder / "kek",
        bank_url="http://127.0.0.1:9",
        payee_names_url="http://127.0.0.1:9",
        modulus_weights_file=folder / "weights",
        log_level="ERROR",
    )


def work(url: str, folder: str) -> None:
    """Do all that waits, as the worker does, and print what it took for each topic."""
    settings = make_settings(url, Path(folder))
    database = Database(make_engine(url, bulk=True))
    cpu: dict[str, float] = {}
    tasks: dict[str, int] = {}
    posting = Posting()
    posting.watch()
    while True:
        with database.transaction() as session:
            row = session.execute(_NEXT).one_or_none()
        if row is None:
            break
        began = time.process_time()
        outbox.run(database, settings, row.id, row.topic)
        topic = row.topic.removeprefix("payments.")
        cpu[topic] = cpu.get(topic, 0) + time.process_time() - began
        tasks[topic] = tasks.get(topic, 0) + 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = {"cpu": cpu, "tasks": tasks, "peak": peak}
    print(json.dumps(told | {"posting": posting.seconds, "posting_cpu": posting.cpu}))


class Posting:
    """The time that posting in the ledger takes of an approval: wall, and CPU of both processes."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0

    def watch(self) -> None:
        """Measure from now on, in this process."""
        post = approving.post_approved

        def measured(session: Session, *args: Any) -> tuple[int, int]:
            server = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            began, cpu = time.perf_counter(), time.process_time() + process_seconds(server)
            done = post(session, *args)
            self.seconds += time.perf_counter() - began
            self.cpu += time.process_time() + process_seconds(server) - cpu
            return done

        approving.post_approved = measured


def process_seconds(pid: int) -> float:
    """Return the CPU time of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def name_of(number: int) -> str:
    """Return the name of the holder of an account, the same in every file."""
    letters = hashlib.sha256(str(number).encode()).digest()[:16].translate(_LETTERS).decode()
    return f"{letters[:7].title()} {letters[7:].title()}"


@dataclass
class File:
    """A file of payments that is made while it is read: it is never in memory.

    Later files pay the same people again.
    """

    rows: int
    pence: int = 0

    def lines(self) -> Iterator[str]:
        """Yield the heading and every row."""
        yield (
            "destination_sort_code,destination_account_number,destination_name,amount,reference,"
            "gl_code\r\n"
        )
        for number in range(self.rows):
            pence = 100 + number * 7919 % 100_000
            self.pence += pence
            yield (
                f"{990001 + number % 900:06d},{10_000_000 + number},"
                f"{name_of(number)},"
                f"{pence // 100}.{pence % 100:02d},{self.rows:08d}-{number:08d},4100\r\n"
            )


def load_names(database: Database) -> None:
    """Put a list of random names in force."""
    rows = "".join(
        f"{number // 4},{public_id()[:8]} {public_id()[:6]} {public_id()[:9]}\n"
        for number in range(SCREENED)
    )
    mapping = ListMapping("id", ("name",), "", "")
    with database.transaction() as session:
        content = io.BytesIO(f"id,name\n{rows}".encode())
        load_list(
            session, content, mapping, clock.london_date(clock.now()), "bench", SYSTEM, clock.now()
        )


def postgres_seconds(data: Path) -> float:
    """Return the CPU time of the server and all that it has started, living or dead."""
    ticks = os.sysconf("SC_CLK_TCK")
    leader = (data / "postmaster.pid").read_text().split()[0]
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        # Utime, stime, and those of children that ended are counted by their parent.
        if stat.parent.name == leader:
            total += sum(int(field) for field in fields[11:15]) / ticks
        elif fields[1] == leader:
            total += sum(int(field) for field in fields[11:13]) / ticks
    return total


@dataclass
class Stage:
    """What a part of the way took: wall seconds, CPU of the server, and what the worker told."""

    name: str
    seconds: float
    server: float
    cpu: dict[str, float]
    tasks: dict[str, int]
    peak: int
    posting: float
    posting_cpu: float


class Bench:
    """One server, and the way of one run through it."""

    def __init__(self, database: Database, url: str, folder: Path) -> None:
        self.database = database
        self.url = url
        self.folder = folder
        self.sealer = Sealer(folder / "kek")
        self.vault = DetailsVault(self.sealer, "s" * 32)
        # A run of one shard is posted by the approver's own request.
        self.posting = Posting()
        self.posting.watch()

    def step(self, name: str, do: Callable[[Session], object]) -> Stage:
        """Do a person's step and all the work that follows it."""
        began, server = time.perf_counter(), postgres_seconds(self.folder / "data")
        used, posted, posted_cpu = time.process_time(), self.posting.seconds, self.posting.cpu
        with self.database.transaction() as session:
            do(session)
        used = time.process_time() - used
        command = [sys.executable, __file__, "work", self.url, str(self.folder)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this script
        found = json.loads(answer.stdout.splitlines()[-1])
        seconds = time.perf_counter() - began
        server = postgres_seconds(self.folder / "data") - server
        found["posting"] += self.posting.seconds - posted
        found["posting_cpu"] += self.posting.cpu - posted_cpu
        found["cpu"]["the request"] = used
        found["tasks"]["the request"] = 0
        return Stage(name, seconds, server, **found)

    def receive(self, made: File) -> tuple[Stage, UUID]:
        """Send a file in and let payments be made of it; returns the run."""
        ids = []
        with tempfile.TemporaryFile() as file:
            for line in made.lines():
                file.write(line.encode())
            declaration = Declaration(
                BODY, "grants", "csv", "bench.csv", made.rows, made.pence, None
            )

            def take(session: Session) -> None:
                ids.append(
                    receive_upload(
                        session,
                        self.sealer,
                        declaration,
                        file,
                        UNA,
                        clock.now(),
                        maximum_bytes=10**9,
                    ).id
                )

            stage = self.step("file to payments", take)
        with self.database.transaction() as session:
            upload = load_upload(session, ids[0])
        assert upload.state == "created", upload
        assert upload.run_id is not None
        return stage, upload.run_id

    def content(self, run_id: UUID) -> bytes:
        """Return the hash that an approver signs."""
        with self.database.transaction() as session:
            return get_run(session, BODY, run_id).content_hash or b""

    def assert_sealed(self, run_id: UUID, rows: int, pence: int) -> None:
        """Fail unless the bank's file has every payment, and the ledger every cost."""
        with self.database.transaction() as session:
            sealed = session.execute(
                text(
                    "SELECT a.state, a.payment_count, a.total_pence FROM attempt a"
                    " JOIN submission s ON s.id = a.submission_id WHERE s.run_id = :run"
                ),
                {"run": run_id},
            ).one()
            booked = session.execute(
                text(
                    "SELECT count(*) FROM entry e JOIN payment p ON e.event_id = p.id || '/1'"
                    " WHERE p.run_id = :run AND e.event_type = 'payment.approved'"
                ),
                {"run": run_id},
            ).scalar_one()
        assert tuple(sealed) == ("sealed", rows, pence), sealed
        assert booked == rows


def measure(bench: Bench, rows: int) -> float:
    """Take a file of so many rows to the sealed bank file, and print the figures.

    Returns the CPU seconds of a payment.
    """
    made = File(rows)
    server = postgres_seconds(bench.folder / "data")
    first, run_id = bench.receive(made)
    now = clock.now()
    stages = [
        first,
        bench.step("put forward", lambda one: put_forward(one, bench.vault, run_id, UNA, now)),
        bench.step(
            "approve and book", lambda one: approve(one, run_id, bench.content(run_id), AVA, now)
        ),
        bench.step("release, bank file", lambda one: release(one, run_id, UNA, now)),
    ]
    server = postgres_seconds(bench.folder / "data") - server
    bench.assert_sealed(run_id, rows, made.pence)
    seconds = sum(stage.seconds for stage in stages)
    print(f"\n{rows:,} payments, one worker: {seconds:.1f} s, {rows / seconds:,.0f} a second")
    for stage in stages:
        of_server = f"{stage.server / rows * 1e6:7.1f} µs of PostgreSQL a payment"
        print(f"  {stage.name:24} {stage.seconds:7.1f} s {of_server}")
        for topic, used in stage.cpu.items():
            told = f"{used / rows * 1e6:7.1f} µs CPU a payment, {stage.tasks[topic]} task(s)"
            print(f"    {topic:26} {told}")
    python = sum(sum(stage.cpu.values()) for stage in stages)
    print(f"  Python altogether       {python / rows * 1e6:7.1f} µs CPU a payment")
    print(f"  PostgreSQL              {server / rows * 1e6:7.1f} µs CPU a payment")
    posting = sum(stage.posting for stage in stages)
    posting_cpu = sum(stage.posting_cpu for stage in stages)
    print(f"  posting alone           {posting_cpu / rows * 1e6:7.1f} µs CPU a payment")
    print(f"  whole run : posting     {seconds / posting:7.1f} in wall time (goal 4 at most)")
    print(f"                          {(python + server) / posting_cpu:7.1f} in CPU time")
    print(f"  tasks                   {sum(sum(stage.tasks.values()) for stage in stages)}")
    print(f"  peak memory, worker     {max(stage.peak for stage in stages)} MB (goal 300 at most)")
    return (python + server) / rows


def main() -> None:
    """Measure each size on one throw-away server, so that later files meet a history."""
    passwords = {role: secrets.token_hex(8) for role in LOGINS}
    with tempfile.TemporaryDirectory(prefix="clachan-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "kek").write_text(b64encode(secrets.token_bytes(32)).decode())
        # A check with weights that every account passes costs what any other costs.
        (folder / "weights").write_text("000001 999999 MOD11" + " 0" * 14)
        server = Postgres(folder / "data", free_port(), secrets.token_hex(8))
        server.initialise()
        server.start()
        try:
            create_database(server.url(), "bench", passwords)

            def url(role: str) -> str:
                address = server.url("bench", role, passwords[role])
                return address.replace("postgresql://", "postgresql+psycopg://")

            upgrade("payments", url(MIGRATOR))
            database = Database(make_engine(url("payments")))
            plan = BodyPlan(
                BODY,
                "Strathclachan Council",
                "STRATHCLACHAN",
                "990000",
                "90000001",
                "990001",
                [ProgrammePlan("grants", "Grants", "by_hand")],
            )
            with database.transaction() as session:
                set_up_body(session, plan, SYSTEM, clock.now())
            load_names(database)
            bench = Bench(database, url("payments"), folder)
            costs = {rows: measure(bench, rows) for rows in SIZES}
            for rows in SIZES[1:]:
                ratio = costs[rows] / costs[SIZES[0]]
                print(f"\n{rows:,} against {SIZES[0]:,}, CPU a payment: {ratio:.2f} (goal 1.3)")
            database.engine.dispose()
        finally:
            server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2], sys.argv[3])
    else:
        main()
