"""A programme's rail is taken over by its runs, with the reason that a rail beside Bacs needs."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.actions.settings import ProgrammeSettings, change_programme
from payments.controls.queries.days import plan_run
from payments.runs.queries.runs import find_programme, get_run
from payments.runs.rules import ADMINISTRATOR
from shared.errors import Invalid
from tests.payments.runs.world import BODY, NOW, World, make_waiting_run, staff

ADA = staff("Ada", ADMINISTRATOR)


def _set(session: Session, rail: str, reason: str) -> None:
    programme = find_programme(session, BODY, "winter-heating")
    assert programme is not None
    wanted = ProgrammeSettings("Winter heating grant", "people", "on_approval", 1, rail, "", reason)
    change_programme(session, programme.id, wanted, ADA, NOW)


@pytest.mark.parametrize(
    ("rail", "reason", "field"),
    [
        ("chaps", "", "rail_reason"),
        ("faster_payments", " ", "rail_reason"),
        ("chaps", "x" * 501, "rail_reason"),
        ("payment_order", "Cash", "rail"),
    ],
    ids=["none", "blank", "long", "no file"],
)
def test_another_rail_needs_its_reason(
    session: Session, rail: str, reason: str, field: str
) -> None:
    before = find_programme(session, BODY, "winter-heating")
    with pytest.raises(Invalid) as refused, session.begin_nested():
        _set(session, rail, reason)
    assert [fault.field for fault in refused.value.fields] == [field]
    assert find_programme(session, BODY, "winter-heating") == before


def test_the_next_run_goes_on_the_rail_and_its_days_follow(session: Session, world: World) -> None:
    _set(session, "chaps", "Same-day crisis grants")
    run = get_run(session, BODY, make_waiting_run(session, world))
    assert (run.rail, run.rail_reason) == ("chaps", "Same-day crisis grants")
    plan = plan_run(session, run, NOW)
    assert plan.input_day == plan.processing_day == plan.entry_day == date(2026, 11, 24)
    journal = session.execute(
        text("SELECT details->'rail_reason'->>'after' FROM audit_event WHERE action = :action"),
        {"action": "payments.programme.changed"},
    )
    assert journal.scalar_one() == "Same-day crisis grants"
