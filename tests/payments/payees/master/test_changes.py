"""A payee's details change by two people, cool off, and are never altered behind their backs."""

import threading
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.payees.bank_details import account_fingerprint, normalise
from payments.payees.master.actions.check import check_change
from payments.payees.master.actions.decide import confirm, reject, withdraw
from payments.payees.master.actions.propose import Proposal, propose
from payments.payees.master.queries import find_payees, get_change, get_payee, open_facts
from payments.payees.master.rules import PayeeFacts, PayeeHold, list_differences, payee_hold
from payments.payees.provider import NameAnswer
from shared.actors import Actor
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.payees.master.desk import (
    ABE,
    ANN,
    BODY,
    BOTH,
    DAY,
    EDIE,
    MORAG,
    NOW,
    OTHER,
    Bank,
    Desk,
    snapshot,
)

NEW_ACCOUNT = normalise("990001", "10000024")


def _state(desk: Desk, payee_id: UUID) -> tuple[str, int]:
    with desk.database.transaction() as session:
        found = get_payee(session, BODY, payee_id)
    return found.state, found.version


def _hold(desk: Desk, facts: PayeeFacts, later: timedelta = timedelta()) -> PayeeHold | None:
    key = account_fingerprint(desk.vault, facts.details)
    with desk.database.transaction() as session:
        return payee_hold(find_payees(session, BODY, [key]).get(key), desk.now + later)


def test_a_payee_is_in_force_only_after_another_person_confirmed(desk: Desk) -> None:
    change_id = desk.propose()
    assert [(q.name, q.identification) for q in desk.bank.questions] == [
        ("Morag Fictional", "99000110000012")
    ]
    with desk.database.transaction() as session:
        payee_id = get_change(session, BODY, change_id).payee_id
        key = account_fingerprint(desk.vault, MORAG.details)
        assert find_payees(session, BODY, [key]) == {}
    assert _state(desk, payee_id) == ("proposed", 0)
    desk.confirm(change_id)
    assert _state(desk, payee_id) == ("active", 1)
    assert _hold(desk, MORAG) is None


def test_bank_details_and_email_are_sealed(desk: Desk) -> None:
    change_id = desk.propose(replace(MORAG, email="morag@example.org"))
    with desk.database.transaction() as session:
        change = get_change(session, BODY, change_id)
        row = str(
            session.execute(text("SELECT to_jsonb(c)::text FROM payee_change c")).scalar_one()
        )
        trail = str(
            session.execute(text("SELECT jsonb_agg(details) FROM audit_event")).scalar_one()
        )
    for secret in ("10000012", "morag@example.org"):
        assert secret not in row
        assert secret not in trail
    assert open_facts(desk.vault, change).email == "morag@example.org"
    assert open_facts(desk.vault, change).details.account_number == "10000012"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(-1, "payee_cooling_off"), (0, None), (1, None)],
    ids=["before", "at", "after"],
)
def test_changed_details_cool_off_to_the_second(desk: Desk, seconds: int, code: str | None) -> None:
    payee_id = desk.make()
    changed = replace(MORAG, details=NEW_ACCOUNT)
    desk.confirm(desk.propose(changed, payee_id=payee_id))
    hold = _hold(desk, changed, DAY + timedelta(seconds=seconds))
    assert (hold.code if hold else None) == code
    assert _hold(desk, MORAG) is None  # the old account is nobody's now


def test_a_change_of_other_facts_does_not_cool_off_and_asks_no_bank(desk: Desk) -> None:
    payee_id = desk.make()
    asked = len(desk.bank.questions)
    desk.confirm(desk.propose(replace(MORAG, gl_code="4100"), payee_id=payee_id))
    assert len(desk.bank.questions) == asked
    assert _hold(desk, MORAG) is None
    with desk.database.transaction() as session:
        assert get_payee(session, BODY, payee_id).details_changed_at is None


def test_changed_details_are_told_for_thirty_days(desk: Desk) -> None:
    payee_id = desk.make()
    changed = replace(MORAG, details=NEW_ACCOUNT)
    desk.confirm(desk.propose(changed, payee_id=payee_id))
    key = account_fingerprint(desk.vault, NEW_ACCOUNT)
    with desk.database.transaction() as session:
        view = find_payees(session, BODY, [key])[key]
    assert view.is_recently_changed(NOW + timedelta(days=30) - timedelta(seconds=1))
    assert not view.is_recently_changed(NOW + timedelta(days=30))


@pytest.mark.parametrize(
    ("actor", "error"),
    [
        (EDIE, Forbidden),
        (Actor("staff", "person-Edie", BODY, ABE.roles, "Edie"), Forbidden),
        (OTHER, NotFound),
    ],
    ids=["no-approver", "same-person", "other-body"],
)
@pytest.mark.parametrize("step", ["confirm", "reject"])
def test_who_may_not_decide_changes_nothing(
    desk: Desk, actor: Actor, error: type[Problem], step: str
) -> None:
    change_id = desk.propose()
    before = desk.look()
    with pytest.raises(error), desk.database.transaction() as session:
        _decide(session, desk, step, change_id, actor)
    assert desk.look() == before


def _decide(session: Session, desk: Desk, step: str, change_id: UUID, actor: Actor) -> None:
    if step == "confirm":
        confirm(session, desk.vault, change_id, "x", actor, NOW, cooling=DAY)
    else:
        reject(session, change_id, "x", actor, NOW)


def test_the_database_itself_refuses_one_person_for_both(desk: Desk) -> None:
    desk.propose(actor=BOTH)
    with pytest.raises(Exception, match="second_person"), desk.database.transaction() as session:
        session.execute(
            text(
                "UPDATE payee_change SET state = 'confirmed', version = 1, decided_at = now(),"
                " decided_by_id = proposed_by_id"
            )
        )
    with (
        pytest.raises(Exception, match="permission denied"),
        desk.database.transaction() as session,
    ):
        session.execute(text("UPDATE payee_change SET account_tail = '0000'"))
    with (
        pytest.raises(Exception, match="permission denied"),
        desk.database.transaction() as session,
    ):
        session.execute(text("DELETE FROM payee"))


def test_of_two_approvers_one_wins(desk: Desk) -> None:
    change_id = desk.propose()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def decide(actor: Actor) -> None:
        start.wait()
        try:
            desk.confirm(change_id, actor)
            outcomes.append("confirmed")
        except Conflict as conflict:
            outcomes.append(conflict.code)

    threads = [threading.Thread(target=decide, args=(actor,)) for actor in (ABE, ANN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["change_decided", "confirmed"]
    with desk.database.transaction() as session:
        assert session.execute(text("SELECT version FROM payee")).scalar_one() == 1


@pytest.mark.parametrize("code", ["ANNM", "AC01", "MBAM", "BAMM", "PAMM", "IVCR"])
def test_a_check_that_would_hold_a_payment_needs_a_reason(desk: Desk, code: str) -> None:
    desk.bank = Bank(NameAnswer(matched=False, reason_code=code))
    change_id = desk.propose()
    before = desk.look()
    with pytest.raises(Invalid) as refused:
        desk.confirm(change_id)
    assert [fault.field for fault in refused.value.fields] == ["reason"]
    assert desk.look() == before
    desk.confirm(change_id, reason="Saw the bank letter")


@pytest.mark.parametrize("code", ["BANM", "PANM", "ACNS", "OPTO", "SCNS", "CASS"])
def test_a_check_that_only_warns_needs_none(desk: Desk, code: str) -> None:
    desk.bank = Bank(NameAnswer(matched=False, reason_code=code))
    desk.make()


def test_an_account_of_another_payee_needs_a_reason(desk: Desk) -> None:
    desk.make()
    change_id = desk.propose(replace(MORAG, name="Hamish Fictional"))
    with pytest.raises(Invalid):
        desk.confirm(change_id)
    desk.confirm(change_id, reason="A joint account")
    key = account_fingerprint(desk.vault, MORAG.details)
    with desk.database.transaction() as session:
        assert find_payees(session, BODY, [key])[key].several


def test_an_old_name_check_confirms_nothing(desk: Desk) -> None:
    change_id = desk.propose()
    desk.now = NOW + timedelta(days=90)
    with pytest.raises(Conflict, match="check_expired"):
        desk.confirm(change_id)


@pytest.mark.parametrize("end", ["reject", "withdraw"])
def test_a_refused_payee_is_out_and_its_reference_free(desk: Desk, end: str) -> None:
    facts = replace(MORAG, reference="SUP-1")
    change_id = desk.propose(facts)
    with desk.database.transaction() as session:
        if end == "reject":
            reject(session, change_id, "Not ours", ABE, NOW)
        else:
            withdraw(session, change_id, "", EDIE, NOW)
        payee_id = get_change(session, BODY, change_id).payee_id
    assert _state(desk, payee_id) == ("refused", 0)
    desk.make(facts)
    with pytest.raises(Conflict, match="change_decided"):
        desk.confirm(change_id)


def test_only_the_proposer_withdraws(desk: Desk) -> None:
    change_id = desk.propose()
    before = desk.look()
    with pytest.raises(Forbidden), desk.database.transaction() as session:
        withdraw(session, change_id, "", BOTH, NOW)
    assert desk.look() == before


def test_a_reference_belongs_to_one_payee(desk: Desk) -> None:
    facts = replace(MORAG, reference="SUP-1")
    desk.make(facts)
    before = desk.look()
    with pytest.raises(Conflict, match="reference_taken"):
        desk.propose(replace(facts, details=NEW_ACCOUNT))
    assert desk.look() == before


def test_one_change_at_a_time_and_never_nothing(desk: Desk) -> None:
    payee_id = desk.make()
    with pytest.raises(Invalid, match="Check what you entered"):
        desk.propose(MORAG, payee_id=payee_id)
    desk.propose(replace(MORAG, gl_code="1"), payee_id=payee_id)
    before = desk.look()
    with pytest.raises(Conflict, match="change_waits"):
        desk.propose(replace(MORAG, gl_code="2"), payee_id=payee_id)
    assert desk.look() == before


def test_of_two_proposals_at_once_one_wins(desk: Desk) -> None:
    payee_id = desk.make()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def suggest(code: str) -> None:
        start.wait()
        try:
            desk.propose(replace(MORAG, gl_code=code), payee_id=payee_id)
            outcomes.append("proposed")
        except Conflict as conflict:
            outcomes.append(conflict.code)

    threads = [threading.Thread(target=suggest, args=(code,)) for code in "12"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["change_waits", "proposed"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 141}, "name"),
        ({"beneficiary": "a\nb"}, "beneficiary"),
        ({"account_type": "other"}, "account_type"),
        ({"reference": "="}, "reference"),
        ({"gl_code": "<"}, "gl_code"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c.org"}, "email"),
        ({"notes": "x" * 1001}, "notes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_proposal_changes_nothing(desk: Desk, change: dict[str, str], field: str) -> None:
    before = desk.look()
    with pytest.raises(Invalid) as refused:
        desk.propose(replace(MORAG, **change))  # type: ignore[arg-type]  # wrong on purpose
    assert [fault.field for fault in refused.value.fields] == [field]
    assert desk.look() == before


def test_checking_twice_asks_once(desk: Desk) -> None:
    change_id = desk.propose()
    check_change(desk.checker, BODY, change_id)
    assert len(desk.bank.questions) == 1


def test_the_fishing_limit_ends_a_proposal(desk: Desk) -> None:
    for number in range(10):
        change_id = desk.propose(replace(MORAG, name=f"Name {number}"))
        with desk.database.transaction() as session:
            withdraw(session, change_id, "", EDIE, NOW)
    change_id = desk.propose(replace(MORAG, name="Name 11"))
    assert len(desk.bank.questions) == 10
    with desk.database.transaction() as session:
        change = get_change(session, BODY, change_id)
    assert (change.state, change.check_id) == ("withdrawn", None)


def test_a_difference_hidden_by_the_mask_is_told(desk: Desk) -> None:
    other = replace(MORAG, details=normalise("990001", "20000012"))
    told = list_differences(MORAG, other)
    assert [(one.field, one.old, one.new) for one in told] == [
        ("account_number", "••••0012", "••••0012")
    ]


def test_refusals_inside_a_session_leave_it_usable(payments_session: Session, desk: Desk) -> None:
    before = snapshot(payments_session)
    with pytest.raises(NotFound), payments_session.begin_nested():
        propose(
            payments_session,
            desk.vault,
            Proposal(BODY, MORAG, "page", "x", uuid4()),
            EDIE,
            NOW,
        )
    assert snapshot(payments_session) == before
