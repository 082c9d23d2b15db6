"""The report of an account and day proves bank = ledger, and two people sign it."""

import re
from collections.abc import Callable
from datetime import date

import pytest

from payments.bank.queries import BankAccount, find_bank_account
from payments.reconciliation.importing.fetching import fetch_statements
from payments.reconciliation.queries import prove_accounts
from payments.reconciliation.report.actions import prepare_report, sign_report
from payments.reconciliation.report.queries import (
    list_metrics,
    list_reasons,
    list_sign_offs,
    make_report,
)
from shared.errors import Conflict, Forbidden
from tests.payments.bank.bank_day import BODY, GOOD, NOW, BankDay
from tests.payments.reconciliation.statements import Entry
from tests.payments.reconciliation.test_desk import IAIN, MORAG, person, upload
from tests.payments.runs.console import Console

Open = Callable[..., Console]
DAY = date(2026, 11, 25)


def account_of(day: BankDay) -> BankAccount:
    with day.database.transaction() as session:
        found = find_bank_account(session, day.account)
    assert found is not None
    return found


def test_the_report_follows_a_submission_through_transit(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 70_000))
    day.hand_over(submission)
    with day.database.transaction() as session:
        before = make_report(session, account_of(day), date(2026, 11, 24))
    assert [one.pence for one in before.in_transit] == [70_000]
    assert (before.bank_pence, before.ledger_pence, before.after_transit_pence) == (
        None,
        0,
        -70_000,
    )
    day.next_day()
    day.next_day()
    day.fetch_reports()
    fetch_statements(day.database, day.bank, day.vault, lambda: NOW)
    with day.database.transaction() as session:
        after = make_report(session, account_of(day), DAY)
    assert (after.in_transit, after.difference_pence, after.word) == ((), 0, "balanced")


def test_two_people_sign_what_is_proved(day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(900, reference="WHO"))
    account = account_of(day)
    with day.database.transaction() as session:
        assert prove_accounts(session, BODY, DAY) == ["main: the reconciliation is not signed"]
        report = make_report(session, account, DAY)
        assert (report.word, report.suspense_pence, report.open_pence) == ("explained", 900, 900)
        prepared = prepare_report(session, account, DAY, MORAG, NOW)
        with pytest.raises(Forbidden):
            sign_report(session, account, prepared, MORAG, NOW)
        assert [one.state for one in list_sign_offs(session, account.id)] == ["prepared"]
        sign_report(session, account, prepared, IAIN, NOW)
        assert prove_accounts(session, BODY, DAY) == []
        with pytest.raises(Conflict):
            sign_report(session, account, prepared, IAIN, NOW)
        with pytest.raises(Conflict):
            prepare_report(session, account, DAY, MORAG, NOW)
        (metrics,) = list_metrics(session, account.id, DAY, DAY)
        assert (metrics.lines, metrics.automatic, metrics.open_pence) == (1, 0, 900)
        assert list_reasons(session, account.id, DAY)[0][:3] == ("UNMATCHED_LINE", 1, 900)


def test_figures_that_changed_are_not_signed(day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(900, reference="WHO"))
    account = account_of(day)
    with day.database.transaction() as session:
        prepared = prepare_report(session, account, DAY, MORAG, NOW)
    upload(day, 2, 500_900, Entry(1))
    with day.database.transaction() as session, pytest.raises(Conflict, match="have changed"):
        sign_report(session, account, prepared, IAIN, NOW)


def test_a_stopped_statement_keeps_the_account_unproved(day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(900), closing=1)
    with day.database.transaction() as session:
        assert prove_accounts(session, BODY, DAY) == ["main: 1 statement(s) are stopped"]


def test_the_report_is_a_page_a_file_and_a_signature(console: Open, day: BankDay) -> None:
    upload(day, 1, 500_000, Entry(900, reference="WHO"))
    page = f"/payments/reconciliation/accounts/{day.account}"
    here = f"{page}?day=2026-11-25"
    morag = console(MORAG)
    assert "£5,009.00" in morag.get(here)
    assert "Prepare for signing" in morag.html
    csv = morag.client.get(f"{page}/report.csv?day=2026-11-25").text
    assert "main,2026-11-25,bank balance,,5009.00" in csv
    morag.get(here)
    assert "The report is prepared" in morag.post(f"{page}/prepare", day="2026-11-25")
    assert 'name="sign_off"' not in morag.html
    ann = console(person("ann", "approver"))
    html = ann.get(here)
    found = re.search(r'name="sign_off" value="([^"]+)"', html)
    assert found is not None
    morag.post(f"{page}/sign", day="2026-11-25", sign_off=found[1])
    assert "Another person has to sign it" in morag.html
    assert "The report is signed" in ann.post(f"{page}/sign", day="2026-11-25", sign_off=found[1])
    looking = console(person("guest", "enquiry"))
    looking.get(here)
    assert looking.status == 200
    looking.post(f"{page}/prepare", day="2026-11-25")
    assert looking.status == 403
