"""What the bank took over and never showed becomes an exception once, and none when it is shown."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.reconciliation.awaited.actions import raise_late, set_unmatched_days
from payments.reconciliation.awaited.queries import count_by_age, list_awaited
from payments.reconciliation.awaited.tasks import plan_ageing, raise_all
from payments.reconciliation.work.undoing import undo_match
from shared.errors import Invalid
from shared.outbox import Job
from shared.settings import ServiceSettings
from tests.payments.bank.bank_day import BODY, GOOD, NOW, BankDay
from tests.payments.reconciliation.statements import Entry
from tests.payments.reconciliation.test_desk import MORAG, codes, lines, on_desk, person, upload
from tests.payments.reconciliation.test_undoing import live
from tests.payments.runs.console import Console

Open = Callable[..., Console]
# Processed on 24 November 2026, in the accounts on the 25th, a Wednesday.
DUE = date(2026, 11, 25)
BATCH = "123456000001"


def morning(days: int) -> datetime:
    return datetime(2026, 11, 25, 5, tzinfo=UTC) + timedelta(days=days)


def look(day: BankDay, days: int) -> int:
    with day.database.transaction() as session:
        return raise_late(session, BODY, day.account, morning(days))


def rows(day: BankDay, statement: str) -> list[tuple[object, ...]]:
    with day.database.transaction() as session:
        return [tuple(row) for row in session.execute(text(statement))]


def send(day: BankDay, *pence: int) -> UUID:
    _, submission, _ = day.run(*((GOOD, one) for one in pence))
    day.hand_over(submission)
    day.fetch_reports()
    return submission


def by_fast_rail(day: BankDay) -> None:
    with day.database.transaction() as session:
        session.execute(
            text(
                "UPDATE submission SET rail = 'faster_payments', processing_day = :due,"
                " reported_processing_day = NULL"
            ),
            {"due": DUE},
        )


def test_a_file_is_raised_once_when_it_is_late_and_gone_when_it_is_matched(day: BankDay) -> None:
    send(day, 700, 300)
    assert look(day, 1) == 0
    assert codes(day) == []
    assert look(day, 2) == 1
    assert look(day, 2) == 0
    assert look(day, 5) == 0
    assert codes(day) == ["UNMATCHED_PAYMENT"]
    ((value, severity),) = rows(day, "SELECT value_pence, severity FROM reconciliation_exception")
    assert (value, severity) == (1_000, "high")
    upload(day, 1, 500_000, Entry(-1_000, batch=BATCH))
    assert codes(day) == []
    ((how,),) = rows(day, "SELECT resolution FROM reconciliation_exception")
    assert how == "matched"
    assert look(day, 9) == 0


def test_undone_it_is_raised_again(day: BankDay) -> None:
    send(day, 700)
    upload(day, 1, 500_000, Entry(-700, batch=BATCH))
    assert look(day, 5) == 0
    (line,) = lines(day)
    match = live(day, line)
    on_desk(day, MORAG, lambda desk: undo_match(desk, match, "another file"))
    assert look(day, 5) == 1
    assert codes(day) == ["UNMATCHED_LINE", "UNMATCHED_PAYMENT"]


def test_payments_debited_one_by_one_are_late_one_by_one(day: BankDay) -> None:
    send(day, 700, 300, 200)
    by_fast_rail(day)
    assert look(day, 2) == 3
    upload(day, 1, 500_000, Entry(-300, reference="REF-0001"))
    with day.database.transaction() as session:
        left = list_awaited(session, BODY, DUE + timedelta(days=2), limit=10)
    assert sorted(one.pence for one in left) == [200, 700]
    assert codes(day) == ["UNMATCHED_PAYMENT", "UNMATCHED_PAYMENT"]


def test_what_the_bank_refuses_late_is_awaited_no_more(day: BankDay) -> None:
    send(day, 700)
    assert look(day, 3) == 1
    with day.database.transaction() as session:
        session.execute(text("UPDATE submission SET state = 'refused'"))
    assert look(day, 4) == 0
    assert codes(day) == []


def test_a_part_that_is_shown_leaves_the_rest_awaited(day: BankDay) -> None:
    submission = send(day, 1_000)
    assert look(day, 3) == 1
    upload(day, 1, 500_000, Entry(-400, reference="PART"))
    (line,) = lines(day)
    with day.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO match (id, line_id, target_type, target_id, amount_pence,"
                " target_pence, rule_id, rule_version, score, reason, decided_by, decided_at)"
                " VALUES (match_id(), :line, 'submission', :target, 400, 1000, 'x', 1, 1, 'x',"
                " 'x', now())"
            ),
            {"line": line, "target": submission},
        )
        (left,) = list_awaited(session, BODY, DUE, limit=10)
    assert left.pence == 600
    assert "UNMATCHED_PAYMENT" in codes(day)


def test_each_body_says_itself_what_is_late(day: BankDay) -> None:
    send(day, 700)
    with day.database.transaction() as session:
        set_unmatched_days(session, 4, person("ann", "administrator"), NOW)
    # Two of the days are a weekend.
    assert [look(day, days) for days in (2, 5, 6)] == [0, 0, 1]
    for wrong in (0, 31):
        with pytest.raises(Invalid), day.database.transaction() as session:
            set_unmatched_days(session, wrong, person("ann", "administrator"), NOW)
    assert rows(day, "SELECT unmatched_days FROM reconciliation_setting") == [(4,)]


def test_the_morning_work_plans_the_next_and_runs_twice_without_harm(day: BankDay) -> None:
    send(day, 700)
    with day.database.transaction() as session:
        plan_ageing(session, morning(3))
        plan_ageing(session, morning(3) + timedelta(hours=2))
    job = Job(0, "test", {}, 1, day.database, cast("ServiceSettings", SimpleNamespace()))
    job.now = lambda: morning(3)  # type: ignore[method-assign]  # a clock of the test
    raise_all(job)
    raise_all(job)
    planned = rows(
        day, "SELECT count(*) FROM outbox WHERE topic = 'payments.reconciliation.raise_late'"
    )
    assert planned == [(1,)]
    assert codes(day) == ["UNMATCHED_PAYMENT"]


def test_ages_are_told_with_their_sums(day: BankDay) -> None:
    send(day, 700, 300)
    with day.database.transaction() as session:
        for days, place in ((0, 0), (5, 1), (8, 2), (20, 3)):
            ages = count_by_age(session, BODY, DUE + timedelta(days=days))
            assert [one.lines for one in ages] == [int(number == place) for number in range(4)]
            assert ages[place].pence == 1_000
        assert sum(one.lines for one in count_by_age(session, BODY, date(2026, 11, 24))) == 0


def test_the_desk_lists_what_is_late_and_only_an_administrator_changes_the_days(
    console: Open, day: BankDay
) -> None:
    send(day, 700, 300)
    # Pages go by the clock of the machine, and this is long ago by any.
    with day.database.transaction() as session:
        session.execute(
            text(
                "UPDATE submission SET processing_day = '2026-03-02',"
                " reported_processing_day = '2026-03-02'"
            )
        )
    look(day, 10)
    desk = console(MORAG)
    html = desk.get("/payments/reconciliation/exceptions?code=UNMATCHED_PAYMENT")
    assert "Not on any statement" in html
    assert 'href="/payments/reconciliation/awaited"' in html
    html = desk.get("/payments/reconciliation/awaited")
    assert desk.status == 200
    assert "Too late" in html
    assert "with 2 payments" in html
    assert "more than 10 days" in html
    where = "/payments/settings/awaited"
    desk.get(where)
    assert desk.status == 403
    desk.post(where, days="5")
    assert desk.status == 403
    auditor = console(person("una", "auditor"))
    assert 'name="days"' not in auditor.get(where)
    assert auditor.status == 200
    administrator = console(person("ann", "administrator"))
    administrator.get(where)
    refused = administrator.post(where, days="31")
    assert administrator.status == 422
    assert "<title>Error:" in refused
    assert rows(day, "SELECT 1 FROM reconciliation_setting") == []
    assert "is saved" in administrator.post(where, days="5")
    assert rows(day, "SELECT unmatched_days FROM reconciliation_setting") == [(5,)]


def test_a_person_takes_what_is_late_on(console: Open, day: BankDay) -> None:
    submission = send(day, 700)
    with day.database.transaction() as session:
        session.execute(
            text(
                "UPDATE submission SET processing_day = '2026-03-02',"
                " reported_processing_day = '2026-03-02'"
            )
        )
    desk = console(MORAG)
    where = f"/payments/reconciliation/awaited/{submission}"
    desk.get("/payments/reconciliation/awaited")
    assert "not late any more" in desk.post(where)
    look(day, 10)
    visitor = console(person("una", "auditor"))
    assert f'action="{where}"' not in visitor.get("/payments/reconciliation/awaited")
    visitor.post(where)
    assert visitor.status == 403
    assert rows(day, "SELECT owner FROM reconciliation_exception") == [(None,)]
    assert f'action="{where}"' in desk.get("/payments/reconciliation/awaited")
    assert "It is yours" in desk.post(where)
    assert rows(day, "SELECT owner FROM reconciliation_exception") == [("morag",)]
    assert "Morag" in desk.get("/payments/reconciliation/exceptions")
