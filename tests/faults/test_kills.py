"""kill -9 of each process in turn during the story: it ends complete, and once only."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.faults.killing import Killer
from tests.faults.truth import Truth, assert_once
from tests.support.platform import Platform
from tests.support.story import Citizen, Finance

pytestmark = pytest.mark.faults

NewCitizen = Callable[[], Citizen]
NewFinance = Callable[[str], Finance]

# Who dies when a phase of the story begins: while somebody is inside what it serves.
FRONT = {
    "eligibility": "gateway-web",
    "sign-up": "identity-worker",
    "code": "notifications-worker",
    "verify": "identity-web",
    "capture": "simulators",
    "bank-details": "payments-web",
}
STORES = {"sign-up": "valkey", "store": "postgres", "bank-details": "envoy"}
BACK = {"submit": "gateway-worker", "put-forward": "payments-web", "approve": "payments-worker"}
EVERYBODY = (
    *("identity-web", "identity-worker", "payments-web", "payments-worker"),
    *("notifications-web", "notifications-worker", "gateway-web", "gateway-worker"),
    *("envoy", "simulators", "valkey", "postgres"),
)


def strike(killer: Killer, plan: dict[str, str]) -> Callable[[str], None]:
    """Return what a person tells of their phases, and what then dies."""

    def on_phase(phase: str) -> None:
        if phase in plan:
            killer.kill_soon(plan[phase])

    return on_phase


def run_through(
    platform: Platform,
    truth: Truth,
    new_finance: NewFinance,
    on_phase: Callable[[str], None] = lambda _phase: None,
) -> None:
    """Have finance put today's run forward and approve it, and let two bank days pass."""
    uploader, approver = new_finance("uploader"), new_finance("approver")
    uploader.on_phase = approver.on_phase = on_phase
    truth.wait_until_done()
    uploader.sign_in()
    assert uploader.put_forward()
    approver.sign_in()
    assert approver.approve()
    # The bank's day is not moved before its file is there: a worker may have to come back first.
    truth.wait_until_done()
    for day in ("first-day", "second-day"):
        on_phase(day)
        move_bank_day(platform)
    truth.wait_until_done()


def move_bank_day(platform: Platform) -> None:
    """Move the bank's day as an operator does: again when the command says that it failed."""
    for attempt in range(8):
        try:
            platform.next_bank_day()
        except AssertionError:
            if attempt == 7:
                raise
            time.sleep(1)
        else:
            return


def test_the_doors_die_under_a_citizen(
    platform: Platform,
    killer: Killer,
    truth: Truth,
    new_citizen: NewCitizen,
    new_finance: NewFinance,
) -> None:
    citizen = new_citizen()
    citizen.on_phase = strike(killer, FRONT)
    citizen.apply()
    killer.wait_until_all_are_back()
    assert sorted(killer.killed) == sorted(FRONT.values())
    run_through(platform, truth, new_finance)
    assert_once(truth, citizen)


def test_database_broker_and_edge_die_under_a_citizen(
    platform: Platform,
    killer: Killer,
    truth: Truth,
    new_citizen: NewCitizen,
    new_finance: NewFinance,
) -> None:
    citizen = new_citizen()
    citizen.on_phase = strike(killer, STORES)
    citizen.apply()
    killer.flush_valkey()
    killer.kill("notifications-web")
    killer.wait_until_all_are_back()
    run_through(platform, truth, new_finance, strike(killer, {"approve": "postgres"}))
    assert_once(truth, citizen)


def test_the_money_side_dies_between_approval_and_bank(
    platform: Platform,
    killer: Killer,
    truth: Truth,
    new_citizen: NewCitizen,
    new_finance: NewFinance,
) -> None:
    citizen = new_citizen()
    plan = strike(killer, BACK | {"first-day": "simulators", "second-day": "payments-worker"})
    citizen.on_phase = plan
    citizen.apply()
    run_through(platform, truth, new_finance, plan)
    killer.wait_until_all_are_back()
    truth.wait_until_done()
    assert_once(truth, citizen)


def test_everything_dies_once_while_several_apply(
    platform: Platform,
    killer: Killer,
    truth: Truth,
    new_citizen: NewCitizen,
    new_finance: NewFinance,
) -> None:
    citizens = [new_citizen() for _ in range(3)]
    faults: list[BaseException] = []

    def apply(citizen: Citizen) -> None:
        try:
            citizen.apply()
        except BaseException as fault:  # noqa: BLE001 - handed to the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=apply, args=(citizen,)) for citizen in citizens]
    for thread in threads:
        thread.start()
    for name in killer.chance.sample(EVERYBODY, len(EVERYBODY)):
        time.sleep(killer.chance.uniform(0.2, 1.5))
        killer.kill(name)
    for thread in threads:
        thread.join()
    assert not faults, faults
    killer.wait_until_all_are_back()
    run_through(platform, truth, new_finance)
    for citizen in citizens:
        assert_once(truth, citizen)
