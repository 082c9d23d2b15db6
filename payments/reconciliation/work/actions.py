"""Decisions of people about one line: match, suspense, write-off, undo; each with its reason.

The account is locked while one is taken, so two people cannot decide one line at once, and the
database's counters refuse what would pass an amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.reconciliation.engine.booking import (
    Booked,
    book_matches,
    open_account,
)
from payments.reconciliation.engine.explain import close_exceptions, describe, keep_exceptions
from payments.reconciliation.engine.work import Work
from payments.reconciliation.matching import open_work
from payments.reconciliation.work.notes import add_note, check_words
from payments.reconciliation.work.queries import (
    OpenLine,
    Proposal,
    find_line,
    list_candidates,
    lock_proposal,
)
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

_MATCH = text(
    """
    INSERT INTO match (id, line_id, target_type, target_id, amount_pence, target_pence, run_id,
                       rule_id, rule_version, score, reason, decided_by, decided_at)
    VALUES (:id, :line, :type, :target, :pence, :whole, :run, 'person', 1, :score, :reason, :by,
            :now)
    """
)
_PROPOSE = text(
    """
    INSERT INTO reconciliation_proposal (id, body, bank_account_id, kind, line_id, account_code,
      amount_pence, reason, proposed_by, proposed_name, proposed_at)
    VALUES (:id, :body, :account, 'write_off', :line, :code, :pence, :reason, :by, :name, :now)
    """
)
_OPEN_OF_LINE = text(
    "SELECT coalesce(sum(amount_pence), 0)::bigint FROM reconciliation_proposal"
    " WHERE line_id = :line AND state = 'open'"
)
DECIDE = text(
    "UPDATE reconciliation_proposal SET state = :state, decided_by = :by, decided_name = :name,"
    " decided_at = :now WHERE id = :id AND state = 'open'"
)
_COUNTERS = ("ck_line_allocation_allocated", "ck_match_target_allocated")


@dataclass(frozen=True)
class Part:
    """So much of a line for one target, in whole pence without sign."""

    target_type: str
    target_id: UUID
    pence: int


@dataclass(frozen=True)
class Desk:
    """Who works for which body, and with what."""

    session: Session
    vault: DetailsVault
    actor: Actor
    now: datetime

    @property
    def body(self) -> str:
        """The body the person works for."""
        return self.actor.organisation or ""


def match_line(desk: Desk, line_id: UUID, parts: Sequence[Part], reason: str) -> int:
    """Match a line to one or more targets, wholly or in part; returns the pence still open.

    Refuses targets that are not offered for this line, and parts that pass what is open of the
    line or of a target.

    Raises:
        NotFound: no such line of this body.
        Invalid: no part, or a part without an amount or beyond what is open.
        Conflict: ``line_taken``: somebody was quicker, or the line is explained.
    """
    work, line = lock_line(desk, line_id)
    offered = {one.key: one for one in list_candidates(desk.session, line)}
    faults = []
    if not parts:
        faults.append(FieldError("targets", "Choose at least one target"))
    for part in parts:
        key = f"{part.target_type}:{part.target_id}"
        if key not in offered:
            faults.append(FieldError("targets", "This target does not fit the line any more"))
        elif not 0 < part.pence <= offered[key].open_pence:
            faults.append(
                FieldError("targets", "An amount is more than what is open of its target")
            )
    if not faults and sum(part.pence for part in parts) > line.open_pence:
        faults.append(FieldError("targets", "The amounts are more than what is open of the line"))
    if faults:
        raise Invalid(*faults)
    matches = []
    for part in parts:
        one = offered[f"{part.target_type}:{part.target_id}"]
        booked = Booked(
            new_id(),
            line.id,
            part.target_type,
            part.target_id,
            one.run_id,
            one.submission_id,
            part.pence if line.amount_pence > 0 else -part.pence,
            one.account,
            line.booking_date,
        )
        matches.append((booked, one.pence))
    return _keep(desk, work, line, matches, reason.strip()[:500] or "matched by a person")


def leave_in_suspense(desk: Desk, line_id: UUID, reason: str) -> None:
    """Decide that what is open of a line stays in suspense; with a reason.

    Raises:
        NotFound, Invalid, Conflict: as ``match_line``.
    """
    words = check_words(reason, "reason")
    work, line = lock_line(desk, line_id)
    signed = line.open_pence if line.amount_pence > 0 else -line.open_pence
    booked = Booked(
        new_id(), line.id, "suspense", new_id(), None, None, signed, "", line.booking_date
    )
    _keep(desk, work, line, [(booked, line.open_pence)], words)


def propose_write_off(
    desk: Desk, line_id: UUID, account_code: str, pence: int, reason: str, limit_pence: int
) -> UUID:
    """Propose to write a part of a line off to a coded account; a second person decides.

    Raises:
        NotFound, Conflict: as ``match_line``.
        Invalid: over the limit, over what is open and not proposed yet, or without a reason.
    """
    words = check_words(reason, "reason")
    _, line = lock_line(desk, line_id)
    waiting = desk.session.execute(_OPEN_OF_LINE, {"line": line.id}).scalar_one()
    faults = []
    if not account_code:
        faults.append(FieldError("account", "Choose an account"))
    if not 0 < pence <= line.open_pence - waiting:
        faults.append(FieldError("amount", "Enter an amount up to what is open of the line"))
    if pence > limit_pence:
        faults.append(FieldError("amount", "The amount is over the limit for write-offs"))
    if faults:
        raise Invalid(*faults)
    proposal_id = new_id()
    desk.session.execute(
        _PROPOSE,
        {
            "id": proposal_id,
            "body": desk.body,
            "account": line.bank_account_id,
            "line": line.id,
            "code": account_code,
            "pence": pence,
            "reason": words,
            "by": desk.actor.id,
            "name": desk.actor.name,
            "now": desk.now,
        },
    )
    tell_line(desk, line.id, "write_off_proposed", words, {"pence": pence, "account": account_code})
    return proposal_id


def decide_write_off(desk: Desk, proposal_id: UUID, *, approve: bool) -> None:
    """Approve or refuse a write-off; nobody approves their own.

    Raises:
        NotFound: no such proposal of this body.
        Forbidden: ``same_person``.
        Conflict: decided already, or the line was explained meanwhile.
    """
    proposal = lock_for_decision(desk, proposal_id, "write_off", approve=approve)
    if proposal.line_id is None or proposal.amount_pence is None:
        raise NotFound("no_such_proposal", "There is no such proposal")
    state = "approved" if approve else "refused"
    decide(desk, proposal_id, state)
    if not approve:
        tell_line(desk, proposal.line_id, "write_off_refused", proposal.reason, {})
        return
    work, line = lock_line(desk, proposal.line_id)
    code = str(proposal.account_code)
    open_account(desk.session, desk.body, code, "expense", new_id())
    signed = proposal.amount_pence if line.amount_pence > 0 else -proposal.amount_pence
    booked = Booked(
        new_id(), line.id, "write_off", proposal_id, None, None, signed, code, line.booking_date
    )
    _keep(desk, work, line, [(booked, proposal.amount_pence)], proposal.reason)


def lock_for_decision(desk: Desk, proposal_id: UUID, kind: str, *, approve: bool) -> Proposal:
    """Return an open proposal that the person may decide; refuses their own approval.

    Raises:
        NotFound, Forbidden, Conflict: as ``decide_write_off``.
    """
    proposal = lock_proposal(desk.session, desk.body, proposal_id)
    if proposal is None or (kind == "write_off") != (proposal.kind == "write_off"):
        raise NotFound("no_such_proposal", "There is no such proposal")
    if proposal.state != "open":
        raise Conflict("proposal_decided", "This was decided already")
    if approve and proposal.proposed_by == desk.actor.id:
        raise Forbidden(
            "same_person",
            "Another person has to approve this",
            detail="You proposed it. Nobody can do both, whatever their roles.",
        )
    return proposal


def decide(desk: Desk, proposal_id: UUID, state: str) -> None:
    """Write a decision down."""
    desk.session.execute(
        DECIDE,
        {
            "id": proposal_id,
            "state": state,
            "by": desk.actor.id,
            "name": desk.actor.name,
            "now": desk.now,
        },
    )


def lock_line(desk: Desk, line_id: UUID, *, explained: bool = False) -> tuple[Work, OpenLine]:
    """Lock a line's account for a decision; refuses an explained line unless that is what is meant.

    Raises:
        NotFound: no such line of this body.
        Conflict: ``statement_waits``, ``line_taken``.
    """
    line = find_line(desk.session, desk.vault, desk.body, line_id)
    if line is None:
        raise NotFound("no_such_line", "There is no such line")
    work = open_work(desk.session, line.bank_account_id, desk.now)
    line = find_line(desk.session, desk.vault, desk.body, line_id) or line
    if line.state != "reconciled":
        raise Conflict("statement_waits", "The statement of this line is not reconciled yet")
    if line.open_pence == 0 and not explained:
        raise Conflict(
            "line_taken",
            "This line is explained already",
            detail="Nothing was changed. Somebody may have been quicker than you.",
        )
    return work, line


def _keep(
    desk: Desk,
    work: Work,
    line: OpenLine,
    matches: Sequence[tuple[Booked, int]],
    reason: str,
) -> int:
    try:
        with desk.session.begin_nested():
            for one, whole in matches:
                desk.session.execute(
                    _MATCH,
                    {
                        "id": one.match_id,
                        "line": line.id,
                        "type": one.target_type,
                        "target": one.target_id,
                        "pence": abs(one.signed_pence),
                        "whole": whole,
                        "run": one.run_id,
                        "score": 100,
                        "reason": reason,
                        "by": desk.actor.id,
                        "now": desk.now,
                    },
                )
    except IntegrityError as error:
        if any(name in str(error.orig) for name in (*_COUNTERS, "uq_match_live")):
            raise Conflict(
                "line_taken", "More than is open cannot be matched; nothing was changed"
            ) from error
        raise
    book_matches(desk.session, work.body, work.code, [one for one, _ in matches], suspended=True)
    open_pence = line.open_pence - sum(abs(one.signed_pence) for one, _ in matches)
    if open_pence == 0:
        close_exceptions(work, [line.id], "decided by a person")
    keep_exceptions(
        work,
        [_returned(work, line, one) for one, _ in matches if one.target_type == "returned_payment"],
    )
    facts = [f"{one.target_type}:{one.target_id}" for one, _ in matches]
    tell_line(desk, line.id, "line_matched", reason, {"targets": facts, "open_pence": open_pence})
    return replace(line, allocated_pence=abs(line.amount_pence) - open_pence).open_pence


def _returned(work: Work, line: OpenLine, one: Booked) -> dict[str, object]:
    return describe(
        work,
        line.statement_id,
        "RETURN",
        f"the payment came back ({line.return_reason or 'no reason given'})",
        abs(one.signed_pence),
        line_id=line.id,
        payment=one.target_id,
    )


def tell_line(desk: Desk, line_id: UUID, what: str, words: str, facts: dict[str, object]) -> None:
    """Write a decision to the line's history and to the audit trail."""
    add_note(desk.session, line_id, "decision", f"{what}: {words}", desk.actor, desk.now)
    action = f"reconciliation.{what}"
    audit.record(desk.session, desk.actor, action, "statement_line", line_id, facts)
