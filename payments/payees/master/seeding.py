"""Payees of the demonstration: proposed by one invented person and confirmed by another."""

from datetime import timedelta

from sqlalchemy import func, select

from payments.payees.actions import Checker
from payments.payees.bank_details import AccountType
from payments.payees.iban import read_details
from payments.payees.master.actions.check import check_change
from payments.payees.master.actions.decide import confirm
from payments.payees.master.actions.propose import Proposal, propose
from payments.payees.master.models import payee
from payments.payees.master.rules import PAYEE_APPROVER, PayeeFacts
from shared.actors import Actor

_COOLING = timedelta(hours=24)
_REASON = "Demonstration data"


def seed_payee(
    checker: Checker,
    organisation: str,
    *,
    reference: str,
    name: str,
    account_type: AccountType,
    sort_code: str = "",
    account_number: str = "",
    roll_number: str = "",
    iban: str = "",
    beneficiary: str = "",
    gl_code: str = "",
    email: str = "",
    confirmed: bool = True,
) -> int:
    """Make one payee where its reference is new; returns 1 then, else 0.

    One that is not confirmed is left for people to try the decision on.
    """
    with checker.database.transaction() as session:
        there = session.execute(
            select(func.count()).where(
                payee.c.organisation == organisation, payee.c.reference == reference
            )
        ).scalar_one()
    if there:
        return 0
    details = read_details(sort_code, account_number, roll_number, iban)
    facts = PayeeFacts(name, account_type, details, reference, beneficiary, gl_code, email)
    wanted = Proposal(organisation, facts, "demonstration", _REASON)
    editor = Actor("system", "demo-editor", organisation, name="Demonstration editor")
    with checker.database.transaction() as session:
        change_id = propose(
            session, checker.vault, wanted, editor, checker.clock(), check_after=_COOLING
        )
    check_change(checker, organisation, change_id)
    if confirmed:
        roles = frozenset({PAYEE_APPROVER})
        approver = Actor("system", "demo-approver", organisation, roles, "Demonstration approver")
        with checker.database.transaction() as session:
            confirm(
                session,
                checker.vault,
                change_id,
                _REASON,
                approver,
                checker.clock(),
                cooling=_COOLING,
            )
    return 1
