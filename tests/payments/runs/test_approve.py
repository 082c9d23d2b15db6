"""From put forward to released: who, in which state, for exactly which content."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.queries import get_balance
from payments.runs.actions.approve import approve, put_forward, reject, release
from payments.runs.actions.create import PayeeOrder
from payments.runs.actions.edit import (
    Correction,
    edit_payment,
    release_hold,
    remove_payment,
)
from payments.runs.actions.recall import recall_run
from payments.runs.rules import ROLE_NAMES, RUN_MOVES, STEPS
from shared.actors import Actor
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.world import (
    ALAN,
    AVA,
    BODY,
    BOTH,
    ENID,
    NOW,
    OTHER,
    UNA,
    World,
    make_waiting_run,
    staff,
    write_file,
)


def test_put_forward_fixes_the_content(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    assert world.run_state(session, run_id) == "awaiting_approval"
    assert world.payment_states(session, run_id) == ["awaiting_approval"] * 2
    assert len(world.run_hash(session, run_id)) == 32


def test_a_new_payment_does_not_join_a_run_that_was_put_forward(
    session: Session, world: World
) -> None:
    run_id = make_waiting_run(session, world)
    assert world.create(session).run_id != str(run_id)


def test_approval_books_and_releases(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert world.run_state(session, run_id) == "released"
    assert world.payment_states(session, run_id) == ["released"] * 2
    assert get_balance(session, BODY, "programme_expenditure") == 60000
    submission = session.execute(text("SELECT payment_count, total_pence FROM submission")).one()
    assert tuple(submission) == (2, 60000)


def test_a_roll_number_goes_to_the_building_society(session: Session, world: World) -> None:
    payee = PayeeOrder("Morag Fictional", "personal", "99-00-01", "10000012", "D/123-4")
    made = world.create(session, payee=payee)
    release_hold(session, made.payment_id, "Seen the passbook", UNA, NOW)
    put_forward(session, world.desk.vault, UUID(made.run_id), UNA, NOW)
    signed = world.run_hash(session, made.run_id)
    approve(session, UUID(made.run_id), signed, ALAN, NOW)
    write_file(session, world)
    sent = session.execute(text("SELECT reference FROM submission_item")).scalars().all()
    assert sent == ["D/123-4"]


def test_where_a_person_releases_approval_waits_for_them(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world, "clothing-grant")
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert world.run_state(session, run_id) == "approved"
    assert session.execute(text("SELECT count(*) FROM submission")).scalar_one() == 0
    before = world.snapshot(session)
    with pytest.raises(Forbidden) as refused:
        release(session, run_id, ALAN, NOW)
    assert refused.value.code == "same_person"
    assert world.snapshot(session) == before
    release(session, run_id, UNA, NOW)
    assert world.run_state(session, run_id) == "released"


def test_two_approvers_are_two_people(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world, "big-grant")
    digest = world.run_hash(session, run_id)
    approve(session, run_id, digest, ALAN, NOW)
    assert world.run_state(session, run_id) == "awaiting_approval"
    with pytest.raises(Forbidden):
        approve(session, run_id, digest, ALAN, NOW)
    approve(session, run_id, digest, AVA, NOW)
    assert world.run_state(session, run_id) == "approved"


def test_held_payments_are_carried_over(session: Session, world: World) -> None:
    made = world.create(session)
    held = world.create(session, check_id=None)
    assert held.run_id == made.run_id
    put_forward(session, world.desk.vault, UUID(made.run_id), UNA, NOW)
    assert world.payment_states(session, made.run_id) == ["awaiting_approval"]
    later = world.create(session)
    assert world.payment_states(session, later.run_id) == ["held", "ready"]


def test_an_empty_run_is_not_put_forward(session: Session, world: World) -> None:
    held = world.create(session, check_id=None)
    before = world.snapshot(session)
    with pytest.raises(Conflict) as refused:
        put_forward(session, world.desk.vault, UUID(held.run_id), UNA, NOW)
    assert refused.value.code == "run_empty"
    assert world.snapshot(session) == before


def test_a_rejected_run_can_be_put_forward_again(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    first = world.run_hash(session, run_id)
    with pytest.raises(Invalid):
        reject(session, run_id, "  ", ALAN, NOW)
    reject(session, run_id, "Wrong programme", ALAN, NOW)
    assert world.run_state(session, run_id) == "correcting"
    assert world.payment_states(session, run_id) == ["rejected"] * 2
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    assert world.payment_states(session, run_id) == ["awaiting_approval"] * 2
    assert world.run_hash(session, run_id) == first


# Who may not approve, whatever roles they have.


def test_who_put_forward_cannot_approve(session: Session, world: World) -> None:
    made = world.create(session)
    run_id = UUID(made.run_id)
    put_forward(session, world.desk.vault, run_id, BOTH, NOW)
    _refused(session, world, run_id, BOTH, "same_person")


def test_who_removed_a_payment_cannot_approve(session: Session, world: World) -> None:
    run_id = UUID(world.create(session).run_id)
    removed = world.create(session)
    remove_payment(session, removed.payment_id, "Paid in cash", BOTH, NOW)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    _refused(session, world, run_id, BOTH, "same_person")


def test_who_released_a_hold_cannot_approve(session: Session, world: World) -> None:
    held = world.create(session, check_id=None)
    release_hold(session, held.payment_id, "Seen the bank card", BOTH, NOW)
    put_forward(session, world.desk.vault, UUID(held.run_id), UNA, NOW)
    _refused(session, world, UUID(held.run_id), BOTH, "same_person")


def test_who_edited_a_payment_cannot_approve_the_run_it_is_carried_over_to(
    session: Session, world: World
) -> None:
    world.create(session)
    held = world.create(session, check_id=None)
    correction = Correction(
        "Another Fictional", "personal", "99-00-01", "10000012", "", 99900, "SWH-EDITED"
    )
    edit_payment(session, world.desk, held.payment_id, correction, None, BOTH, NOW)
    put_forward(session, world.desk.vault, UUID(held.run_id), UNA, NOW)
    later = UUID(world.create(session).run_id)
    release_hold(session, held.payment_id, "Seen the bank card", UNA, NOW)
    put_forward(session, world.desk.vault, later, UNA, NOW)
    assert world.payment_states(session, later) == ["awaiting_approval"] * 2
    _refused(session, world, later, BOTH, "same_person")


def test_other_content_than_was_seen_is_not_approved(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    _refused(session, world, run_id, ALAN, "run_changed", digest=bytes(32))


def test_content_changed_behind_our_back_is_not_approved(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    session.execute(text("UPDATE payment SET amount_pence = amount_pence + 1"))
    _refused(session, world, run_id, ALAN, "run_changed")


def _refused(
    session: Session,
    world: World,
    run_id: UUID,
    actor: Actor,
    code: str,
    digest: bytes | None = None,
) -> None:
    before = world.snapshot(session)
    digest = digest or world.run_hash(session, run_id)
    with pytest.raises(Problem) as refused, session.begin_nested():
        approve(session, run_id, digest, actor, NOW)
    assert refused.value.code == code
    assert world.snapshot(session) == before


# Every step, by every role, in every state.

Action = Callable[[Session, World, UUID, str, Actor], None]
ACTIONS: dict[str, Action] = {
    "put_forward": lambda s, w, r, _p, a: put_forward(s, w.desk.vault, r, a, NOW),
    "approve": lambda s, w, r, _p, a: approve(s, r, w.run_hash(s, r), a, NOW),
    "reject": lambda s, _w, r, _p, a: reject(s, r, "reason", a, NOW),
    "release": lambda s, _w, r, _p, a: release(s, r, a, NOW),
    "recall": lambda s, _w, r, _p, a: recall_run(s, r, "reason", a, NOW),
    "remove": lambda s, _w, _r, p, a: remove_payment(s, p, "reason", a, NOW),
    "override": lambda s, _w, _r, p, a: release_hold(s, p, "reason", a, NOW),
}


def _bring(session: Session, world: World, state: str) -> tuple[UUID, str]:
    """Return a run in this state and one of its payments."""
    made = world.create(session, programme="clothing-grant")
    run_id, vault = UUID(made.run_id), world.desk.vault
    if state == "collecting":
        return run_id, made.payment_id
    put_forward(session, vault, run_id, UNA, NOW)
    if state == "correcting":
        reject(session, run_id, "reason", AVA, NOW)
    if state in ("approved", "released", "submitted", "closed"):
        approve(session, run_id, world.run_hash(session, run_id), AVA, NOW)
    if state in ("released", "submitted", "closed"):
        release(session, run_id, UNA, NOW)
    # States that work in the background passes through, or leads to, are set by hand.
    if state not in ("awaiting_approval", "correcting", "approved", "released"):
        session.execute(text("UPDATE run SET state = :state"), {"state": state})
    return run_id, made.payment_id


@pytest.mark.parametrize("state", RUN_MOVES)
@pytest.mark.parametrize("step", ACTIONS)
def test_every_step_by_every_role_in_every_state(
    session: Session, world: World, step: str, state: str
) -> None:
    run_id, payment_id = _bring(session, world, state)
    roles, states = STEPS[step]  # type: ignore[index]  # a value that the test chose
    before = world.snapshot(session)
    for role in ROLE_NAMES:
        refusal = ""
        tried = session.begin_nested()
        try:
            ACTIONS[step](session, world, run_id, payment_id, staff("Somebody", role))
        except Problem as problem:
            refusal = problem.code
        changed = world.snapshot(session) != before
        assert changed == (refusal == ""), role
        tried.rollback()
        if role not in roles:
            assert refusal == "role_missing", role
        elif state not in states:
            assert refusal == "run_state", role
        else:
            assert refusal == ("payment_not_held" if step == "override" else ""), role


@pytest.mark.parametrize("step", ACTIONS)
def test_runs_of_another_body_do_not_exist(session: Session, world: World, step: str) -> None:
    run_id, payment_id = _bring(session, world, "awaiting_approval")
    before = world.snapshot(session)
    with pytest.raises(NotFound), session.begin_nested():
        ACTIONS[step](session, world, run_id, payment_id, OTHER)
    assert world.snapshot(session) == before


def test_enquiry_only_looks(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    for step in ACTIONS.values():
        with pytest.raises(Problem), session.begin_nested():
            step(session, world, run_id, "x" * 26, ENID)


# Two at once: one winner, and the other is told why not.


def _race(database: Database, *steps: Callable[[Session], None]) -> list[str]:
    """Run steps at the same moment, each in its own transaction; return what came of each."""
    barrier = threading.Barrier(len(steps))
    answers = [""] * len(steps)

    def go(number: int) -> None:
        barrier.wait()
        try:
            with database.transaction() as session:
                steps[number](session)
            answers[number] = "done"
        except Problem as problem:
            answers[number] = problem.code

    threads = [threading.Thread(target=go, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.committed
@pytest.mark.parametrize("second", [ALAN, AVA], ids=["double click", "two approvers"])
def test_two_approvals_at_once_release_once(
    database: Database, world: World, second: Actor
) -> None:
    with database.transaction() as session:
        run_id = make_waiting_run(session, world)
        digest = world.run_hash(session, run_id)
    answers = _race(
        database,
        lambda session: approve(session, run_id, digest, ALAN, NOW),
        lambda session: approve(session, run_id, digest, second, NOW),
    )
    assert sorted(answers) == ["done", "run_state"]
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM submission")).scalar_one() == 1
        assert session.execute(text("SELECT count(*) FROM run_approval")).scalar_one() == 1
        assert get_balance(session, BODY, "programme_expenditure") == 60000


@pytest.mark.committed
def test_approval_and_removal_at_once_have_one_winner(database: Database, world: World) -> None:
    with database.transaction() as session:
        made = world.create(session)
        world.create(session)
        run_id = UUID(made.run_id)
        put_forward(session, world.desk.vault, run_id, UNA, NOW)
        digest = world.run_hash(session, run_id)
    answers = _race(
        database,
        lambda session: approve(session, run_id, digest, ALAN, NOW),
        lambda session: remove_payment(session, made.payment_id, "reason", UNA, NOW),
    )
    assert sorted(answers) == ["done", "run_state"]
    with database.transaction() as session:
        expected = "released" if answers[0] == "done" else "correcting"
        assert world.run_state(session, run_id) == expected


@pytest.mark.committed
def test_a_payment_that_comes_while_its_run_is_put_forward_is_in_one_run(
    database: Database, world: World
) -> None:
    with database.transaction() as session:
        run_id = UUID(world.create(session).run_id)
    answers = _race(
        database,
        lambda session: put_forward(session, world.desk.vault, run_id, UNA, NOW),
        lambda session: void(world.create(session)),
    )
    assert answers == ["done", "done"]
    with database.transaction() as session:
        signed = set(world.payment_states(session, run_id))
        assert signed == {"awaiting_approval"}


def void(_made: object) -> None:
    """Return nothing, so that a step can be an expression."""
