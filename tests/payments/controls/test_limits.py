"""Rules come by two administrators, never change, and are asked at each step of a run."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.controls.actions.rules import Proposal, confirm_rule, propose_rule, refuse_rule
from payments.controls.actions.settings import set_step_up
from payments.controls.queries.rules import get_rules, list_rules
from payments.controls.rules import SignIn
from payments.runs.actions.approve import approve, put_forward, release
from payments.runs.rules import ADMINISTRATOR, ROLE_NAMES
from shared.actors import Actor
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.world import ALAN, AVA, BODY, NOW, UNA, World, make_waiting_run, staff

ADA, ANN = staff("Ada", ADMINISTRATOR), staff("Ann", ADMINISTRATOR)
STRANGER = staff("Stranger", ADMINISTRATOR, organisation="glenmore")
LIMIT = Proposal("limit", "Agreed by the board", 50_000, measure="run")
BAND = Proposal("band", "Agreed by the board", 50_000, approvals=2)
AUTHORITY = Proposal(
    "authority",
    "Letter of 1 November",
    60_000,
    person_id=ALAN.id,
    person_name="Alan",
    valid_from=NOW.date(),
    valid_until=NOW.date() + timedelta(days=30),
)


def make(session: Session, proposal: Proposal) -> UUID:
    rule = propose_rule(session, proposal, ADA, NOW)
    confirm_rule(session, rule, ANN, NOW)
    return rule


def _approve(session: Session, world: World, run_id: UUID, actor: Actor, **more: object) -> None:
    approve(session, run_id, world.run_hash(session, run_id), actor, NOW, **more)  # type: ignore[arg-type]  # members by name


def _refused(session: Session, world: World, run_id: UUID, actor: Actor, **more: object) -> str:
    before = world.snapshot(session)
    with pytest.raises(Problem) as refused, session.begin_nested():
        _approve(session, world, run_id, actor, **more)
    assert world.snapshot(session) == before
    return refused.value.code


def test_a_proposal_is_not_in_force(session: Session) -> None:
    propose_rule(session, LIMIT, ADA, NOW)
    assert get_rules(session, BODY).limits == []


def test_another_administrator_makes_it_so(session: Session) -> None:
    rule = propose_rule(session, LIMIT, ADA, NOW)
    for actor, code in ((ADA, "same_person"), (UNA, "role_missing")):
        with pytest.raises(Forbidden) as refused:
            confirm_rule(session, rule, actor, NOW)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        confirm_rule(session, rule, STRANGER, NOW)
    confirm_rule(session, rule, ANN, NOW)
    assert [limit.pence for limit in get_rules(session, BODY).limits] == [50_000]
    with pytest.raises(Conflict):
        confirm_rule(session, rule, ANN, NOW)


def test_nobody_confirms_their_own_authority(session: Session) -> None:
    own = replace(AUTHORITY, person_id=ANN.id, person_name="Ann")
    rule = propose_rule(session, own, ADA, NOW)
    with pytest.raises(Forbidden):
        confirm_rule(session, rule, ANN, NOW)
    assert not get_rules(session, BODY).authorities


@pytest.mark.parametrize("role", [role for role in ROLE_NAMES if role != ADMINISTRATOR])
def test_only_administrators_propose(session: Session, role: str) -> None:
    with pytest.raises(Forbidden):
        propose_rule(session, LIMIT, staff("Somebody", role), NOW)
    assert list_rules(session, BODY) == []


@pytest.mark.parametrize(
    ("proposal", "field"),
    [
        (replace(LIMIT, pence=None), "amount"),
        (replace(LIMIT, pence=-1), "amount"),
        (replace(LIMIT, measure=None), "measure"),
        (replace(LIMIT, rail="pigeon"), "rail"),
        (replace(LIMIT, programme_id=UUID(int=1)), "programme"),
        (replace(LIMIT, reason=" "), "reason"),
        (replace(BAND, approvals=0), "approvals"),
        (replace(BAND, approvals=6), "approvals"),
        (replace(AUTHORITY, person_id=None), "person"),
        (replace(AUTHORITY, valid_from=None), "valid_from"),
        (replace(AUTHORITY, valid_until=date(2026, 1, 1)), "valid_until"),
        (Proposal("end", "x"), "replaces"),
    ],
)
def test_a_bad_rule_is_refused_with_its_field(
    session: Session, proposal: Proposal, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        propose_rule(session, proposal, ADA, NOW)
    assert [fault.field for fault in refused.value.fields] == [field]
    assert list_rules(session, BODY) == []


def test_a_rule_takes_the_place_of_another_and_ends(session: Session) -> None:
    first = make(session, LIMIT)
    second = make(session, replace(LIMIT, pence=70_000, replaces=first))
    assert [limit.pence for limit in get_rules(session, BODY).limits] == [70_000]
    make(session, Proposal("end", "No longer needed", replaces=second))
    assert get_rules(session, BODY).limits == []
    assert [rule.state for rule in list_rules(session, BODY)] == ["ended"] * 3


def test_a_refused_rule_stays_refused(session: Session) -> None:
    rule = propose_rule(session, LIMIT, ADA, NOW)
    refuse_rule(session, rule, ADA, NOW)
    with pytest.raises(Conflict):
        confirm_rule(session, rule, ANN, NOW)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE control_rule SET pence = 1",
        "UPDATE control_rule SET person_id = 'x'",
        "DELETE FROM control_rule",
        "UPDATE control_rule SET decided_by_id = proposed_by_id",
    ],
)
def test_the_database_keeps_rules(session: Session, change: str) -> None:
    make(session, LIMIT)
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text(change))


def test_a_run_over_a_limit_is_not_put_forward(session: Session, world: World) -> None:
    make(session, LIMIT)
    run_id = UUID(world.create(session).run_id)
    world.create(session)
    before = world.snapshot(session)
    with pytest.raises(Conflict) as refused, session.begin_nested():
        put_forward(session, world.desk.vault, run_id, UNA, NOW)
    assert refused.value.code == "run_over_limit"
    assert world.snapshot(session) == before


def test_a_payment_over_a_limit_is_named(session: Session, world: World) -> None:
    make(session, replace(LIMIT, measure="payment", pence=29_999))
    run_id = UUID(world.create(session).run_id)
    with pytest.raises(Conflict) as refused, session.begin_nested():
        put_forward(session, world.desk.vault, run_id, UNA, NOW)
    assert refused.value.code == "payment_over_limit"
    assert "SWH-TEST-0001" in refused.value.detail


@pytest.mark.parametrize("measure", ["day", "two_days"])
def test_a_run_over_the_limit_of_its_day_waits_after_approval(
    session: Session, world: World, measure: str
) -> None:
    make(session, replace(LIMIT, measure=measure, pence=100_000))  # type: ignore[arg-type]  # a double, or a value that the test chose
    first = make_waiting_run(session, world)
    _approve(session, world, first, ALAN)
    assert world.run_state(session, first) == "released"
    second = make_waiting_run(session, world)
    _approve(session, world, second, ALAN)
    assert world.run_state(session, second) == "approved"
    assert world.payment_states(session, second) == ["approved"] * 2
    said = session.execute(
        text("SELECT details ->> 'reason' FROM run_event WHERE kind = 'release_stopped'")
    ).scalar_one()
    assert "£600.00 is paid from this account" in said
    with pytest.raises(Conflict) as refused, session.begin_nested():
        release(session, second, UNA, NOW)
    assert refused.value.code == "day_over_limit"


def test_a_band_asks_for_another_approver(session: Session, world: World) -> None:
    make(session, BAND)
    run_id = make_waiting_run(session, world)
    _approve(session, world, run_id, ALAN)
    assert world.run_state(session, run_id) == "awaiting_approval"
    _approve(session, world, run_id, AVA)
    assert world.run_state(session, run_id) == "released"


def test_an_authority_is_compared_with_the_total(session: Session, world: World) -> None:
    make(session, replace(AUTHORITY, pence=59_999))
    run_id = make_waiting_run(session, world)
    assert _refused(session, world, run_id, ALAN) == "beyond_authority"
    assert _refused(session, world, run_id, AVA) == "beyond_authority"
    make(session, AUTHORITY)
    _approve(session, world, run_id, ALAN)
    assert world.run_state(session, run_id) == "released"


def test_a_band_may_ask_for_a_second_factor(session: Session, world: World) -> None:
    make(session, replace(BAND, approvals=1, step_up=True))
    run_id = make_waiting_run(session, world)
    weak = SignIn(NOW, "low", frozenset({"pwd"}))
    assert _refused(session, world, run_id, ALAN) == "step_up_needed"
    assert _refused(session, world, run_id, ALAN, sign_in=weak) == "step_up_needed"
    _approve(session, world, run_id, ALAN, sign_in=SignIn(NOW, "medium", frozenset()))
    assert world.run_state(session, run_id) == "released"


def test_a_body_may_ask_everywhere(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world, "clothing-grant")
    set_step_up(session, "all", ADA)
    strong = SignIn(NOW, "medium", frozenset())
    assert _refused(session, world, run_id, ALAN) == "step_up_needed"
    _approve(session, world, run_id, ALAN, sign_in=strong)
    with pytest.raises(Forbidden) as refused, session.begin_nested():
        release(session, run_id, UNA, NOW)
    assert refused.value.code == "step_up_needed"
    release(session, run_id, UNA, NOW, strong)
