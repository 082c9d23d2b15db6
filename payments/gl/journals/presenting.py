"""Plain values for the pages of journals."""

from collections.abc import Mapping, Sequence

from payments.gl.journals.queries import JournalView
from payments.gl.journals.rules import STATES, JournalLine, is_writable
from payments.runs.access import Staff
from payments.runs.rules import RECONCILER
from shared.money import format_pounds

Values = dict[str, object]
STATE_TEXTS = {
    "waiting": "Waits for a second person",
    "posted": "Posted",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
}
_COLOURS = {"waiting": "yellow", "posted": "green", "declined": "red", "withdrawn": "grey"}
_DONE_TEXTS = {
    "posted": "Posted to the ledger",
    "declined": "Declined",
    "withdrawn": "Withdrawn by who wrote it",
}


def list_states() -> list[dict[str, str]]:
    """Return the states to choose from."""
    return [{"value": state, "text": STATE_TEXTS[state]} for state in STATES]


def present_journal(one: JournalView) -> Values:
    """Return a journal for the list and its page."""
    return {
        "number": one.number,
        "href": f"/payments/journals/{one.number}",
        "state": one.state,
        "state_text": STATE_TEXTS[one.state],
        "colour": _COLOURS[one.state],
        "day": one.effective_on,
        "description": one.description,
        "reason": one.reason,
        "total": format_pounds(one.total_pence),
        "lines": one.line_count,
        "made_by": one.made_by_name,
        "made_at": one.made_at,
        "decided_by": one.decided_by_name or "",
        "decided_at": one.decided_at,
        "decision_reason": one.decision_reason,
        "ledger_number": one.ledger_number or "",
        "sha256": one.content_sha256.hex(),
        "entry_href": f"/payments/ledger/entries/{one.entry_id}" if one.entry_id else "",
        "reverses": one.reverses_number,
        "reversed_by": one.reversed_by,
        "is_reversed": one.reversal_state == "posted",
        "export": one.export_number,
    }


def present_lines(lines: Sequence[JournalLine]) -> list[Values]:
    """Return the lines of a journal, debit and credit apart."""
    return [
        {
            "account": line.account,
            "debit": format_pounds(line.amount_pence) if line.amount_pence > 0 else "",
            "credit": format_pounds(-line.amount_pence) if line.amount_pence < 0 else "",
            "note": line.note,
        }
        for line in lines
    ]


def present_history(one: JournalView) -> list[Values]:
    """Return who did what with a journal and when, oldest first."""
    history: list[Values] = [_event("Asked for", one.made_at, one.made_by_name, one.reason)]
    if one.decided_at is not None:
        what = _DONE_TEXTS[one.state]
        history.append(_event(what, one.decided_at, one.decided_by_name or "", one.decision_reason))
    if one.sealed_at is not None:
        history.append(_event("Numbered and sealed", one.sealed_at, "", one.ledger_number or ""))
    return history


def list_choices(accounts: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the accounts that a journal may be written to."""
    return [
        {"value": code, "text": code} for code, kind in accounts.items() if is_writable(code, kind)
    ]


def possible_steps(one: JournalView, staff: Staff) -> Values:
    """Return what this person can do with a journal now."""
    may = staff.has(RECONCILER)
    is_own = one.made_by_id == staff.person_id
    return {
        "is_own": is_own,
        "may_post": may and one.state == "waiting" and not is_own,
        "may_decline": may and one.state == "waiting",
        "may_reverse": may
        and one.state == "posted"
        and one.reverses is None
        and one.reversed_by is None,
    }


def _event(what: str, at: object, who: str, note: str) -> Values:
    notes = [note] if note else []
    return {"what": what, "at": at, "who": who, "payment": "", "notes": notes, "hash": ""}
