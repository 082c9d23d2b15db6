"""A month is held, proved, and closed by two people."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.gl.periods import (
    ask_to_close,
    get_period,
    list_periods,
    sign_close,
    withdraw_close,
)
from payments.ledger.actions import post_entries
from payments.ledger.rules import transfer
from payments.ledger.seal.sealing import seal
from payments.runs.rules import AUDITOR, RECONCILER
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid
from tests.payments.runs.console import Console
from tests.payments.runs.world import BODY, UNA, staff

DAY = date(2026, 10, 5)
LATER = datetime(2026, 11, 5, 10, tzinfo=UTC)
RITA, RORY = staff("Rita", RECONCILER), staff("Rory", RECONCILER)
AUDRA = staff("Audra", AUDITOR)


def post(database: Database, event: str, on: date = DAY, *, sealed: bool = True) -> None:
    with database.transaction() as session:
        draft = transfer("x", event, on, "programme_expenditure", "payments_approved", 500)
        post_entries(session, BODY, [draft], "test")
    if sealed:
        with database.transaction() as session:
            seal(session, LATER)


def month(database: Database, day: date = DAY) -> UUID:
    with database.transaction() as session:
        return next(
            one.id for one in list_periods(session, BODY) if one.starts_on <= day < one.ends_before
        )


def state(database: Database, period: UUID) -> str:
    with database.transaction() as session:
        return get_period(session, BODY, period).state


def ask(database: Database, period: UUID, at: datetime = LATER) -> None:
    with database.transaction() as session:
        ask_to_close(session, BODY, period, RITA, at)


def where(database: Database, event: str) -> date:
    with database.transaction() as session:
        found: date = session.execute(
            text(
                "SELECT p.starts_on FROM entry e JOIN period p ON p.id = e.period_id"
                " WHERE e.event_id = :event"
            ),
            {"event": event},
        ).scalar_one()
        return found


def test_a_month_is_closed_by_two_people_and_late_items_go_on(database: Database) -> None:
    post(database, "1")
    period = month(database)
    ask(database, period)
    assert state(database, period) == "closing"
    post(database, "late")
    assert where(database, "late") == date(2026, 11, 1)
    with pytest.raises(Forbidden, match="same_person"), database.transaction() as session:
        sign_close(session, BODY, period, RITA, LATER)
    assert state(database, period) == "closing"
    with database.transaction() as session:
        sign_close(session, BODY, period, RORY, LATER)
    assert state(database, period) == "closed"
    with database.transaction() as session:
        kept = get_period(session, BODY, period)
    assert (kept.asked_by_name, kept.decided_by_name) == ("Rita", "Rory")
    assert kept.proof is not None
    with pytest.raises(Conflict), database.transaction() as session:
        sign_close(session, BODY, period, RORY, LATER)


def test_a_month_that_waits_can_be_opened_again_with_a_reason(database: Database) -> None:
    post(database, "1")
    period = month(database)
    ask(database, period)
    with pytest.raises(Invalid), database.transaction() as session:
        withdraw_close(session, BODY, period, " ", RORY, LATER)
    with database.transaction() as session:
        withdraw_close(session, BODY, period, "An invoice is missing", RORY, LATER)
    assert state(database, period) == "open"
    post(database, "again")
    assert where(database, "again") == date(2026, 10, 1)
    ask(database, period)
    assert state(database, period) == "closing"


@pytest.mark.parametrize(
    ("at", "code"),
    [(datetime(2026, 10, 31, 12, tzinfo=UTC), "period_not_over")],
    ids=["not_over"],
)
def test_a_month_is_not_closed_before_its_end(database: Database, at: datetime, code: str) -> None:
    post(database, "1")
    period = month(database)
    with pytest.raises(Conflict, match=code):
        ask(database, period, at)
    assert state(database, period) == "open"


def test_an_earlier_month_is_closed_first(database: Database) -> None:
    post(database, "0", date(2026, 9, 5))
    post(database, "1")
    with pytest.raises(Conflict, match="period_earlier"):
        ask(database, month(database))


def test_what_has_no_number_keeps_a_month_open(database: Database) -> None:
    post(database, "1", sealed=False)
    period = month(database)
    with pytest.raises(Conflict, match="period_not_proved"):
        ask(database, period)
    assert state(database, period) == "open"


def test_an_account_in_transit_that_nothing_explains_keeps_a_month_open(
    database: Database,
) -> None:
    with database.transaction() as session:
        draft = transfer("x", "t", DAY, "payments_approved", "in_transit", 5)
        post_entries(session, BODY, [draft], "test")
    with database.transaction() as session:
        seal(session, LATER)
    with pytest.raises(Conflict) as caught:
        ask(database, month(database))
    assert "in_transit: 0 and 5" in (caught.value.detail or "")


def test_the_pages_of_a_close(database: Database, console: Callable[..., Console]) -> None:
    post(database, "1")
    period = month(database)
    rita, rory, audra = console(RITA), console(RORY), console(AUDRA)
    assert "10/2026" in rita.get("/payments/periods")
    page = rita.get(f"/payments/periods/{period}")
    assert "Hold and prove" in page
    assert "Hold and prove" not in audra.get(f"/payments/periods/{period}")
    assert rita.post(f"/payments/periods/{period}/close")
    assert "Another person has to sign" in rita.html
    assert "Sign and close" not in rita.html
    assert "Sign and close" in rory.get(f"/payments/periods/{period}")
    rory.post(f"/payments/periods/{period}/sign")
    assert "The month is closed." in rory.html
    una = console(UNA)
    una.get("/payments/periods")
    assert una.status == 403


def test_balances_at_a_day(database: Database, console: Callable[..., Console]) -> None:
    post(database, "1")
    una = console(UNA)
    assert "£5.00" in una.get("/payments/ledger/balances?day=2026-10-05")
    assert "£5.00" not in una.get("/payments/ledger/balances?day=2026-10-04")
    una.get("/payments/ledger/balances?day=2026-13-04&known_at=soon")
    assert una.status == 422
    known = "/payments/ledger/balances?day=2026-10-05&known_at=2026-01-01+10:00"
    assert "£5.00" not in una.get(known)
