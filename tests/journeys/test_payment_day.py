"""A finance team's day in a browser: a file, its errors, two people, the bank, what comes back."""

import csv
import io
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.journeys.finance import APPROVER, UPLOADER, Officer
from tests.support.platform import Platform

pytestmark = pytest.mark.browser
IN_ORDER = True
FILE = """\
destination_sort_code,destination_account_number,destination_name,amount,reference
99-00-01,10000012,Morag Fictional,30.01,DAY-0001
99-00-01,10000036,Catherine Exampleton,15.02,DAY-0002
99,10000024,Alasdair Madeup,20.03,DAY-0003
99-00-01,10000099,Fiona Notreal,5.04,DAY-0004
"""
COUNT, TOTAL = 4, "70.10"


class Day:
    """What later chapters must know of earlier ones."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.upload_url = ""
        self.run_url = ""

    def states(self) -> dict[str, str]:
        """Return the state of each payment of the file by its reference."""
        query = "SELECT reference, state FROM payments.payment WHERE reference LIKE %s"
        return {str(one): str(state) for one, state in self.platform.rows(query, "DAY-%")}


@pytest.fixture(scope="module")
def day(platform: Platform) -> Day:
    return Day(platform)


def officer(platform: Platform, browser: Browser, address: str) -> Iterator[Officer]:
    context = browser.new_context()
    one = Officer(platform, context, address, looks=True)
    one.sign_in_anywhere()
    yield one
    context.close()


@pytest.fixture(scope="module")
def una(platform: Platform, browser: Browser) -> Iterator[Officer]:
    yield from officer(platform, browser, UPLOADER)


@pytest.fixture(scope="module")
def alasdair(platform: Platform, browser: Browser) -> Iterator[Officer]:
    yield from officer(platform, browser, APPROVER)


def wait_for(one: Officer, address: str, words: str) -> None:
    """Open a page again until it has these words."""
    end = time.monotonic() + 60
    while True:
        one.page.goto(address)
        if words in one.text():
            return
        assert time.monotonic() < end, one.text()
        time.sleep(0.5)


def test_a_file_whose_figures_differ_is_refused(una: Officer) -> None:
    una.open("uploads/new")
    una.look("80-upload")
    una.press("Upload")
    una.refused("file", "count", "total")
    una.look("80-upload-errors")
    send_file(una, total="70.11")
    wait_for(una, una.page.url, "70.10")
    una.look("81-upload-refused")
    assert "Refused" in una.text()


def send_file(one: Officer, total: str) -> None:
    one.open("uploads/new")
    one.page.set_input_files(
        "#file", {"name": "people.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    )
    one.page.select_option("#format", "csv")
    one.page.select_option("#programme", label="Winter heating grant")
    one.fill(count=str(COUNT), total=total)
    one.choose_value("account_type", "personal")
    one.press("Upload")


def test_every_row_is_checked_and_bad_ones_are_corrected(day: Day, una: Officer) -> None:
    send_file(una, TOTAL)
    day.upload_url = una.page.url.split("?")[0]
    wait_for(una, day.upload_url, "Correct the rows")
    una.look("82-upload-with-errors")
    una.press("Show the errors")
    una.look("83-errors")
    assert "Enter a valid sort code" in una.text()
    answer = una.context.request.get(f"{day.upload_url}/errors.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text())))
    assert [row["reference"] for row in rows] == ["DAY-0003"]
    rows[0]["destination_sort_code"] = "99-00-01"
    fixed = io.StringIO()
    writer = csv.DictWriter(fixed, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    una.page.goto(day.upload_url)
    content = fixed.getvalue().encode()
    una.page.set_input_files(
        "#corrections", {"name": "fixed.csv", "mimeType": "text/csv", "buffer": content}
    )
    una.press("Send the corrected rows")
    wait_for(una, day.upload_url, "RUN-")
    una.look("84-upload-finished")
    assert set(day.states().values()) == {"ready"}


def test_the_same_file_again_leads_to_the_first(day: Day, una: Officer) -> None:
    send_file(una, TOTAL)
    una.look("85-upload-again")
    assert "The first upload of this file:" in una.text()
    assert len(day.states()) == COUNT


def test_one_puts_forward_and_another_approves(day: Day, una: Officer, alasdair: Officer) -> None:
    una.page.goto(day.upload_url)
    una.press(una.page.locator('main a[href^="/payments/runs/"]').first.inner_text())
    day.run_url = una.page.url.split("?")[0]
    una.look("86-run")
    una.press("Put forward for approval")
    una.look("87-run-put-forward")
    assert una.page.get_by_role("button", name="Approve", exact=True).count() == 0
    alasdair.page.goto(day.run_url)
    alasdair.look("88-run-to-approve")
    alasdair.press("Approve")
    assert "You approved the run." in alasdair.text()


def test_the_bank_pays_three_and_one_comes_back(day: Day, alasdair: Officer) -> None:
    for _ in range(6):
        day.platform.next_bank_day()
        if set(day.states().values()) <= {"paid", "returned"}:
            break
    assert day.states() == {
        "DAY-0001": "paid",
        "DAY-0002": "paid",
        "DAY-0003": "paid",
        "DAY-0004": "returned",
    }
    alasdair.page.goto(day.run_url)
    alasdair.look("89-run-finished")
    alasdair.open("search?q=DAY-0004")
    alasdair.look("90-search")
    alasdair.press("DAY-0004")
    alasdair.look("91-payment-returned")
    assert "Returned by the payee's bank" in alasdair.text()
    alasdair.open("work")
    alasdair.look("92-work")
    assert "DAY-0004" in alasdair.text()
    alasdair.open("reconciliation")
    assert "Bank, ledger and submissions agree to the penny." in alasdair.text()
