"""A held payment goes on by another person's decision, which is kept for good."""

from collections.abc import Callable

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.payees.overrides.models import hold_override
from payments.runs.actions.create import PayeeOrder
from payments.runs.actions.edit import Correction, edit_payment, release_hold
from payments.runs.rules import APPROVER, AUDITOR, ROLE_NAMES, UPLOADER
from shared.db import Database
from shared.errors import Forbidden, Invalid
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, BODY, NOW, UNA, World, staff

OpenConsole = Callable[..., Console]
MORAG = PayeeOrder("Morag Fictional", "personal", "99-00-01", "10000012")


def _held(session: Session, world: World) -> str:
    check = world.check(session, MORAG, outcome="no_match", reason_code="ANNM")
    return world.create(session, payee=MORAG, check_id=check).payment_id


def test_the_decision_is_kept_with_the_policy_that_held(session: Session, world: World) -> None:
    public_id = _held(session, world)
    release_hold(session, public_id, "Saw the bank letter", ALAN, NOW)
    row = session.execute(select(hold_override)).one()
    assert (row.hold_code, row.outcome, row.reason_code) == ("name_no_match", "no_match", "ANNM")
    assert (row.policy_version, row.reason) == ("test", "Saw the bank letter")
    assert (row.person_id, row.organisation, row.decided_at) == (ALAN.id, BODY, NOW)
    for statement in ("UPDATE hold_override SET reason = 'x'", "DELETE FROM hold_override"):
        with pytest.raises(Exception, match="permission denied"), session.begin_nested():
            session.execute(text(statement))


def test_who_edited_a_payment_does_not_release_it(session: Session, world: World) -> None:
    public_id = _held(session, world)
    change = Correction(
        "Morag Fictionals", "personal", "99-00-01", "10000012", "", 30000, "ANOTHER"
    )
    edit_payment(session, world.desk, public_id, change, None, UNA, NOW)
    before = world.snapshot(session)
    with pytest.raises(Forbidden, match="same_person"), session.begin_nested():
        release_hold(session, public_id, "I know them", UNA, NOW)
    assert world.snapshot(session) == before
    assert session.execute(select(hold_override)).all() == []
    release_hold(session, public_id, "I know them", staff("Uma", UPLOADER), NOW)


@pytest.mark.parametrize("kind", ["opened", "put_forward"])
def test_who_made_the_run_does_not_release_its_holds(
    session: Session, world: World, kind: str
) -> None:
    public_id = _held(session, world)
    session.execute(
        text(
            "INSERT INTO run_event (id, organisation, run_id, at, kind, actor_kind, actor_id,"
            " actor_name, details, correlation_id) SELECT gen_random_uuid(), organisation, run_id,"
            " now(), :kind, 'staff', :person, 'Una', '{}', 'c' FROM payment"
        ),
        {"kind": kind, "person": UNA.id},
    )
    with pytest.raises(Forbidden, match="same_person"), session.begin_nested():
        release_hold(session, public_id, "Reason", UNA, NOW)
    release_hold(session, public_id, "Reason", ALAN, NOW)


def test_no_reason_no_decision(session: Session, world: World) -> None:
    public_id = _held(session, world)
    with pytest.raises(Invalid), session.begin_nested():
        release_hold(session, public_id, " ", ALAN, NOW)
    assert session.execute(select(hold_override)).all() == []


@pytest.mark.parametrize("role", sorted(ROLE_NAMES))
def test_the_list_is_for_auditors_and_approvers(
    console: OpenConsole, database: Database, world: World, role: str
) -> None:
    with database.transaction() as session:
        public_id = _held(session, world)
        release_hold(session, public_id, "=Saw the letter", ALAN, NOW)
    one = console(staff("Role", role))
    page = one.get("/payments/payees/overrides?hold=name_no_match")
    allowed = role in (AUDITOR, APPROVER, "payments.payee_approver")
    assert (one.status == 200) == allowed
    assert ("Saw the letter" in page) == allowed
    answer = one.client.get("/payments/payees/overrides/download")
    assert (answer.status_code == 200) == allowed
    assert ("'=Saw the letter" in answer.text) == allowed
    other = console(staff("Role", role, organisation="glenmore"))
    assert "Saw the letter" not in other.get("/payments/payees/overrides")
