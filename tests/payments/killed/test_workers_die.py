"""Workers are killed -9 all the way from a file to the bank; `make soak` does it at full size."""

import io
from pathlib import Path

import pytest
from sqlalchemy import text

from payments.bank.providers.https_bank import HttpsBank
from payments.ledger.queries import list_faults
from payments.payees.bank_details import DetailsVault
from payments.runs.actions.approve import approve
from payments.runs.actions.put_forward import put_forward
from payments.runs.queries.runs import get_run
from payments.uploads.actions.receive import Declaration, receive_upload
from shared import clock
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.bank.bank_day import running_bank
from tests.payments.runs.console import SECRET, make_settings
from tests.payments.runs.world import ALAN, BODY, UNA, seed
from tests.support.finance_program import make_file
from tests.support.mortal_worker import MortalWorkers

PAYMENTS = 3_000
_STATES = text("SELECT DISTINCT state FROM payment ORDER BY 1")
_RUN = text("SELECT run_id FROM upload")
_RUN_STATE = text("SELECT r.state FROM upload u JOIN run r ON r.id = u.run_id")
_UNDONE = text("SELECT topic, last_error FROM outbox WHERE done_at IS NULL AND attempt > 0")
_BOOKED = text(
    "SELECT count(*), count(DISTINCT event_id) FROM entry WHERE event_type = 'payment.approved'"
)


@pytest.mark.parametrize("chance", [1, 2, 3])
def test_every_payment_is_at_the_bank_once_however_often_workers_die(
    chance: int,
    payments_database: Database,
    payments_url: str,
    key_file: Path,
    private_key: Path,
    sealer: Sealer,
    tmp_path: Path,
) -> None:
    database, vault = payments_database, DetailsVault(sealer, SECRET)
    file = make_file(chance, PAYMENTS)
    declaration = Declaration(
        BODY, "winter-heating", "csv", "people.csv", file.count, file.total_pence, None
    )

    def states() -> set[str]:
        with database.transaction() as session:
            return set(session.execute(_STATES).scalars())

    def begun_and_not_done() -> list[object]:
        with database.transaction() as session:
            return list(session.execute(_UNDONE).all())

    def run_is_ready() -> bool:
        with database.transaction() as session:
            return session.execute(_RUN_STATE).scalar_one_or_none() == "collecting"

    with running_bank(tmp_path) as http:
        url = str(http.base_url).rstrip("/")
        settings = make_settings(
            payments_url, key_file, private_key, bank_url=url, screening_without_list="warn"
        )
        workers = MortalWorkers(database, settings, chance)
        with database.transaction() as session:
            seed(session)
            receive_upload(
                session,
                sealer,
                declaration,
                io.BytesIO(file.content),
                UNA,
                clock.now(),
                maximum_bytes=1_000_000,
            )
        # The payments are ready a moment before the run is: a worker may die between the two.
        workers.until(run_is_ready)
        with database.transaction() as session:
            run_id = session.execute(_RUN).scalar_one()
            put_forward(session, vault, run_id, UNA, clock.now())
        with database.transaction() as session:
            signed = get_run(session, BODY, run_id).content_hash or b""
            approve(session, run_id, signed, ALAN, clock.now())
        workers.until(lambda: states() <= {"submitted", "accepted"})
        HttpsBank(http).advance_day()
        # What was begun beside the last answer may have been killed with it: that is done again.
        workers.until(lambda: states() == {"accepted"} and not begun_and_not_done())
        truth = http.get("/admin/truth").json()["items"]
    assert sum(row["count"] for row in truth) == PAYMENTS
    assert sum(row["pence"] for row in truth) == file.total_pence
    with database.transaction() as session:
        assert session.execute(_BOOKED).one() == (PAYMENTS, PAYMENTS)
        assert list_faults(session, BODY) == []
    assert workers.kills > 3
