"""A colleague approves within an approver's own limit for some days, and for nobody's own work."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from payments.controls.actions.people import note_seen
from payments.controls.models import control_rule
from payments.controls.standing_in.actions import (
    Handover,
    decide_delegation,
    end_delegation,
    propose_delegation,
)
from payments.controls.standing_in.queries import find_granted
from payments.runs.actions.approve import approve
from payments.runs.rules import ADMINISTRATOR, APPROVER, AUDITOR, ENQUIRY, UPLOADER
from shared.actors import Actor
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from shared.ids import new_id
from tests.payments.runs.world import ALAN, BODY, ENID, NOW, UNA, World, make_waiting_run, staff

ADA, OLGA = staff("Ada", ADMINISTRATOR), staff("Olga", AUDITOR)
# Enid, who may only look, standing in for an approver.
STAND_IN = replace(ENID, roles=frozenset({ENQUIRY, APPROVER}), under="delegation")
TODAY = NOW.date()
WANTED = Handover(ENID.id, 60_000, None, TODAY, TODAY + timedelta(days=7), "On leave")


@pytest.fixture
def session(session: Session) -> Session:
    for one in (ALAN, ENID, UNA, ADA, OLGA):
        note_seen(session, one, NOW)
    return session


def _live(session: Session, wanted: Handover = WANTED, giver: Actor = ALAN) -> UUID:
    made = propose_delegation(session, wanted, giver, NOW)
    decide_delegation(session, made, ADA, NOW, is_confirmed=True)
    return made


def _authority(session: Session, person: Actor, pence: int) -> None:
    session.execute(
        insert(control_rule).values(
            id=new_id(),
            organisation=BODY,
            kind="authority",
            pence=pence,
            person_id=person.id,
            person_name=person.name,
            valid_from=TODAY - timedelta(days=10),
            valid_until=TODAY + timedelta(days=30),
            state="live",
            reason="x",
            proposed_by_id="person-1",
            proposed_by_name="One",
            proposed_at=NOW,
            decided_by_id="person-2",
            decided_by_name="Two",
            decided_at=NOW,
        )
    )


def _approve(session: Session, world: World, run_id: UUID, actor: Actor) -> str:
    try:
        with session.begin_nested():
            approve(session, run_id, world.run_hash(session, run_id), actor, NOW)
    except Problem as problem:
        return problem.code
    return "done"


def test_the_colleague_has_the_role_while_it_lasts(session: Session) -> None:
    made = propose_delegation(session, WANTED, ALAN, NOW)
    own = frozenset({ENQUIRY})
    assert find_granted(session, BODY, ENID.id, own, NOW).roles == frozenset()
    decide_delegation(session, made, ADA, NOW, is_confirmed=True)
    granted = find_granted(session, BODY, ENID.id, own, NOW)
    assert (granted.roles, granted.under) == (frozenset({APPROVER}), "delegation")
    after = NOW + timedelta(days=8)
    assert find_granted(session, BODY, ENID.id, own, after).roles == frozenset()
    assert find_granted(session, "glenmore", ENID.id, own, NOW).roles == frozenset()
    is_approver = find_granted(session, BODY, ENID.id, frozenset({APPROVER}), NOW)
    assert is_approver.under == ""
    end_delegation(session, made, ENID, NOW)
    assert find_granted(session, BODY, ENID.id, own, NOW).roles == frozenset()


def test_they_approve_and_audit_says_how(session: Session, world: World) -> None:
    _live(session)
    run_id = make_waiting_run(session, world)
    assert _approve(session, world, run_id, STAND_IN) == "done"
    under = session.execute(
        text(
            "SELECT details->>'under' FROM audit_event WHERE action = 'payments.run.approved'"
            " AND actor_id = :person"
        ),
        {"person": ENID.id},
    )
    assert under.scalar_one() == "delegation"


@pytest.mark.parametrize(
    ("given", "own", "answer"),
    [
        (60_000, None, "done"),
        (59_999, None, "beyond_authority"),
        (60_000, 60_000, "done"),
    ],
    ids=["covers", "a penny short", "within his own"],
)
def test_up_to_the_amount(
    session: Session, world: World, given: int, own: int | None, answer: str
) -> None:
    if own is not None:
        _authority(session, ALAN, own)
    _live(session, replace(WANTED, pence=given))
    assert _approve(session, world, make_waiting_run(session, world), STAND_IN) == answer


def test_a_limit_that_shrank_since_counts(session: Session, world: World) -> None:
    _live(session)
    _authority(session, ALAN, 59_999)
    run_id = make_waiting_run(session, world)
    assert _approve(session, world, run_id, STAND_IN) == "beyond_authority"
    assert world.run_state(session, run_id) == "awaiting_approval"


def test_of_another_programme_it_is_worth_nothing(session: Session, world: World) -> None:
    other = session.execute(
        text("SELECT id FROM programme WHERE slug = 'big-grant' AND organisation = :body"),
        {"body": BODY},
    ).scalar_one()
    _live(session, replace(WANTED, programme_id=other))
    run_id = make_waiting_run(session, world)
    assert _approve(session, world, run_id, STAND_IN) == "beyond_authority"


def test_nobody_approves_through_a_colleague_what_they_prepared(
    session: Session, world: World
) -> None:
    both = replace(UNA, roles=frozenset({UPLOADER, APPROVER}))
    _live(session, giver=both)
    run_id = make_waiting_run(session, world)
    assert _approve(session, world, run_id, STAND_IN) == "same_person"
    assert world.run_state(session, run_id) == "awaiting_approval"
    _live(session)
    assert _approve(session, world, run_id, STAND_IN) == "done"


def test_who_approved_does_not_approve_again_through_a_colleague(
    session: Session, world: World
) -> None:
    _live(session)
    run_id = make_waiting_run(session, world, "big-grant")
    assert _approve(session, world, run_id, ALAN) == "done"
    assert _approve(session, world, run_id, STAND_IN) == "same_person"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to_id": ALAN.id}, "to"),
        ({"to_id": ADA.id}, "to"),
        ({"to_id": OLGA.id}, "to"),
        ({"to_id": "nobody"}, "to"),
        ({"pence": None}, "amount"),
        ({"pence": 0}, "amount"),
        ({"pence": 60_001}, "amount"),
        ({"valid_from": TODAY - timedelta(days=1)}, "valid_from"),
        ({"valid_until": TODAY - timedelta(days=1)}, "valid_until"),
        ({"valid_until": date(2027, 12, 1)}, "valid_until"),
        ({"programme_id": UUID(int=1)}, "programme"),
        ({"reason": " "}, "reason"),
    ],
    ids=[
        *("oneself", "administrator", "auditor", "stranger", "no amount", "zero", "too much"),
        *("past", "backwards", "too long", "programme", "no reason"),
    ],
)
def test_a_delegation_at_fault_is_refused(
    session: Session, change: dict[str, object], field: str
) -> None:
    _authority(session, ALAN, 60_000)
    with pytest.raises(Invalid) as refused, session.begin_nested():
        propose_delegation(session, replace(WANTED, **change), ALAN, NOW)  # type: ignore[arg-type]  # members by name
    assert field in [fault.field for fault in refused.value.fields]
    assert session.execute(text("SELECT count(*) FROM delegation")).scalar_one() == 0


def test_who_may_propose_decide_and_end(session: Session) -> None:
    for actor in (UNA, ENID, ADA, OLGA, STAND_IN):
        with pytest.raises(Forbidden), session.begin_nested():
            propose_delegation(session, WANTED, actor, NOW)
    made = propose_delegation(session, WANTED, ALAN, NOW)
    stranger = staff("Stan", ADMINISTRATOR, organisation="glenmore")
    giver = replace(ALAN, roles=frozenset({ADMINISTRATOR}))
    for actor, error in ((ALAN, Forbidden), (stranger, NotFound), (giver, Forbidden)):
        with pytest.raises(error), session.begin_nested():
            decide_delegation(session, made, actor, NOW, is_confirmed=True)
    with pytest.raises(Forbidden), session.begin_nested():
        end_delegation(session, made, UNA, NOW)
    late = NOW + timedelta(days=8)
    with pytest.raises(Conflict), session.begin_nested():
        decide_delegation(session, made, ADA, late, is_confirmed=True)
    decide_delegation(session, made, ADA, NOW, is_confirmed=False)
    for confirmed in (True, False):
        with pytest.raises(Conflict), session.begin_nested():
            decide_delegation(session, made, ADA, NOW, is_confirmed=confirmed)
    with pytest.raises(Conflict), session.begin_nested():
        end_delegation(session, made, ALAN, NOW)
