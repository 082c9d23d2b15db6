"""Statements meet what was sent, through the simulated bank and by hand-made statements."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from lxml import etree
from sqlalchemy import text

from payments.bank.actions import NewBankAccount, open_bank_account
from payments.bank.queries import list_payment_outcomes
from payments.reconciliation.actions import Imported, import_statements
from payments.reconciliation.importing.fetching import fetch_statements
from payments.reconciliation.queries import (
    Proof,
    list_exceptions,
    list_lines,
    list_statements,
    prove,
)
from shared.actors import Actor
from shared.errors import Conflict, Invalid, Problem
from tests.payments.bank.bank_day import BODY, CLOSED, GOOD, NOW, REJECTED, UNKNOWN, BankDay
from tests.payments.reconciliation.statements import Entry, camt, daily_file
from tests.support.samples import natwest, sample

ACTOR = Actor("staff", "someone", BODY)
TABLES = ("statement_file", "statement", "statement_line", "match", "reconciliation_exception")


def counts(day: BankDay) -> list[int]:
    with day.database.transaction() as session:
        return [
            session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in (*TABLES, "entry", "bank_outcome")
        ]


def fetch(day: BankDay) -> int:
    return fetch_statements(day.database, day.bank, day.vault, lambda: NOW)


def upload(day: BankDay, content: bytes, body: str = BODY, **more: UUID) -> Imported:
    with day.database.transaction() as session:
        return import_statements(
            session,
            day.vault,
            body,
            "file.xml",
            content,
            ACTOR,
            NOW,
            account_id=more.get("account"),
        )


def proof(day: BankDay) -> Proof:
    with day.database.transaction() as session:
        return prove(session, BODY)


def codes(day: BankDay) -> list[str]:
    with day.database.transaction() as session:
        return [one.code for one in list_exceptions(session, BODY)]


def kinds(day: BankDay, payment: UUID) -> list[str]:
    with day.database.transaction() as session:
        return [one.kind for one in list_payment_outcomes(session, payment)]


def entry_day(day: BankDay) -> None:
    day.next_day()
    day.next_day()
    day.fetch_reports()


def test_a_day_at_the_bank_is_reconciled_to_the_penny(day: BankDay) -> None:
    run_id, submission, (good, closed, bad) = day.run((GOOD, 700), (CLOSED, 300), (REJECTED, 50))
    day.hand_over(submission)
    entry_day(day)
    assert fetch(day) == 1
    assert kinds(day, good) == ["submitted", "accepted", "paid"]
    assert kinds(day, closed) == ["submitted", "accepted", "returned", "paid"]
    assert kinds(day, bad) == ["submitted", "rejected"]
    with day.database.transaction() as session:
        (statement,) = list_statements(session, BODY)
        lines = list_lines(session, day.vault, statement.id)
        assert list_exceptions(session, BODY) == [], "what was advised is work of the bank's room"
        (returned,) = session.execute(
            text("SELECT payment_id, code, amount_pence FROM work_item WHERE kind = 'returned'")
        )
    assert (statement.state, statement.line_count, statement.matched_count) == ("reconciled", 2, 2)
    assert [(one.amount_pence, one.rule_id, one.score) for one in lines] == [
        (-1000, "exact-key", 100),
        (300, "return", 95),
    ]
    assert lines[1].run_id == run_id
    assert tuple(returned) == (closed, "B", 300)
    shown = proof(day)
    assert shown.holds
    assert shown.accounts[0].statement_pence == 1_000_000_000 - 700
    assert (shown.in_transit_pence, shown.returns_receivable_pence) == (0, 0)
    assert shown.accounts[0].reserved_pence == 0


def test_fetching_and_uploading_again_change_nothing(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700), (CLOSED, 300))
    day.hand_over(submission)
    entry_day(day)
    fetch(day)
    before = counts(day)
    content = day.bank.get_statement("ST00112233-00001")
    assert fetch(day) == 0
    assert upload(day, content).replay
    with pytest.raises(Conflict, match="sequence number is here"):
        upload(day, content + b"\n")
    assert counts(day) == before


def test_one_statement_from_four_threads_is_imported_once(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    entry_day(day)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: fetch(day), range(4)))
    assert sum(taken) == 1
    assert counts(day)[:4] == [1, 1, 1, 1]
    assert proof(day).holds


def test_the_simulated_statement_keeps_to_the_schema(day: BankDay) -> None:
    _, submission, _ = day.run((GOOD, 700), (CLOSED, 300), (UNKNOWN, 10))
    day.hand_over(submission)
    entry_day(day)
    schema = etree.XMLSchema(etree.parse(sample("payments/iso20022/xsd/camt.053.001.08.xsd")))
    schema.assertValid(etree.fromstring(day.bank.get_statement("ST00112233-00001")))


def test_a_late_return_comes_with_the_next_statement(day: BankDay) -> None:
    _, submission, (one,) = day.run((("201918", "77777777"), 300))
    day.hand_over(submission)
    entry_day(day)
    fetch(day)
    assert kinds(day, one) == ["submitted", "accepted", "paid"]
    day.next_day()
    fetch(day)
    assert proof(day).returns_receivable_pence == -300
    assert codes(day) == ["RETURN"]
    day.fetch_reports()
    assert proof(day).returns_receivable_pence == 0
    assert kinds(day, one)[-1] == "returned"


def test_a_strangers_money_goes_to_suspense(day: BankDay) -> None:
    for pence, reference in ((4_200, "WHO KNOWS"), (-99, "CHARGES")):
        day.http.post(
            "/admin/movements",
            json={
                "sort_code": "802260",
                "account_number": "00112233",
                "pence": pence,
                "reference": reference,
            },
        ).raise_for_status()
    day.next_day()
    assert fetch(day) == 1
    assert codes(day) == ["UNMATCHED_LINE", "UNMATCHED_LINE"]
    shown = proof(day)
    assert shown.holds
    assert shown.accounts[0].suspense_pence == 4_200 - 99


def sent(day: BankDay, *payments: tuple[tuple[str, str], int]) -> tuple[UUID, list[UUID]]:
    _, submission, ids = day.run(*payments)
    day.hand_over(submission)
    day.fetch_reports()
    return submission, ids


def test_a_contra_without_its_reference_is_found_by_day_and_total(day: BankDay) -> None:
    sent(day, (GOOD, 700))
    upload(day, camt(1, 500_000, (Entry(-700),)))
    with day.database.transaction() as session:
        (statement,) = list_statements(session, BODY)
        (line,) = list_lines(session, day.vault, statement.id)
    assert (line.rule_id, line.score) == ("contra", 95)
    assert proof(day).holds


def test_two_equal_submissions_and_one_bare_debit_are_ambiguous(day: BankDay) -> None:
    first, _ = sent(day, (GOOD, 700))
    second, _ = sent(day, (GOOD, 700))
    upload(day, camt(1, 500_000, (Entry(-700),)))
    with day.database.transaction() as session:
        (problem,) = list_exceptions(session, BODY)
    assert problem.code == "AMB"
    assert {one["target_id"] for one in problem.candidates} == {str(first), str(second)}
    assert counts(day)[3] == 0
    assert proof(day).accounts[0].difference_pence == 0


@pytest.mark.parametrize(
    ("entries", "codes_", "matches"),
    [
        ((Entry(-701),), ["UNMATCHED_LINE"], 0),
        ((Entry(-701, batch="123456000001"),), ["AMT"], 0),
        ((Entry(-700, day="2026-11-26"),), ["UNMATCHED_LINE"], 0),
        ((Entry(-700, batch="123456000001", day="2026-11-26"),), [], 1),
        ((Entry(-700), Entry(-700)), ["AMB", "AMB"], 0),
        ((Entry(-700, batch="123456000001"), Entry(-700)), ["UNMATCHED_LINE"], 1),
    ],
)
def test_debits_that_almost_fit(
    day: BankDay, entries: tuple[Entry, ...], codes_: list[str], matches: int
) -> None:
    sent(day, (GOOD, 700))
    upload(day, camt(1, 500_000, entries))
    assert codes(day) == codes_
    assert counts(day)[3] == matches
    assert proof(day).accounts[0].difference_pence == 0


def test_the_second_of_two_equal_unknown_lines_is_called_a_duplicate(day: BankDay) -> None:
    upload(day, camt(1, 500_000, (Entry(5), Entry(5))))
    assert sorted(codes(day)) == ["DUPLICATE_LINE", "UNMATCHED_LINE"]
    assert counts(day)[2] == 2


def test_one_return_and_two_equal_payments_are_ambiguous(day: BankDay) -> None:
    sent(day, (CLOSED, 300))
    sent(day, (CLOSED, 300))
    line = Entry(300, reference="REF-0000", other="20191855555555", reason="AC04")
    upload(day, camt(1, 500_000, (line,)))
    assert codes(day) == ["AMB"]


def test_two_equal_returns_and_one_payment_are_ambiguous(day: BankDay) -> None:
    sent(day, (CLOSED, 300))
    line = Entry(300, reference="REF-0000", other="20191855555555", reason="AC04")
    upload(day, camt(1, 500_000, (line, line)))
    assert codes(day) == ["AMB", "AMB"]
    assert counts(day)[3] == 0


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (Entry(300, reference="REF0000", other="20191855555555", reason="AC04"), "RETURN"),
        (Entry(300, reference="ref 0000"), "RETURN"),
        (Entry(301, reference="REF-0000", other="20191855555555", reason="AC04"), None),
        (Entry(300, reference="SOMETHING", other="20191855555555", reason="AC04"), None),
    ],
)
def test_returns_by_account_or_by_reference(day: BankDay, line: Entry, code: str | None) -> None:
    sent(day, (CLOSED, 300))
    upload(day, camt(1, 500_000, (line,)))
    assert codes(day) == [code or "RETURN_NO_ORIGINAL"]


def test_the_order_of_lines_does_not_matter(day: BankDay) -> None:
    _, (one, two) = sent(day, (CLOSED, 300), (UNKNOWN, 400))
    lines = (
        Entry(400, reference="REF-0001", other="20191810000099", reason="AC01"),
        Entry(300, reference="REF-0000", other="20191855555555", reason="AC04"),
        Entry(-700, batch="123456000001"),
    )
    upload(day, camt(1, 500_000, lines))
    with day.database.transaction() as session:
        found = session.execute(
            text("SELECT target_id FROM match WHERE target_type = 'returned_payment' ORDER BY 1")
        ).scalars()
        assert set(found) == {one, two}
    assert counts(day)[3] == 3


def test_a_gap_stops_matching_until_it_is_filled(day: BankDay) -> None:
    sent(day, (GOOD, 700))
    upload(day, camt(1, 500_000, (Entry(5, day="2026-11-23"),), day="2026-11-23"))
    upload(day, camt(3, 500_010, (Entry(-700, batch="123456000001"),)))
    assert codes(day) == ["STATEMENT_GAP", "UNMATCHED_LINE"]
    assert counts(day)[3] == 0
    upload(day, camt(2, 500_005, (Entry(5, day="2026-11-24"),), day="2026-11-24"))
    assert codes(day) == ["UNMATCHED_LINE", "UNMATCHED_LINE"]
    assert counts(day)[3] == 1
    assert proof(day).holds


def test_a_statement_from_before_stops_nothing_that_follows(day: BankDay) -> None:
    sent(day, (GOOD, 700))
    upload(day, camt(5, 500_000, (Entry(5, day="2026-11-24"),), day="2026-11-24"))
    upload(day, camt(2, 300, (Entry(7, day="2026-11-20"),), day="2026-11-20"))
    assert codes(day) == ["STATEMENT_GAP", "UNMATCHED_LINE"]
    upload(day, camt(6, 500_005, (Entry(-700, batch="123456000001"),)))
    assert codes(day) == ["STATEMENT_GAP", "UNMATCHED_LINE"]
    assert counts(day)[3] == 1
    assert proof(day).holds


def test_a_balance_that_does_not_add_up_books_nothing(day: BankDay) -> None:
    before = counts(day)
    upload(day, camt(1, 500_000, (Entry(5),), closing=500_006))
    assert codes(day) == ["BALANCE_MISMATCH"]
    assert counts(day)[5:] == before[5:]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (camt(1, 0, (Entry(5),), account="80226000112234"), "not a bank account of this body"),
        (b"nonsense", "neither camt.053 nor NatWest"),
        (daily_file(trailer_credits=45_001), "the totals are wrong"),
        (camt(1, 0, (Entry(5),)).replace(b"GBP", b"EUR"), "in EUR, the account in GBP"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(day: BankDay, content: bytes, reason: str) -> None:
    before = counts(day)
    with pytest.raises(Invalid) as caught:
        upload(day, content)
    assert caught.value.fields[0].field == "file"
    assert reason in caught.value.fields[0].message
    assert counts(day) == before


def natwest_account(day: BankDay, body: str = BODY) -> UUID:
    with day.database.transaction() as session:
        account = NewBankAccount(body, "income", "Income", "123456", "67175315")
        return open_bank_account(session, account)


def test_a_natwest_file_is_imported_line_by_line_and_once(day: BankDay) -> None:
    natwest_account(day)
    content = natwest("testfile_1")
    upload(day, content)
    before = counts(day)
    assert before[2] == 3
    assert upload(day, content).replay
    # The same day under another file: the very same lines.
    with pytest.raises(Conflict, match="Lines of this statement"):
        upload(day, content.replace(b"BURQ66", b"BURQ67"))
    assert counts(day) == before
    (income,) = [one for one in proof(day).accounts if one.account.code == "income"]
    assert (income.statement_pence, income.difference_pence) == (38_510_000, 0)


def test_another_bodys_account_and_the_wrong_account_are_refused(day: BankDay) -> None:
    natwest_account(day, "glenmore")
    content = natwest("testfile_1")
    before = counts(day)
    with pytest.raises(Invalid, match="statement_refused"):
        upload(day, content)
    with pytest.raises(Invalid, match="statement_refused"):
        upload(day, camt(1, 0, (Entry(5),)), account=natwest_account(day, "glenmore"))
    assert counts(day) == before


def test_refusals_are_problems_only(day: BankDay) -> None:
    camt_sample = sample("payments/iso20022/examples/camt053_001_02.xml").read_bytes()
    files = (natwest("testfile_no_records"), natwest("testfile_settlement_credits"), camt_sample)
    for content in files:
        with pytest.raises(Problem):
            upload(day, content)


def test_bank_details_on_statements_are_sealed(day: BankDay) -> None:
    _, submission, _ = day.run((CLOSED, 300))
    day.hand_over(submission)
    entry_day(day)
    fetch(day)
    with day.database.transaction() as session:
        rows = session.execute(text("SELECT l::text FROM statement_line l")).scalars().all()
        rows += session.execute(text("SELECT f::text FROM statement_file f")).scalars().all()
    assert not any("55555555" in row or "A PAYEE" in row for row in rows)
