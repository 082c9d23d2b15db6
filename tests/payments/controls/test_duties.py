"""Whoever did one thing to a run is kept from another, whatever their roles."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.duties import DUTIES, find_conflict, is_sole_approver
from payments.controls.queries.duties import list_doers
from payments.runs.actions.approve import approve, put_forward
from payments.runs.actions.edit import Correction, edit_payment, release_hold, remove_payment
from shared.actors import Actor
from shared.errors import Forbidden
from shared.ids import new_id
from tests.payments.runs.world import ALAN, BODY, NOW, UNA, World, staff

ROLES = ("payments.uploader", "payments.approver", "payments.payee_editor")
BOTH = staff("Both", *ROLES)


def _run(session: Session, world: World) -> UUID:
    return UUID(world.create(session, programme="big-grant").run_id)


def _payment(session: Session) -> str:
    return str(session.execute(text("SELECT public_id FROM payment LIMIT 1")).scalar_one())


def _uploaded(session: Session, _world: World, run_id: UUID) -> None:
    session.execute(
        text(
            "INSERT INTO upload (id, organisation, programme_id, reference, format, filename,"
            " sha256, size, chunks, declared_count, declared_pence, account_type, source, state,"
            " run_id, sent_by_kind, sent_by_id, sent_by_name, correlation_id, created_at, state_at)"
            " SELECT :id, organisation, programme_id, 'UPL-1', 'csv', 'x.csv', sha256('x'), 1, 1,"
            " 1, 1, 'personal', 'page', 'created', id, 'staff', :person, 'Both', 'x', :now, :now"
            " FROM run WHERE id = :run"
        ),
        {"id": new_id(), "person": BOTH.id, "run": run_id, "now": NOW},
    )


def _edited(session: Session, world: World, _run: UUID) -> None:
    correction = Correction(
        "Morag Fictional", "personal", "99-00-01", "10000012", "", 30000, "SWH-OTHER"
    )
    check = world.check(session, world.order(session).payee)
    edit_payment(session, world.desk, _payment(session), correction, check, BOTH, NOW)


def _removed(session: Session, world: World, _run: UUID) -> None:
    more = world.create(session, programme="big-grant")
    remove_payment(session, more.payment_id, "Not entitled", BOTH, NOW)


def _hold_released(session: Session, world: World, _run: UUID) -> None:
    held = world.create(session, programme="big-grant", check_id=None)
    release_hold(session, held.payment_id, "Seen the card", BOTH, NOW)


def _overrode_name(session: Session, _world: World, run_id: UUID) -> None:
    session.execute(
        text(
            "INSERT INTO hold_override (id, organisation, payment_id, payment_reference,"
            " amount_pence, hold_code, hold_reason, policy_version, reason, person_id,"
            " person_name, decided_at, correlation_id)"
            " SELECT :id, organisation, id, reference, amount_pence, 'name_no_match', 'x', '1',"
            " 'Seen', :person, 'Both', :now, 'x' FROM payment WHERE run_id = :run LIMIT 1"
        ),
        {"id": new_id(), "person": BOTH.id, "run": run_id, "now": NOW},
    )


def _put_forward(_session: Session, _world: World, _run: UUID) -> None:
    """Nothing before: the test puts the run forward as this person."""


def _approved(session: Session, world: World, run_id: UUID) -> None:
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), BOTH, NOW)


Deed = Callable[[Session, World, UUID], None]
DEEDS: dict[str, Deed] = {
    "uploaded": _uploaded,
    "put_forward": _put_forward,
    "edited": _edited,
    "removed": _removed,
    "hold_released": _hold_released,
    "overrode_name": _overrode_name,
    "approved": _approved,
}
# These are written by other rooms' pages; their rows are tested there and read here.
ELSEWHERE = {"cleared_case", "changed_payee", "scheduled"}


def test_every_duty_has_its_test() -> None:
    assert {duty.deed for duty in DUTIES} == set(DEEDS) | ELSEWHERE


@pytest.mark.parametrize("deed", DEEDS)
def test_who_did_it_does_not_approve(session: Session, world: World, deed: str) -> None:
    run_id = _run(session, world)
    DEEDS[deed](session, world, run_id)
    if deed != "approved":
        actor: Actor = BOTH if deed == "put_forward" else UNA
        put_forward(session, world.desk.vault, run_id, actor, NOW)
    (duty,) = [duty for duty in DUTIES if duty.deed == deed]
    assert BOTH.id in list_doers(session, run_id)[duty.deed]
    before = world.snapshot(session)
    with pytest.raises(Forbidden) as refused, session.begin_nested():
        approve(session, run_id, world.run_hash(session, run_id), BOTH, NOW)
    assert refused.value.code == "same_person"
    assert duty.sentence in refused.value.detail
    assert world.snapshot(session) == before
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.deed)
def test_a_duty_is_about_its_person_and_its_step(duty: object) -> None:
    deed = duty.deed  # type: ignore[attr-defined]  # only this kind has it
    assert find_conflict("alan", "approve", {deed: {"alan"}}) == duty
    assert find_conflict("ava", "approve", {deed: {"alan"}}) is None
    assert find_conflict("alan", "release", {deed: {"alan"}}) is None


def test_the_releaser_is_not_the_only_approver() -> None:
    assert is_sole_approver("alan", ["alan"])
    assert is_sole_approver("alan", ["alan", "alan"])
    assert not is_sole_approver("alan", ["alan", "ava"])
    assert not is_sole_approver("una", ["alan"])


def test_nobody_of_another_body_is_mixed_in(session: Session, world: World) -> None:
    run_id = _run(session, world)
    assert BODY
    assert list_doers(session, run_id) == {}
