"""A correction voids what was signed, is checked anew, and is never possible too late."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.ledger.queries import get_balance
from payments.runs.actions.approve import approve, put_forward, release
from payments.runs.actions.edit import Correction, edit_payment, release_hold, remove_payment
from payments.runs.models import payment, run_event
from shared.errors import Conflict, Forbidden, Invalid
from tests.payments.runs.world import ALAN, AVA, BODY, BOTH, NOW, UNA, World

CORRECTION = Correction(
    "Morag Fictional", "personal", "99-00-01", "10000012", "", 25000, "SWH-CORRECTED"
)


def _payment(session: Session, world: World, programme: str = "clothing-grant") -> tuple[UUID, str]:
    made = world.create(session, programme=programme)
    world.create(session, programme=programme)
    return UUID(made.run_id), made.payment_id


def _edit(session: Session, world: World, payment_id: str, **changes: object) -> None:
    kept = session.execute(
        select(payment.c.check_id).where(payment.c.public_id == payment_id)
    ).scalar_one()
    correction = replace(CORRECTION, **changes)  # type: ignore[arg-type]  # members by name
    edit_payment(session, world.desk, payment_id, correction, kept, UNA, NOW)


def test_an_edit_before_putting_forward_just_changes_it(session: Session, world: World) -> None:
    run_id, payment_id = _payment(session, world)
    _edit(session, world, payment_id)
    assert world.run_state(session, run_id) == "collecting"
    row = session.execute(select(payment).where(payment.c.public_id == payment_id)).one()
    assert (row.amount_pence, row.reference, row.state) == (25000, "SWH-CORRECTED", "ready")


def test_an_edit_after_putting_forward_sends_the_run_back(session: Session, world: World) -> None:
    run_id, payment_id = _payment(session, world)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    seen = world.run_hash(session, run_id)
    _edit(session, world, payment_id)
    assert world.run_state(session, run_id) == "correcting"
    assert world.payment_states(session, run_id) == ["ready", "ready"]
    with pytest.raises(Conflict):
        approve(session, run_id, seen, ALAN, NOW)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    assert world.run_hash(session, run_id) != seen
    with pytest.raises(Conflict) as refused:
        approve(session, run_id, seen, ALAN, NOW)
    assert refused.value.code == "run_changed"


def test_an_edit_after_approval_needs_a_new_approval(session: Session, world: World) -> None:
    run_id, payment_id = _payment(session, world)
    vault = world.desk.vault
    put_forward(session, vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert get_balance(session, BODY, "programme_expenditure") == 60000
    _edit(session, world, payment_id)
    assert get_balance(session, BODY, "programme_expenditure") == 0
    assert world.run_state(session, run_id) == "correcting"
    before = world.snapshot(session)
    with pytest.raises(Conflict):
        release(session, run_id, UNA, NOW)
    assert world.snapshot(session) == before
    put_forward(session, vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    release(session, run_id, UNA, NOW)
    assert get_balance(session, BODY, "programme_expenditure") == 55000
    total = session.execute(text("SELECT total_pence FROM submission")).scalar_one()
    assert total == 55000


def test_the_signature_of_one_of_two_approvers_is_void_after_an_edit(
    session: Session, world: World
) -> None:
    run_id, payment_id = _payment(session, world, "big-grant")
    vault = world.desk.vault
    put_forward(session, vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    _edit(session, world, payment_id)
    put_forward(session, vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), AVA, NOW)
    assert world.run_state(session, run_id) == "awaiting_approval"


def test_who_edited_cannot_approve_what_others_put_forward(session: Session, world: World) -> None:
    run_id, payment_id = _payment(session, world)
    check = session.execute(select(payment.c.check_id)).scalars().first()
    edit_payment(session, world.desk, payment_id, CORRECTION, check, BOTH, NOW)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    before, digest = world.snapshot(session), world.run_hash(session, run_id)
    with pytest.raises(Forbidden), session.begin_nested():
        approve(session, run_id, digest, BOTH, NOW)
    assert world.snapshot(session) == before


def test_another_payee_needs_another_check(session: Session, world: World) -> None:
    run_id, payment_id = _payment(session, world)
    _edit(session, world, payment_id, account_number="10000024")
    assert world.payment_states(session, run_id) == ["held", "ready"]
    code = session.execute(
        select(payment.c.hold_code).where(payment.c.public_id == payment_id)
    ).scalar_one()
    assert code == "details_changed"


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"amount_pence": 0}, ["amount"]),
        ({"sort_code": "12"}, ["sort_code"]),
        (
            {"payee_name": "", "reference": "", "account_number": "x"},
            ["payee_name", "reference", "account_number"],
        ),
    ],
)
def test_a_bad_correction_changes_nothing(
    session: Session, world: World, change: dict[str, object], fields: list[str]
) -> None:
    run_id, payment_id = _payment(session, world)
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    before = world.snapshot(session)
    with pytest.raises(Invalid) as refused, session.begin_nested():
        _edit(session, world, payment_id, **change)
    assert [fault.field for fault in refused.value.fields] == fields
    assert world.snapshot(session) == before


def test_an_edit_is_no_way_round_the_hold_of_a_duplicate(session: Session, world: World) -> None:
    world.create(session, reference="SAME", amount_pence=25000)
    held = world.create(session, reference="SAME", amount_pence=25000)
    assert held.state == "held"
    _edit(session, world, held.payment_id, reference="SAME")
    row = session.execute(select(payment).where(payment.c.public_id == held.payment_id)).one()
    assert (row.state, row.hold_code) == ("held", "duplicate")
    _edit(session, world, held.payment_id, reference="ANOTHER")
    assert world.payment_states(session, held.run_id) == ["ready", "ready"]


def test_nothing_is_corrected_after_release(session: Session, world: World) -> None:
    run_id, payment_id = _payment(session, world, "winter-heating")
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    before = world.snapshot(session)
    with pytest.raises(Conflict), session.begin_nested():
        _edit(session, world, payment_id)
    assert world.snapshot(session) == before


def test_a_removed_payment_is_not_signed_and_not_paid(session: Session, world: World) -> None:
    run_id, payment_id = _payment(session, world, "winter-heating")
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    remove_payment(session, payment_id, "Not entitled", UNA, NOW)
    assert world.payment_states(session, run_id) == ["cancelled", "ready"]
    put_forward(session, world.desk.vault, run_id, UNA, NOW)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert world.payment_states(session, run_id) == ["cancelled", "released"]
    assert session.execute(text("SELECT total_pence FROM submission")).scalar_one() == 30000


def test_removing_and_releasing_a_hold_need_a_reason(session: Session, world: World) -> None:
    held = world.create(session, check_id=None)
    before = world.snapshot(session)
    for step in (remove_payment, release_hold):
        with pytest.raises(Invalid), session.begin_nested():
            step(session, held.payment_id, " ", UNA, NOW)
    assert world.snapshot(session) == before


def test_a_released_hold_keeps_its_reason(session: Session, world: World) -> None:
    held = world.create(session, check_id=None)
    release_hold(session, held.payment_id, "Saw the bank letter", UNA, NOW)
    assert world.payment_states(session, held.run_id) == ["ready"]
    kept = session.execute(
        select(run_event.c.details).where(run_event.c.kind == "hold_released")
    ).scalar_one()
    assert kept["reason"] == "Saw the bank letter"


def test_the_history_of_a_run_is_never_changed(session: Session, world: World) -> None:
    world.create(session)
    for statement in ("UPDATE run_event SET kind = 'x'", "DELETE FROM run_event"):
        with pytest.raises(Exception, match="permission denied"), session.begin_nested():
            session.execute(text(statement))
