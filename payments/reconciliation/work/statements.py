"""Statements that do not continue the one before: taken or set aside by two people."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from payments.reconciliation.matching import reconcile_account
from payments.reconciliation.work.actions import Desk, decide, lock_for_decision
from payments.reconciliation.work.notes import check_words
from shared import audit
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.ids import new_id

KINDS = {
    "accept_statement": "Take it as it is",
    "set_aside_statement": "Set it aside",
}
_FIND = text(
    "SELECT s.id, s.bank_account_id, s.state FROM statement s WHERE s.id = :id AND s.body = :body"
    " FOR UPDATE"
)
_PROPOSE = text(
    """
    INSERT INTO reconciliation_proposal (id, body, bank_account_id, kind, statement_id, reason,
      proposed_by, proposed_name, proposed_at)
    VALUES (:id, :body, :account, :kind, :statement, :reason, :by, :name, :now)
    """
)
_SET_ASIDE = text("UPDATE statement SET state = 'set_aside' WHERE id = :id")
_LINES_ASIDE = text("UPDATE statement_line SET set_aside = true WHERE statement_id = :id")
_CLOSE = text(
    "UPDATE reconciliation_exception SET state = 'closed', closed_at = :now,"
    " resolution = 'set aside' WHERE statement_id = :id AND state = 'open'"
)
_STOPPED = ("gap", "mismatch", "totals", "waiting")


def propose_statement(desk: Desk, statement_id: UUID, kind: str, reason: str) -> UUID:
    """Propose to take a stopped statement as it is, or to set it aside; a second person decides.

    Raises:
        NotFound: no such statement of this body.
        Invalid: unknown decision, or no reason.
        Conflict: the statement is not stopped, or a proposal waits already.
    """
    words = check_words(reason, "reason")
    if kind not in KINDS:
        raise Invalid(FieldError("kind", "Choose what is to be done"))
    found = desk.session.execute(_FIND, {"id": statement_id, "body": desk.body}).one_or_none()
    if found is None:
        raise NotFound("no_such_statement", "There is no such statement")
    if found.state not in _STOPPED:
        raise Conflict("statement_not_stopped", "This statement is not stopped")
    proposal = new_id()
    try:
        with desk.session.begin_nested():
            desk.session.execute(
                _PROPOSE,
                {
                    "id": proposal,
                    "body": desk.body,
                    "account": found.bank_account_id,
                    "kind": kind,
                    "statement": statement_id,
                    "reason": words,
                    "by": desk.actor.id,
                    "name": desk.actor.name,
                    "now": desk.now,
                },
            )
    except IntegrityError as error:
        raise Conflict("proposal_waits", "A decision about this statement waits already") from error
    facts = {"kind": kind, "reason": words}
    action = "reconciliation.statement_proposed"
    audit.record(desk.session, desk.actor, action, "statement", statement_id, facts)
    return proposal


def decide_statement(desk: Desk, proposal_id: UUID, *, approve: bool) -> UUID:
    """Approve or refuse a decision about a statement, then go on with its account.

    A statement that is taken is reconciled with its difference in suspense. One that is set aside
    books nothing, and its lines may come again in another file. Returns the statement.

    Raises:
        NotFound, Forbidden, Conflict: as ``decide_write_off``.
    """
    proposal = lock_for_decision(desk, proposal_id, "statement", approve=approve)
    values = {"id": proposal.statement_id, "body": desk.body}
    found = desk.session.execute(_FIND, values).one_or_none()
    if found is None:
        raise NotFound("no_such_statement", "There is no such statement")
    if approve and found.state not in _STOPPED:
        raise Conflict("statement_not_stopped", "This statement is not stopped any more")
    decide(desk, proposal_id, "approved" if approve else "refused")
    facts = {"kind": proposal.kind, "approved": approve}
    action = "reconciliation.statement_decided"
    audit.record(desk.session, desk.actor, action, "statement", found.id, facts)
    if approve and proposal.kind == "set_aside_statement":
        desk.session.execute(_SET_ASIDE, {"id": found.id})
        desk.session.execute(_LINES_ASIDE, {"id": found.id})
        desk.session.execute(_CLOSE, {"id": found.id, "now": desk.now})
    if approve:
        reconcile_account(desk.session, found.bank_account_id, desk.now)
    statement_id: UUID = found.id
    return statement_id
