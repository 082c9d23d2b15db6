"""Ending a cooling-off takes a third person; what the bank advises becomes one proposal."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from payments.payees.bank_details import account_fingerprint, normalise
from payments.payees.master.actions.check import check_change
from payments.payees.master.actions.decide import hurry
from payments.payees.master.actions.propose import propose_change
from payments.payees.master.queries import find_payees, get_payee
from payments.payees.master.rules import PayeeFacts, PayeeHold, payee_hold
from shared.actors import SYSTEM, Actor
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.payees.master.desk import ABE, ANN, BODY, EDIE, MORAG, NOW, OTHER, Desk

NEW_ACCOUNT = normalise("990001", "10000024")


def _state(desk: Desk, payee_id: UUID) -> tuple[str, int]:
    with desk.database.transaction() as session:
        found = get_payee(session, BODY, payee_id)
    return found.state, found.version


def _hold(desk: Desk, facts: PayeeFacts) -> PayeeHold | None:
    key = account_fingerprint(desk.vault, facts.details)
    with desk.database.transaction() as session:
        return payee_hold(find_payees(session, BODY, [key]).get(key), desk.now)


# Ending the cooling-off early takes a third person.


@pytest.mark.parametrize(
    ("actor", "error"),
    [(EDIE, Forbidden), (ABE, Forbidden), (OTHER, NotFound)],
    ids=["no-approver", "who-confirmed", "other-body"],
)
def test_who_may_not_hurry(desk: Desk, actor: Actor, error: type[Problem]) -> None:
    payee_id = desk.make()
    change_id = desk.propose(replace(MORAG, details=NEW_ACCOUNT), payee_id=payee_id)
    desk.confirm(change_id)
    before = desk.look()
    with pytest.raises(error), desk.database.transaction() as session:
        hurry(session, change_id, "Urgent", actor, NOW)
    assert desk.look() == before


def test_a_third_person_ends_the_cooling_off_with_a_reason(desk: Desk) -> None:
    payee_id = desk.make()
    changed = replace(MORAG, details=NEW_ACCOUNT)
    change_id = desk.propose(changed, payee_id=payee_id)
    desk.confirm(change_id)
    with pytest.raises(Invalid), desk.database.transaction() as session:
        hurry(session, change_id, " ", ANN, NOW)
    assert _hold(desk, changed) is not None
    with desk.database.transaction() as session:
        hurry(session, change_id, "The heating is off", ANN, NOW)
    assert _hold(desk, changed) is None
    with pytest.raises(Conflict, match="not_cooling"), desk.database.transaction() as session:
        hurry(session, change_id, "Again", ANN, NOW)


# What the bank advises becomes a proposal, once.


def _advise(desk: Desk, payee_of: UUID | bytes) -> UUID | None:
    with desk.database.transaction() as session:
        return propose_change(
            session,
            desk.vault,
            BODY,
            payee_of,
            NEW_ACCOUNT,
            "awacs",
            "Account transferred (AWACS 3)",
            SYSTEM,
            NOW,
        )


@pytest.mark.parametrize("by", ["id", "account"])
def test_an_advice_becomes_one_proposal(desk: Desk, by: str) -> None:
    payee_id = desk.make()
    payee_of = payee_id if by == "id" else account_fingerprint(desk.vault, MORAG.details)
    change_id = _advise(desk, payee_of)
    assert change_id is not None
    assert _advise(desk, payee_of) == change_id
    check_change(desk.checker, BODY, change_id)
    desk.confirm(change_id)
    assert _state(desk, payee_id) == ("active", 2)
    assert _advise(desk, payee_id) is None


def test_an_advice_about_nobody_is_nothing(desk: Desk) -> None:
    assert _advise(desk, b"nobody") is None
    with pytest.raises(NotFound):
        _advise(desk, uuid4())
