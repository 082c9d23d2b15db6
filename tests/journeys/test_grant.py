"""The whole story: a grant found, applied for, paid, delivered and reconciled, in a browser."""

from collections.abc import Iterator

import pypdf
import pytest
from playwright.sync_api import Browser

from tests.journeys.citizen import FIONA, MORAG, Citizen
from tests.journeys.finance import APPROVER, UPLOADER, Officer
from tests.journeys.traces import audited_actions, silent_processes
from tests.support.platform import Platform

pytestmark = pytest.mark.browser
IN_ORDER = True


class Story:
    """What later chapters must know of earlier ones."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.reference = ""
        self.returned_reference = ""
        self.run_url = ""

    def caused(self) -> dict[str, int]:
        """Return how often the application has had each of its effects."""
        mine = "instance_id = (SELECT id FROM gateway.instance WHERE reference = %s)"
        counts = {
            "decision": f"gateway.decision WHERE {mine}",
            "payout": f"gateway.payout WHERE {mine}",
            "payment": "payments.payment WHERE case_reference = %s",
            "message": (
                "notifications.mailbox_message WHERE id::text IN"
                f" (SELECT message_id FROM gateway.letter WHERE {mine})"
            ),
        }
        return {
            name: int(str(self.platform.rows(f"SELECT count(*) FROM {rest}", self.reference)[0][0]))
            for name, rest in counts.items()
        }

    def run_state(self) -> str:
        return str(self._of_run("state"))

    def content_hash(self) -> str:
        return str(self._of_run("encode(content_hash, 'hex')"))

    def _of_run(self, expression: str) -> object:
        run_id = self.run_url.rsplit("/", 1)[-1]
        query = f"SELECT {expression} FROM payments.run WHERE id::text = %s"
        return self.platform.rows(query, run_id)[0][0]

    def has_returned(self) -> bool:
        query = "SELECT state FROM payments.payment WHERE case_reference = %s"
        return self.platform.rows(query, self.returned_reference) == [("returned",)]


@pytest.fixture(scope="module")
def story(platform: Platform) -> Story:
    return Story(platform)


@pytest.fixture(scope="module")
def morag(platform: Platform, browser: Browser) -> Iterator[Citizen]:
    context = browser.new_context()
    yield Citizen(platform, context, MORAG, looks=True, tries_wrong=True)
    context.close()


@pytest.fixture(scope="module")
def fiona(platform: Platform, browser: Browser) -> Iterator[Citizen]:
    context = browser.new_context(java_script_enabled=False)
    yield Citizen(platform, context, FIONA)
    context.close()


@pytest.fixture(scope="module")
def uploader(platform: Platform, browser: Browser) -> Iterator[Officer]:
    context = browser.new_context()
    yield Officer(platform, context, UPLOADER, looks=True)
    context.close()


@pytest.fixture(scope="module")
def approver(platform: Platform, browser: Browser) -> Iterator[Officer]:
    context = browser.new_context()
    yield Officer(platform, context, APPROVER, looks=True)
    context.close()


def test_a_citizen_finds_a_service_and_learns_whether_and_why_she_can_get_it(
    morag: Citizen,
) -> None:
    morag.find_service()
    morag.check_eligibility()


def test_she_creates_an_account_and_comes_back_with_her_answers(morag: Citizen) -> None:
    morag.create_account()


def test_she_proves_who_she_is_and_decides_what_is_stored_and_shared(morag: Citizen) -> None:
    morag.prove_identity()
    morag.tell_about_home()


def test_every_answer_of_the_name_check_has_its_page(morag: Citizen) -> None:
    morag.look("21-bank-account")
    before = morag.stored()
    morag.press("Check this account")
    account = ("bank_account-name", "bank_account-type", "bank_account-sort")
    morag.refused(*account, "bank_account-account")
    morag.give_account("Morag Fictional", "12", "12ab")
    morag.refused("bank_account-sort", "bank_account-account")
    assert morag.stored() == before
    morag.look("21-bank-account-refused")
    morag.give_account("Robert Imaginary", "990001", "10000012")
    morag.sees("The name does not match this account")
    morag.look("22-no-match")
    morag.press("Change the bank details")
    morag.give_account("M Fictional", "99 00 01", "10000012")
    morag.sees("The name is nearly right")
    assert "Name the bank holds Morag Fictional" in morag.text()
    morag.look("23-close-match")
    morag.send_nothing("choice", shot="23-close-match-refused")
    morag.press("Enter other bank details")
    morag.give_account("Calum Outage", "990002", "20000077")
    morag.sees("We could not check this account")
    morag.look("24-unavailable")
    morag.send_nothing("choice", shot="24-unavailable-refused")
    morag.press("Enter other bank details")
    morag.give_own_account()


def test_she_sends_it_and_what_is_sent_twice_counts_once(story: Story, morag: Citizen) -> None:
    story.reference = morag.send()
    morag.case_says(story.reference, "We put a letter in your mailbox", "waits for approval")
    morag.look("27-case")
    review = f"{story.platform.url}/journeys/winter-heating-grant/check-answers"
    again = morag.context.request.post(review, form=dict(morag.sent_form))
    assert again.url.endswith(f"/journeys/cases/{story.reference}/confirmation")
    assert story.caused() == {"decision": 1, "payout": 1, "payment": 1, "message": 1}
    morag.page.goto(f"{story.platform.url}/journeys")
    assert morag.text().count(story.reference) == 1
    morag.look("28-applications")


def test_another_body_signs_her_in_without_asking_again(story: Story, morag: Citizen) -> None:
    morag.page.goto(story.platform.values["CLACHAN_GLENMORE_URL"])
    morag.look("29-glenmore")
    morag.press("Sign in")
    morag.sees("Choose what to share with “Glenmore Housing Partnership repairs”")
    assert "Glenmore Housing Partnership" in morag.text()
    morag.look("30-glenmore-share")
    for box in morag.page.locator('input[type="radio"][value="yes"]').all():
        box.check()
    morag.press("Continue")
    assert "You are signed in as" in morag.text()
    morag.look("31-glenmore-signed-in")
    morag.press("What we know about you")
    assert MORAG.email in morag.text()


def test_another_citizen_applies_without_javascript(story: Story, fiona: Citizen) -> None:
    story.returned_reference = fiona.apply()
    fiona.case_says(story.returned_reference, "waits for approval")


def test_one_puts_the_run_forward_and_may_not_approve_it(story: Story, uploader: Officer) -> None:
    uploader.page.goto(f"{story.platform.url}/payments/")
    uploader.look("40-staff-sign-in")
    uploader.sign_in()
    uploader.look("41-today")
    uploader.open("runs")
    uploader.look("42-runs")
    story.run_url = uploader.open_run()
    assert {story.reference, story.returned_reference} < set(uploader.states())
    uploader.look("43-run-collecting")
    uploader.press("Put forward for approval")
    uploader.look("44-run-put-forward")
    assert uploader.page.get_by_role("button", name="Approve").count() == 0
    answer = uploader.forge(f"{story.run_url}/approve", content=story.content_hash())
    assert answer.status == 403
    assert "Your role does not allow this" in answer.text()
    assert story.run_state() == "awaiting_approval"


def test_a_change_after_that_voids_what_the_approver_saw(
    story: Story, uploader: Officer, approver: Officer
) -> None:
    approver.sign_in()
    approver.page.goto(story.run_url)
    approver.keep_token()
    approver.look("45-run-to-approve")
    answer = approver.forge(f"{story.run_url}/put-forward")
    assert answer.status == 403
    assert "Your role does not allow this" in answer.text()
    uploader.page.goto(story.run_url)
    uploader.press("SWH-DEM0-0005")
    uploader.look("46-payment")
    uploader.press("Correct this payment")
    uploader.page.fill("#amount", "-1.234")
    before = story.platform.marks("payments.payment", "payments.run", "payments.run_event")
    uploader.press("Save the correction")
    uploader.refused("amount")
    assert story.platform.marks(*before) == before
    uploader.look("47-payment-edit-refused")
    uploader.page.fill("#amount", "220.00")
    uploader.press("Save the correction")
    approver.press("Approve")
    assert story.run_state() == "correcting"
    assert "changed" in approver.text()
    approver.look("48-approval-refused")
    uploader.page.goto(story.run_url)
    uploader.look("49-run-correcting")
    uploader.press("Put forward for approval")


def test_another_approves_exactly_what_is_shown(story: Story, approver: Officer) -> None:
    approver.page.goto(story.run_url)
    assert "£220.00" in approver.text()
    approver.press("Approve")
    approver.look("50-run-approved")
    assert "You approved the run." in approver.text()


def test_the_bank_pays_and_returns_and_the_statement_is_reconciled(
    story: Story, approver: Officer
) -> None:
    for _ in range(6):
        if "1 statement" in story.platform.next_bank_day() and story.has_returned():
            break
    approver.page.goto(story.run_url)
    approver.look("51-run-at-the-end")
    states = approver.states()
    assert states[story.reference] == "Paid"
    returned = {reference for reference, state in states.items() if "Returned" in state}
    assert returned == {story.returned_reference, "SWH-DEM0-0004"}
    approver.open("reconciliation")
    approver.look("52-reconciliation")
    assert "Bank, ledger and submissions agree to the penny." in approver.text()
    approver.press(
        approver.page.locator('a[href^="/payments/reconciliation/st"]').first.inner_text()
    )
    approver.look("53-statement")
    approver.open("work")
    approver.look("54-work")
    assert story.returned_reference in approver.text()
    approver.open("ledger")
    approver.look("55-ledger")
    sums = approver.page.locator("tfoot").first.locator("td").all_inner_texts()
    assert sums[0] == sums[1] != "£0.00"
    approver.open(f"search?q={story.returned_reference}")
    approver.look("56-search")
    approver.press(story.returned_reference)
    approver.look("57-payment-returned")
    assert "Returned:" in approver.text()


def test_the_citizens_see_what_became_of_the_money(
    story: Story, browser: Browser, morag: Citizen, fiona: Citizen
) -> None:
    morag.case_says(story.reference, "The money was paid into your account.")
    morag.look("60-case-paid")
    fiona.case_says(story.returned_reference, "sent the money back", "The account is closed.")
    # axe needs scripts, which her browser has not: the same session in one that has.
    context = browser.new_context(storage_state=fiona.context.storage_state())
    seeing = Citizen(story.platform, context, FIONA, looks=True)
    seeing.case_says(story.returned_reference, "Give us the details of another account")
    seeing.look("61-case-returned")
    seeing.press("Give new bank details")
    seeing.look("62-new-bank-details")
    context.close()


def test_the_letter_is_in_the_mailbox_and_an_email_says_no_more_than_that(
    story: Story, morag: Citizen
) -> None:
    morag.page.goto(f"{story.platform.url}/notifications/")
    morag.look("63-inbox")
    assert "You have 1 unread message." in morag.text()
    morag.press("Your Winter Heating Grant has been awarded")
    morag.look("64-letter")
    assert story.reference in morag.text()
    with morag.page.expect_download() as download:
        morag.page.get_by_role("link", name="Download the letter").click()
    letter = pypdf.PdfReader(download.value.path())
    root = letter.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/StructTreeRoot"]
    words = " ".join(page.extract_text() for page in letter.pages)
    assert story.reference in words
    assert "£250.00" in words
    morag.page.reload()
    assert "First opened" in morag.text()
    morag.page.goto(f"{story.platform.url}/notifications/")
    assert "You have no unread messages." in morag.text()
    mails = story.platform.mails(MORAG.email)
    (alert,) = [mail for mail in mails if "Strathclachan" in str(mail["text"])]
    for secret in ("£", "Winter", "award", story.reference):
        assert secret not in f"{alert['subject']} {alert['text']}", secret


def test_one_id_follows_the_story_through_every_process_and_audit(
    story: Story, morag: Citizen, approver: Officer
) -> None:
    morag.page.goto(f"{story.platform.url}/journeys/cases/{story.reference}")
    told = morag.cookie("correlation")
    approver.open(f"search?q={story.reference}")
    approver.press(story.reference)
    assert told in approver.text()
    assert silent_processes(story.platform, told) == []
    actions = audited_actions(story.platform, told)
    assert [service for service, found in actions.items() if not found] == []
    assert len(set(actions["identity"])) > 2, actions
