"""A large file after small ones: no plan may rest on statistics that know the small ones only.

Nothing is timed: the rows that each statement handles are counted.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from payments.bank.providers.https_bank import HttpsBank
from payments.bank.tasks import fetch_reports
from payments.payees.bank_details import DetailsVault
from payments.runs.actions.approve import approve
from payments.runs.actions.put_forward import put_forward
from payments.runs.actions.recall import recall_run
from payments.runs.queries.runs import get_run
from payments.settings import PaymentsSettings
from payments.uploads.actions.decide import drop_bad_rows
from payments.uploads.actions.receive import Declaration, receive_upload
from shared import clock, outbox
from shared.crypto import Sealer
from tests.conftest import Cluster
from tests.payments.bank.bank_day import running_bank
from tests.payments.runs.console import SECRET, make_settings
from tests.payments.runs.planned import Planned, planned_database
from tests.payments.runs.world import ALAN, BODY, UNA, seed
from tests.payments.uploads.files import HEADER, csv_of, total
from tests.support.mortal_worker import KNOWN

PAYMENTS = 1_000
# A good plan handles each payment a few times in each of its nodes; a bad one each payment once
# for each other one.
MOST_ROWS = 25
TASKS = KNOWN
_DUE = text(
    "SELECT id, topic FROM outbox WHERE done_at IS NULL AND dead_at IS NULL AND attempt = 0"
    " AND due_at <= clock_timestamp() ORDER BY id LIMIT 1"
)
_STATES = text("SELECT state, count(*) AS payments FROM payment WHERE run_id = :run GROUP BY state")
_UPLOAD = text("SELECT state, run_id, invalid_rows FROM upload WHERE id = :id")


class Way:
    """The way of files through the service, with a worker that does what is due."""

    def __init__(
        self, planned: Planned, settings: PaymentsSettings, sealer: Sealer, http: httpx.Client
    ) -> None:
        self.planned = planned
        self.database = planned.database
        self.settings = settings
        self.sealer = sealer
        self.vault = DetailsVault(sealer, SECRET)
        self.bank = HttpsBank(http)

    def work(self) -> None:
        """Do what is due until nothing is."""
        while True:
            with self.database.transaction() as session:
                row = session.execute(_DUE).one_or_none()
            if row is None:
                return
            outbox.run(self.database, self.settings, row.id, row.topic)

    def receive(self, count: int, seed_: int, programme: str) -> UUID:
        """Send a file in, drop its bad rows, and return the run that was made of it."""
        content = make_rows(count, seed_)
        declaration = Declaration(BODY, programme, "csv", "people.csv", count, total(content), None)
        file = io.BytesIO(csv_of(content, f"{HEADER},invoice_reference"))
        with self.database.transaction() as session:
            upload = receive_upload(
                session,
                self.sealer,
                declaration,
                file,
                UNA,
                clock.now(),
                maximum_bytes=10_000_000,
            )
        self.work()
        with self.database.transaction() as session:
            found = session.execute(_UPLOAD, {"id": upload.id}).one()
            if found.state == "faulty":
                drop_bad_rows(session, BODY, upload.id, found.invalid_rows, UNA, clock.now())
        self.work()
        with self.database.transaction() as session:
            run_id = session.execute(_UPLOAD, {"id": upload.id}).one().run_id
        assert isinstance(run_id, UUID)
        return run_id

    def approve(self, run_id: UUID) -> None:
        """Put a run forward and approve it."""
        with self.database.transaction() as session:
            put_forward(session, self.vault, run_id, UNA, clock.now())
        with self.database.transaction() as session:
            seen = get_run(session, BODY, run_id).content_hash or b""
            approve(session, run_id, seen, ALAN, clock.now())
        self.work()

    def report(self) -> None:
        """Let two days pass at the bank, and take in what it says."""
        for _ in range(2):
            self.bank.advance_day()
            fetch_reports(self.database, self.bank, self.vault, clock.now)
            self.work()

    def states(self, run_id: UUID) -> dict[str, int]:
        """Return how many payments of a run are in each state."""
        with self.database.transaction() as session:
            return {row.state: row.payments for row in session.execute(_STATES, {"run": run_id})}


def make_rows(count: int, seed_: int) -> list[tuple[str, ...]]:
    """Return rows of which some are bad, some alike, some refused and some returned by the bank."""
    found: list[tuple[str, ...]] = []
    for number in range(count):
        where = ("991000", f"{10_000_000 * (1 + seed_) + number - number % 20 // 19}")
        if number % 10 == 3:
            where = ("201918", "55555555" if number % 20 == 3 else "66666666")
        words = "TWICE" if number % 30 > 27 else f"S{seed_}-{number:07d}"
        name = "A Fictional" if number % 20 else f"Person{number % 40} Fictional"
        name = name if number % 15 != 7 else ""
        pence = f"{1 + number % 30 - number % 30 // 29}.00"
        found.append((*where, name, pence, words, f"INV-{seed_}-{number // 2}"))
    return found


@pytest.fixture
def way(
    cluster: Cluster, key_file: Path, private_key: Path, sealer: Sealer, tmp_path: Path
) -> Iterator[Way]:
    with planned_database(cluster) as planned, running_bank(tmp_path) as http:
        url = str(http.base_url).rstrip("/")
        settings = make_settings(
            planned.url, key_file, private_key, bank_url=url, screening_without_list="warn"
        )
        # A day at the bank takes as long as a busy machine makes it.
        http.timeout = httpx.Timeout(60)
        with planned.database.transaction() as session:
            seed(session)
        yield Way(planned, settings, sealer, http)


def test_no_plan_rests_on_statistics_of_a_small_file(way: Way) -> None:
    way.approve(way.receive(3, 1, "winter-heating"))
    way.report()
    way.planned.analyse()
    way.planned.forget()
    sent = way.receive(PAYMENTS, 2, "winter-heating")
    way.approve(sent)
    way.report()
    recalled = way.receive(PAYMENTS, 3, "clothing-grant")
    way.approve(recalled)
    with way.database.transaction() as session:
        recall_run(session, recalled, "a mistake", ALAN, clock.now())
    assert way.states(sent).keys() == {"accepted", "scheme_rejected", "returned"}
    assert way.states(recalled).keys() == {"recalled"}
    assert way.planned.find_worst(PAYMENTS, MOST_ROWS) == []
