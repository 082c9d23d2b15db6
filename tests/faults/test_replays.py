"""What is sent twice, or sixteen times at once, happens once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.faults.truth import Truth, assert_once
from tests.support.patient_browser import Browser, form_content
from tests.support.platform import Platform
from tests.support.story import Citizen, Finance

pytestmark = pytest.mark.faults

NewCitizen = Callable[[], Citizen]
NewFinance = Callable[[str], Finance]
RACERS = 16
# What the clock asks for goes on meanwhile: its work is named by the moment it is due.
_EVERYTHING = (
    "SELECT (SELECT count(*) FROM payments.entry), (SELECT count(*) FROM payments.posting),"
    " (SELECT count(*) FROM payments.bank_report),"
    " (SELECT count(*) FROM payments.outbox WHERE coalesce(key, '') !~ '^[0-9]{4}-[0-9]{2}-.*T'),"
    " (SELECT count(*) FROM payments.run_event), (SELECT count(*) FROM payments.audit_event),"
    " (SELECT count(*) FROM gateway.case_notice), (SELECT max(rev) FROM gateway.instance)"
)


def press_at_once(browser: Browser, action: str, times: int) -> list[Browser]:
    """Send the page's form from so many windows of the same browser at the same moment."""
    form = browser.find_form({}, action)
    content = form_content(form)
    if browser.has("//input[@name='declaration']"):
        content["declaration"] = "yes"
    start = Barrier(times)

    def press(window: Browser) -> Browser:
        start.wait()
        window.send(content, action=action)
        return window

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(press, [browser.copy() for _ in range(times)]))


def close(windows: list[Browser]) -> None:
    for window in windows:
        window.close()


def test_a_story_in_which_everything_is_sent_twice_happens_once(
    platform: Platform, truth: Truth, new_citizen: NewCitizen, new_finance: NewFinance
) -> None:
    citizen = new_citizen()
    submit_many_times(citizen)
    truth.wait_until_done()
    uploader, approver = new_finance("uploader"), new_finance("approver")
    uploader.sign_in()
    (run,) = uploader.runs("collecting")
    double_click(uploader, run, "/put-forward", truth)
    approver.sign_in()
    double_click(approver, run, "/approve", truth)
    events = truth.ask(
        "SELECT kind, count(*) FROM payments.run_event WHERE run_id = %(run)s GROUP BY 1",
        run=run.rpartition("/")[2],
    )
    assert {kind: number for kind, number in events if kind in ("approved", "released")} == {
        "approved": 1,
        "released": 1,
    }
    for _ in range(2):
        platform.next_bank_day()
    truth.wait_until_done()
    assert_once(truth, citizen)
    fetch_everything_again(platform, truth)
    assert_once(truth, citizen)


def submit_many_times(citizen: Citizen) -> None:
    citizen.walk("/check-answers")
    windows = press_at_once(citizen.browser, "/check-answers", RACERS)
    assert {window.status for window in windows} == {200}, [window.trail for window in windows]
    paths = {window.path for window in windows}
    assert len(paths) == 1, [window.trail for window in windows]
    (path,) = paths
    assert path.endswith("/confirmation")
    citizen.reference = path.split("/")[3]
    close(windows)


def double_click(person: Finance, run: str, action: str, truth: Truth) -> None:
    """Press a button of a run eight times at once; every window ends on the run's page."""
    person.browser.open(run)
    windows = press_at_once(person.browser, action, 8)
    statuses = sorted(window.status for window in windows)
    assert statuses[0] == 200, [window.trail for window in windows]
    assert set(statuses) <= {200, 403, 409}, [window.main for window in windows]
    assert all(window.path.startswith(run) for window in windows)
    close(windows)
    truth.wait_until_done()


def fetch_everything_again(platform: Platform, truth: Truth) -> None:
    """Take in the bank's reports and statements twice more: nothing new, nothing changed."""
    before = truth.ask(_EVERYTHING)
    for command in ("fetch-reports", "fetch-statements"):
        for _ in range(2):
            assert platform.command("deploy.local", "do", "payments", command).startswith("0 ")
    truth.wait_until_done()
    assert truth.ask(_EVERYTHING) == before


def test_a_replayed_callback_signs_nobody_in(
    platform: Platform, truth: Truth, new_citizen: NewCitizen, browsers: Callable[[], Browser]
) -> None:
    citizen = new_citizen()
    citizen.walk("/prove-identity")
    callbacks = [url for url in citizen.browser.visited if "/journeys/callback?" in url]
    assert callbacks
    before = truth.ask("SELECT count(*) FROM gateway.web_session")
    for browser in (citizen.browser, browsers()):
        for url in callbacks:
            browser.open(url)
            assert browser.status == 403
    assert truth.ask("SELECT count(*) FROM gateway.web_session") == before
    stranger = browsers()
    for url in callbacks:
        stranger.open(url)
    stranger.open("/journeys")
    assert stranger.path == "/identity/sign-in"
    citizen.browser.open("/journeys")
    assert citizen.browser.status == 200
    assert citizen.browser.path == "/journeys"
