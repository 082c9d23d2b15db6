"""An administrator takes a role for some hours: auditors see it, audit marks it, duties hold."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.standing_in.actions import end_emergency_role, take_emergency_role
from payments.controls.standing_in.queries import find_granted, list_recent_emergencies
from payments.runs.actions.approve import approve
from payments.runs.rules import ADMINISTRATOR, APPROVER, AUDITOR, UPLOADER
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.world import ALAN, BODY, NOW, UNA, World, make_waiting_run, staff

ADA, ANN = staff("Ada", ADMINISTRATOR), staff("Ann", ADMINISTRATOR)
STRANGER = staff("Stan", ADMINISTRATOR, organisation="glenmore")
OWN = frozenset({ADMINISTRATOR})


def test_it_lasts_its_hours_and_ends_by_itself(session: Session) -> None:
    take_emergency_role(session, APPROVER, 2, "Flood", ADA, NOW)
    granted = find_granted(session, BODY, ADA.id, OWN, NOW)
    assert (granted.roles, granted.under) == (frozenset({APPROVER}), "emergency")
    assert find_granted(session, BODY, ANN.id, OWN, NOW).roles == frozenset()
    over = NOW + timedelta(hours=2)
    assert find_granted(session, BODY, ADA.id, OWN, over).under == ""
    assert [one.reason for one in list_recent_emergencies(session, BODY, over)] == ["Flood"]
    take_emergency_role(session, UPLOADER, 1, "Flood again", ADA, over)


def test_what_is_done_under_it_is_marked_and_duties_hold(session: Session, world: World) -> None:
    take_emergency_role(session, APPROVER, 4, "Flood", ADA, NOW)
    under = replace(ADA, roles=frozenset({ADMINISTRATOR, APPROVER}), under="emergency")
    run_id = make_waiting_run(session, world)
    approve(session, run_id, world.run_hash(session, run_id), under, NOW)
    marked = session.execute(
        text(
            "SELECT count(*) FILTER (WHERE details->>'under' = 'emergency'), count(*)"
            " FROM audit_event WHERE actor_id = :person AND action LIKE 'payments.run.%'"
        ),
        {"person": ADA.id},
    ).one()
    assert marked[0] == marked[1] > 0
    una = replace(UNA, roles=frozenset({UPLOADER, APPROVER}), under="emergency")
    other = make_waiting_run(session, world, "clothing-grant")
    with pytest.raises(Forbidden) as refused, session.begin_nested():
        approve(session, other, world.run_hash(session, other), una, NOW)
    assert refused.value.code == "same_person"


@pytest.mark.parametrize(
    ("role", "hours", "reason"),
    [
        (ADMINISTRATOR, 1, "x"),
        (AUDITOR, 1, "x"),
        ("payments.everything", 1, "x"),
        (APPROVER, 5, "x"),
        (APPROVER, 0, "x"),
        (APPROVER, None, "x"),
        (APPROVER, 1, " "),
    ],
    ids=["administrator", "auditor", "unknown", "long", "zero", "none", "no reason"],
)
def test_what_cannot_be_taken(session: Session, role: str, hours: int | None, reason: str) -> None:
    with pytest.raises(Invalid), session.begin_nested():
        take_emergency_role(session, role, hours, reason, ADA, NOW)
    assert list_recent_emergencies(session, BODY, NOW) == []


def test_who_may_take_and_end(session: Session) -> None:
    for actor in (UNA, ALAN, staff("Olga", AUDITOR)):
        with pytest.raises(Forbidden), session.begin_nested():
            take_emergency_role(session, APPROVER, 1, "x", actor, NOW)
    made = take_emergency_role(session, APPROVER, 1, "Flood", ADA, NOW)
    with pytest.raises(Conflict), session.begin_nested():
        take_emergency_role(session, UPLOADER, 1, "More", ADA, NOW)
    with pytest.raises(Forbidden), session.begin_nested():
        end_emergency_role(session, made, ALAN, NOW)
    with pytest.raises(NotFound), session.begin_nested():
        end_emergency_role(session, made, STRANGER, NOW)
    end_emergency_role(session, made, ANN, NOW)
    assert find_granted(session, BODY, ADA.id, OWN, NOW).roles == frozenset()
    with pytest.raises(Conflict), session.begin_nested():
        end_emergency_role(session, made, ADA, NOW)


@pytest.mark.committed
def test_two_requests_at_once_take_one_role(database: Database) -> None:
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def take(role: str) -> None:
        barrier.wait()
        try:
            with database.transaction() as session:
                take_emergency_role(session, role, 1, "Flood", ADA, NOW)
            answers.append("done")
        except Problem as problem:
            answers.append(problem.code)

    threads = [threading.Thread(target=take, args=(role,)) for role in (APPROVER, UPLOADER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["done", "emergency_taken"]
