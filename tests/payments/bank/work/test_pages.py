"""Pages of work, of files to the bank and of its reports, by people of several roles."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.bank.attempts import claim_attempt, record_doubt
from payments.bank.intake import take_report
from payments.runs.actions.outcomes import apply_outcomes
from shared.actors import Actor
from tests.payments.bank.bank_day import BODY, CLOSED, GOOD, NOW, REJECTED, BankDay
from tests.payments.bank.submissions.released import Payee, Released, release
from tests.payments.runs.console import Console

Open = Callable[..., Console]


def staff(role: str, name: str = "", organisation: str = BODY) -> Actor:
    who = name or role
    return Actor("staff", f"person-{who}", organisation, frozenset({f"payments.{role}"}), who)


def shown(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def rows(day: BankDay, query: str) -> list[tuple[object, ...]]:
    with day.database.transaction() as session:
        return [tuple(row) for row in session.execute(text(query))]


WRITTEN_BACK = (
    "SELECT a.code, p.amount FROM posting p JOIN entry e ON e.id = p.entry_id"
    " JOIN account a ON a.id = p.account_id WHERE e.event_type = 'payment.written_back'"
)


def apply_all(day: BankDay) -> None:
    """Let the runs know what the bank said, in the order in which it said it."""
    batches = rows(
        day,
        "SELECT payload->>'outcome_batch_id' FROM outbox"
        " WHERE topic = 'payments.runs.apply_outcomes' ORDER BY id",
    )
    for (batch,) in batches:
        with day.database.transaction() as session:
            apply_outcomes(session, UUID(str(batch)), NOW)


def play(day: BankDay) -> tuple[Released, UUID]:
    """Send a file of which one payment is rejected and one comes back."""
    run = release(day, Payee(GOOD, 700), Payee(REJECTED, 300), Payee(CLOSED, 50))
    submission = run.begin()
    run.write(submission)
    run.seal(submission)
    day.hand_over(submission)
    for _ in range(2):
        day.next_day()
    day.fetch_reports()
    return run, submission


@pytest.mark.parametrize("role", ["uploader", "enquiry", "releaser", "reconciler", "auditor"])
def test_readers_see_every_page(console: Open, day: BankDay, role: str) -> None:
    _, submission = play(day)
    ((item,), *_) = rows(day, "SELECT id FROM work_item ORDER BY id")
    ((report,), *_) = rows(day, "SELECT id FROM bank_report ORDER BY received_at")
    person = console(staff(role))
    for page in (
        "/payments/work",
        f"/payments/work/{item}",
        "/payments/submissions",
        f"/payments/submissions/{submission}",
        "/payments/submissions.csv",
        "/payments/bank/reports?which=all",
        f"/payments/bank/reports/{report}",
    ):
        person.get(page)
        assert person.status == 200, page
    stranger = console(staff("confirmation_of_payee", "cop"))
    other = console(staff(role, "other", "glenmore"))
    for page in (f"/payments/work/{item}", f"/payments/submissions/{submission}"):
        stranger.get(page)
        other.get(page)
        assert (stranger.status, other.status) == (403, 404)


def test_returned_and_rejected_payments_are_work(console: Open, day: BankDay) -> None:
    play(day)
    found = rows(day, "SELECT kind, code, action, due_on::text FROM work_item ORDER BY kind")
    assert found == [
        ("rejected", "E", "correct_details", "2026-11-26"),
        ("returned", "B", "ask_payee", "2026-11-26"),
    ]
    person = console(staff("uploader", "Una"))
    page = shown(person.get("/payments/work"))
    assert "2 work items" in page
    assert "Ask the payee for new bank details" in page
    assert "nobody yet" in page
    href = re.findall(r'href="(/payments/work/[^"]+)"', person.html)[0]
    person.get(href)
    person.post(f"{href}/assign")
    assert "You have taken this on." in person.html
    person.post(f"{href}/note", note="Rang the payee.")
    assert "Rang the payee." in person.html
    before = rows(day, "SELECT state FROM work_item ORDER BY kind")
    person.post(f"{href}/done", result=" ")
    assert person.status == 422
    assert "Error:" in person.html
    assert rows(day, "SELECT state FROM work_item ORDER BY kind") == before
    person.post(f"{href}/done", result="New details asked for")
    assert "The work is done." in person.html
    person.post(f"{href}/done", result="again")
    assert person.status == 409
    assert "1 work item" in shown(person.get("/payments/work"))
    assert "New details asked for" in shown(person.get(href))
    assert "1 work item" in shown(person.get("/payments/work?which=done"))


def test_money_that_came_back_is_written_back_once(console: Open, day: BankDay) -> None:
    play(day)
    apply_all(day)
    ((item,),) = rows(day, "SELECT id FROM work_item WHERE kind = 'returned'")
    here = f"/payments/work/{item}"
    person = console(staff("reconciler"))
    person.get(here)
    person.post(f"{here}/write-back", reason="The payee died")
    assert (person.status, rows(day, WRITTEN_BACK)) == (422, [])
    person.post(f"{here}/write-back", reason=" ", sure="yes")
    assert (person.status, rows(day, WRITTEN_BACK)) == (422, [])
    person.post(f"{here}/write-back", reason="The payee died", sure="yes")
    assert "The money went back to its programme." in person.html
    booked = rows(day, WRITTEN_BACK)
    assert sorted(booked) == [("programme_expenditure", -50), ("returned_unapplied", 50)]
    person.post(f"{here}/write-back", reason="Again", sure="yes")
    assert (person.status, rows(day, WRITTEN_BACK)) == (409, booked)
    uploader = console(staff("uploader"))
    uploader.get(here)
    assert "Write back" not in uploader.html
    uploader.post(f"{here}/write-back", reason="x", sure="yes")
    assert uploader.status == 403


def test_what_has_not_come_back_is_not_written_back(console: Open, day: BankDay) -> None:
    play(day)
    ((item,),) = rows(day, "SELECT id FROM work_item WHERE kind = 'returned'")
    person = console(staff("reconciler"))
    person.get(f"/payments/work/{item}")
    person.post(f"/payments/work/{item}/write-back", reason="Too early", sure="yes")
    assert (person.status, rows(day, WRITTEN_BACK)) == (409, [])
    assert rows(day, "SELECT count(*) FROM work_note") == [(0,)]


def test_readers_without_a_task_change_nothing(console: Open, day: BankDay) -> None:
    play(day)
    ((item,), *_) = rows(day, "SELECT id FROM work_item")
    before = rows(day, "SELECT state, owner_id FROM work_item ORDER BY id")
    person = console(staff("auditor"))
    person.get(f"/payments/work/{item}")
    assert "Take this on" not in person.html
    for step in ("assign", "note", "done", "details"):
        person.post(f"/payments/work/{item}/{step}", note="x", result="x")
        assert person.status == 403
    assert rows(day, "SELECT state, owner_id FROM work_item ORDER BY id") == before
    assert rows(day, "SELECT count(*) FROM work_note") == [(0,)]


def test_the_page_of_a_file_shows_its_figures(console: Open, day: BankDay) -> None:
    _, submission = play(day)
    person = console(staff("enquiry"))
    page = shown(person.get(f"/payments/submissions/{submission}"))
    for words in (
        "Approved 3 £10.50",
        "In the file 3 £10.50",
        "Acknowledged by the bank 3 £10.50",
        "Rejected 1 £3.00",
        "Returned 1 £0.50",
        "IR-123456-000001",
    ):
        assert words in page
    assert "differs" not in page
    assert re.search(r"<code>[0-9a-f]{64}</code>", person.html)
    listed = person.get("/payments/submissions.csv").splitlines()
    assert listed[0].startswith("serial,run,account,rail")
    assert ",3,10.50,reported," in listed[1]


def test_two_people_settle_what_nobody_knows(console: Open, day: BankDay) -> None:
    run = release(day, Payee(GOOD, 700))
    submission = run.begin()
    run.write(submission)
    run.seal(submission)
    with day.database.transaction() as session:
        claim = claim_attempt(session, submission, NOW)
        assert claim is not None
        record_doubt(session, claim, NOW)
    here = f"/payments/submissions/{submission}"
    rita, alan = console(staff("releaser", "Rita")), console(staff("approver", "Alan"))
    rita.get(here)
    rita.post(f"{here}/say", verdict="acknowledged", evidence="")
    assert (rita.status, rows(day, "SELECT count(*) FROM attempt_verdict")) == (422, [(0,)])
    rita.post(f"{here}/say", verdict="", evidence="seen")
    assert rita.status == 422
    rita.post(f"{here}/say", verdict="acknowledged", evidence="Seen in the bank's portal")
    assert "Another person has to confirm it." in rita.html
    rita.post(f"{here}/confirm")
    assert rita.status == 403
    assert rows(day, "SELECT state FROM attempt") == [("unknown",)]
    alan.get(here)
    assert "Seen in the bank&#39;s portal" in alan.html
    alan.post(f"{here}/say", verdict="refused", evidence="no")
    assert alan.status == 409
    alan.post(f"{here}/confirm")
    assert "Confirmed. The file is settled." in alan.html
    assert rows(day, "SELECT state FROM attempt") == [("acknowledged",)]
    assert rows(day, "SELECT kind FROM bank_outcome") == [("submitted",)]


def test_a_stopped_file_is_given_up_with_care(console: Open, day: BankDay) -> None:
    run = release(day, Payee(GOOD, 700), declared=(1, 701))
    here = f"/payments/submissions/{run.begin()}"
    person = console(staff("releaser"))
    assert "The control totals differ." in person.get(here)
    person.post(f"{here}/try-again")
    assert person.status == 409
    person.post(f"{here}/give-up", reason="wrong totals")
    assert (person.status, rows(day, "SELECT state FROM attempt")) == (422, [("prepared",)])
    person.post(f"{here}/give-up", reason="wrong totals", sure="yes")
    assert "Its payments can be paid anew." in person.html
    assert rows(day, "SELECT state FROM attempt") == [("abandoned",)]
    assert rows(day, "SELECT kind, reason_code FROM bank_outcome") == [("refused", "given_up")]
    assert rows(day, "SELECT state FROM submission") == [("refused",)]


def test_a_file_that_stopped_is_written_once_the_cause_is_gone(day: BankDay, console: Open) -> None:
    run = release(day, Payee(GOOD, 700))
    submission = run.begin()
    with day.database.transaction() as session:
        session.execute(text("UPDATE payment SET state = 'recalled'"))
    assert run.write(submission) == [False]
    with day.database.transaction() as session:
        session.execute(text("UPDATE payment SET state = 'released'"))
    person = console(staff("approver"))
    person.get(f"/payments/submissions/{submission}")
    person.post(f"/payments/submissions/{submission}/try-again")
    assert "being written again" in person.html
    waiting = "SELECT count(*) FROM outbox WHERE topic = 'payments.bank.write_part'"
    assert rows(day, waiting) == [(2,)]
    assert run.write(submission) == [True]
    assert run.seal(submission)


def test_an_unread_report_waits_and_is_downloaded_with_a_trace(day: BankDay, console: Open) -> None:
    content = b'<Odd userNumber="123456"><oops>'
    with day.database.transaction() as session:
        take_report(session, day.vault, "ODD-1", "input_report", content, NOW)
        take_report(session, day.vault, "ODD-2", "input_report", b"<nobody's", NOW)
    person = console(staff("reconciler"))
    page = shown(person.get("/payments/bank/reports"))
    assert "ODD-1" in page
    assert "ODD-2" not in page
    href = re.findall(r'href="(/payments/bank/reports/[^"?]+)"', person.html)[-1]
    person.get(href)
    person.post(f"{href}/again")
    assert "could still not be applied" in person.html
    token = re.search(r'name="csrf_token" value="([^"]+)"', person.html)
    assert token is not None
    answer = person.client.post(f"{href}/file", data={"csrf_token": token[1]})
    assert answer.content == content
    seen = "SELECT actor_name FROM audit_event WHERE action = 'bank.report.downloaded'"
    assert rows(day, seen) == [("reconciler",)]
    enquirer = console(staff("enquiry"))
    enquirer.get(href)
    assert "Download" not in enquirer.html
    enquirer.post(f"{href}/file")
    assert enquirer.status == 403
