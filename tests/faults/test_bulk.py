"""kill -9 at random moments of a run of many payments: each is at the bank exactly once.

`SOAK_ROUNDS` rounds of `SOAK_PAYMENTS` payments each; `make soak` plays 200. Every round has a seed
of its own, which is printed; `FAULT_SEED` repeats one.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.faults.killing import Killer
from tests.faults.test_kills import move_bank_day
from tests.faults.truth import Truth
from tests.support.finance_program import FinanceProgram, PaymentFile, make_file
from tests.support.patient_browser import Browser, Inbox
from tests.support.platform import Platform, running_platform
from tests.support.story import Finance

pytestmark = pytest.mark.faults

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "1"))
PAYMENTS = int(os.environ.get("SOAK_PAYMENTS", "10000"))
MORTALS = ("payments-worker", "payments-web", "simulators")
_MOST_DAYS = 6
_AT_BANK = """
SELECT i.status, count(*), count(DISTINCT i.reference), sum(i.pence)
  FROM item i JOIN submission s ON s.id = i.submission
 WHERE s.status = 'accepted' AND i.reference LIKE ? || '-%' GROUP BY 1 ORDER BY 1
"""
_STATES = """
SELECT CASE state WHEN 'paid' THEN 'applied' ELSE state END, count(*), count(DISTINCT reference),
       sum(amount_pence)::bigint
  FROM payments.payment WHERE run_id = %(run)s GROUP BY 1 ORDER BY 1
"""
_BOOKED = """
SELECT count(*), count(DISTINCT e.event_id) FROM payments.entry e
  JOIN payments.payment p ON e.event_id LIKE p.id::text || '/%%'
 WHERE p.run_id = %(run)s AND e.event_type = 'payment.approved'
"""


@contextmanager
def dying(killer: Killer) -> Iterator[None]:
    """Kill one of the processes of payments every few seconds until the block is left.

    Only one that is ready: on a busy machine none would ever get up between two blows.
    """
    over = threading.Event()

    def kill() -> None:
        while not over.wait(killer.chance.uniform(0.5, 6)):
            name = killer.chance.choice(MORTALS)
            if killer.processes()[name]["state"] == "ready":
                killer.kill(name)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        killer.wait_until_all_are_back()


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of its own: how many forms one network may send an hour is counted for each."""
    with running_platform(tmp_path_factory.mktemp("bulk")) as running:
        yield running


@pytest.fixture(scope="module")
def people(platform: Platform) -> Iterator[tuple[Finance, Finance]]:
    """Uploader and approver, signed in once for all rounds."""
    browsers = Browser(platform.url), Browser(platform.url)
    inbox = Inbox(platform.values["CLACHAN_INBOX_URL"])
    made = [
        Finance(browser, inbox, f"{role}@strathclachan.example", platform.demo_password)
        for browser, role in zip(browsers, ("uploader", "approver"), strict=True)
    ]
    for one in made:
        one.sign_in()
    yield made[0], made[1]
    for browser in browsers:
        browser.close()


@pytest.fixture
def program(platform: Platform) -> Iterator[FinanceProgram]:
    made = FinanceProgram(platform.values)
    yield made
    made.close()


Figures = list[tuple[object, ...]]


def at_bank(truth: Truth, prefix: str) -> Figures:
    """Return items, different references and pence by fate, from the bank's own books."""
    with closing(sqlite3.connect(truth.home / "simulators" / "bank.sqlite3")) as books:
        return [tuple(row) for row in books.execute(_AT_BANK, (prefix,))]


def at_ours(truth: Truth, run_id: str) -> Figures:
    """Return the same of our payments; what the bank has applied is paid."""
    return truth.ask(_STATES, run=run_id)


def is_over(figures: Figures) -> bool:
    """Tell whether the bank has nothing more to say about any payment."""
    return {row[0] for row in figures} <= {"applied", "returned"}


def play(
    platform: Platform,
    truth: Truth,
    program: FinanceProgram,
    people: tuple[Finance, Finance],
    file: PaymentFile,
) -> str:
    """Take a file from the upload until the bank has paid it; returns the run's id."""
    uploader, approver = people
    upload_id = program.upload(file, "winter-heating", f"soak-{file.prefix}")
    run_id = program.wait_for_run(upload_id)
    uploader.put_forward()
    truth.wait_until_done(180)
    approver.approve()
    truth.wait_until_done(180)
    for _ in range(_MOST_DAYS):
        if is_over(at_ours(truth, run_id)):
            break
        move_bank_day(platform)
        truth.wait_until_done(180)
    return run_id


@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_payment_of_a_run_is_at_the_bank_once(
    number: int,
    platform: Platform,
    truth: Truth,
    program: FinanceProgram,
    people: tuple[Finance, Finance],
) -> None:
    given = int(os.environ.get("FAULT_SEED", "0"))
    seed = given + number if given else secrets.randbelow(1_000_000) + 1
    print(f"FAULT_SEED={seed}")  # noqa: T201 - pytest shows it beside a failure
    file = make_file(seed, PAYMENTS)
    with dying(Killer(platform.home, seed)):
        run_id = play(platform, truth, program, people, file)
    truth.wait_until_done(180)
    ours = at_ours(truth, run_id)
    assert is_over(ours)
    assert sum(int(str(row[1])) for row in ours) == file.count
    assert sum(int(str(row[3])) for row in ours) == file.total_pence
    assert at_bank(truth, file.prefix) == ours
    assert truth.ask(_BOOKED, run=run_id) == [(file.count, file.count)]
    assert truth.ledger_faults() == []
    assert truth.doubled() == {}
    assert program.upload(file, "winter-heating", f"soak-{file.prefix}")
