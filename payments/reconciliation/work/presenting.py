"""Plain values for the desk of a reconciler."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from payments.reconciliation.presenting import CODES, KINDS, amount
from payments.reconciliation.work.queries import (
    MatchView,
    OpenLine,
    Proposal,
    list_candidates,
    list_line_exceptions,
    list_line_proposals,
    list_matches,
    list_notes,
)
from payments.reconciliation.work.rules import Ranked, Wanted, find_parts, rank
from payments.reconciliation.work.statements import KINDS as STATEMENT_KINDS
from payments.runs.wording import capital

__all__ = ["CODES", "present_line_case", "present_proposal"]

TARGETS = {
    "submission": "Bacs submission",
    "returned_payment": "Payment that came back",
    "payment": "Payment",
    "expected_item": "Expected",
    "write_off": "Write-off",
    "suspense": "Left in suspense",
}
NOTES = {
    "note": "Note",
    "question": "Question",
    "owner": "Taken by",
    "due": "To be done by",
    "decision": "Decision",
}
PROPOSAL_STATES = {
    "open": ("Waits for a second person", "orange"),
    "approved": ("Approved", "green"),
    "refused": ("Refused", "grey"),
}
_SHOWN = 40
Values = dict[str, object]


def present_line_case(
    session: Session, line: OpenLine, values: Mapping[str, str], checked: int | None
) -> Values:
    """Return everything the desk shows about a line."""
    candidates = list_candidates(session, line)
    wanted = Wanted(
        line.open_pence, line.booking_date, line.reference, line.end_to_end_id, line.counterparty
    )
    ranked = rank(wanted, candidates)[:_SHOWN]
    parts = {one.key for one in find_parts(line.open_pence, candidates)}
    exceptions = list_line_exceptions(session, line.id)
    return {
        "line": _line(line),
        "candidates": [
            _candidate(one, values, is_part=one.candidate.key in parts) for one in ranked
        ],
        "has_parts": bool(parts),
        "difference": amount(line.open_pence - (checked or 0)),
        "is_even": line.open_pence == (checked or 0),
        "was_checked": checked is not None,
        "matches": [_match(one) for one in list_matches(session, line.id)],
        "exceptions": [
            {
                "title": CODES[one.code],
                "code": one.code,
                "reason": capital(one.reason),
                "owner": one.owner_name or "",
                "due": one.due_on,
                "is_open": one.state == "open",
            }
            for one in exceptions
        ],
        "notes": [
            {"kind": NOTES[one.kind], "words": one.words, "who": one.person_name, "at": one.at}
            for one in list_notes(session, line.id)
        ],
        "proposals": [present_proposal(one) for one in list_line_proposals(session, line.id)],
    }


def _line(line: OpenLine) -> Values:
    return {
        "id": str(line.id),
        "href": f"/payments/reconciliation/lines/{line.id}",
        "rule_href": f"/payments/reconciliation/rules/{line.bank_account_id}?line={line.id}",
        "statement": line.identification,
        "statement_href": f"/payments/reconciliation/statements/{line.statement_id}",
        "number": line.seq,
        "account": f"{line.account_name} ({line.account_code})",
        "day": line.booking_date,
        "kind": KINDS[line.kind],
        "amount": amount(line.amount_pence),
        "open": amount(line.open_pence),
        "open_plain": f"{line.open_pence // 100}.{line.open_pence % 100:02d}",
        "is_open": line.open_pence > 0,
        "reference": line.reference,
        "end_to_end_id": line.end_to_end_id,
        "counterparty": line.counterparty,
        "narrative": line.narrative,
        "return_reason": line.return_reason,
    }


def _candidate(one: Ranked, values: Mapping[str, str], *, is_part: bool) -> Values:
    found = one.candidate
    return {
        "key": found.key,
        "id": f"target-{found.target_id}",
        "what": TARGETS[found.target_type],
        "label": " · ".join(filter(None, (found.label, found.reference))),
        "day": found.due_on,
        "amount": amount(found.pence),
        "open": amount(found.open_pence),
        "open_plain": f"{found.open_pence // 100}.{found.open_pence % 100:02d}",
        "score": one.score,
        "reasons": list(one.reasons),
        "is_part": is_part,
        "typed": values.get(f"pence-{found.key}", ""),
        "chosen": values.get("target") == found.key,
    }


def _match(one: MatchView) -> Values:
    return {
        "id": str(one.id),
        "what": TARGETS[one.target_type],
        "target": str(one.target_id),
        "run_href": "" if one.run_id is None else f"/payments/runs/{one.run_id}",
        "amount": amount(one.amount_pence),
        "rule": one.rule_id,
        "reason": one.reason,
        "score": one.score,
        "by": one.decided_by,
        "at": one.decided_at,
        "is_live": one.state == "live",
        "by_person": one.rule_id == "person",
        "undone_by": one.undone_by or "",
        "undone_at": one.undone_at,
        "undo_reason": one.undo_reason or "",
    }


def present_proposal(one: Proposal) -> Values:
    """Return what waits for a second person, or got their decision."""
    text, colour = PROPOSAL_STATES[one.state]
    subject = "lines" if one.line_id else "statements"
    what = "Write-off" if one.kind == "write_off" else STATEMENT_KINDS[one.kind]
    return {
        "id": str(one.id),
        "kind": one.kind,
        "what": what,
        "href": f"/payments/reconciliation/{subject}/{one.line_id or one.statement_id}",
        "account": one.account_code or "",
        "amount": amount(one.amount_pence),
        "reason": one.reason,
        "who": one.proposed_name,
        "at": one.proposed_at,
        "state_text": text,
        "colour": colour,
        "decided_by": one.decided_name or "",
        "decided_at": one.decided_at,
    }
