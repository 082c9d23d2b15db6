"""The checks of a proposal: possible as a number, and the name the bank holds."""

from uuid import UUID

from sqlalchemy import update

from payments.payees.actions import Checker, CheckRequest, check_name
from payments.payees.master.actions.decide import end_change
from payments.payees.master.models import payee_change
from payments.payees.master.queries import get_change, open_facts
from payments.payees.modulus.check import check_account
from shared.actors import SYSTEM, Actor, ActorKind
from shared.errors import Problem

_KINDS: dict[str, ActorKind] = {
    "citizen": "citizen",
    "staff": "staff",
    "service": "service",
    "system": "system",
}


def check_change(checker: Checker, organisation: str, change_id: UUID) -> None:
    """Check account and name of a proposal, so that it can be decided; done once.

    Claim, call, record: the bank is asked outside of every transaction. What is not being checked
    any more is left alone. Where the name may not be asked about again, the proposal is ended.
    """
    with checker.database.transaction() as session:
        change = get_change(session, organisation, change_id)
        if change.state != "checking":
            return
        facts = open_facts(checker.vault, change)
    actor = Actor(
        _KINDS[change.proposed_by_kind],
        change.proposed_by_id,
        organisation,
        name=change.proposed_by_name,
    )
    details = facts.details
    modulus = check_account(checker.tables.load(), details.sort_code, details.account_number)
    request = CheckRequest(
        organisation,
        facts.account_type,
        facts.name,
        details.sort_code,
        details.account_number,
        details.roll_number,
    )
    try:
        # An impossible number is nobody's: the bank is not asked, and nobody can confirm it.
        result = check_name(checker, request, actor)
    except Problem as problem:
        with checker.database.transaction() as session:
            words = problem.fields[0].message if problem.fields else problem.title
            end_change(
                session, organisation, change_id, "withdrawn", words, SYSTEM, checker.clock()
            )
        return
    with checker.database.transaction() as session:
        session.execute(
            update(payee_change)
            .where(payee_change.c.id == change_id, payee_change.c.state == "checking")
            .values(
                state="proposed",
                check_id=result.check_id,
                modulus_result=modulus.result,
                modulus_version=modulus.table_version,
            )
        )
