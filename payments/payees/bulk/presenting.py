"""What pages and programs are shown of a file of name checks."""

from typing import Any

from sqlalchemy.orm import Session

from payments.payees.bank_details import mask_account_number
from payments.payees.bulk.queries import Batch, Counted, ResultRow, count_answers
from payments.payees.rules import GROUP_TITLES, Group, outcome_of

# Template values: texts, numbers and nested lists of them.
Values = dict[str, Any]

STATE_TEXTS = {
    "validating": "Being looked at",
    "running": "Under way",
    "stopped": "Stopped",
    "done": "Finished",
}
_COLOURS = {"validating": "yellow", "running": "yellow", "stopped": "red", "done": "green"}
_GROUPS: dict[str, Group] = {str(group): group for group in GROUP_TITLES}
_INVALID = "Cannot be asked"


def present_line(batch: Batch) -> Values:
    """Return a line of the list of files."""
    return {
        "id": str(batch.id),
        "href": f"/payments/confirmation-of-payee/files/{batch.id}",
        "name": batch.file_name,
        "rows": batch.rows,
        "who": batch.created_by_name or batch.created_by_id,
        "at": batch.created_at,
        "finished_at": batch.finished_at,
        "state": batch.state,
        "state_text": STATE_TEXTS[batch.state],
        "colour": _COLOURS[batch.state],
    }


def title_of(outcome: str) -> str:
    """Return the name of an outcome for people."""
    group = _GROUPS.get(outcome)
    return GROUP_TITLES[group] if group else _INVALID


def present_batch(session: Session, batch: Batch) -> Values:
    """Return how far a file is, and its answers as counts with the width of their bars."""
    counted = count_answers(session, batch.id)
    done = sum(one.rows for one in counted)
    most = max((one.rows for one in counted), default=1)
    return {
        "file": present_line(batch),
        "asked": done,
        "percent": 100 * done // batch.rows,
        "answers": [_present_count(one, batch, most) for one in counted],
        "unanswered": sum(one.rows for one in counted if one.reason_code == "NOANSWER"),
    }


def _present_count(one: Counted, batch: Batch, most: int) -> Values:
    return {
        "outcome": one.outcome,
        "code": one.reason_code,
        "title": title_of(one.outcome),
        "explanation": outcome_of(one.reason_code or None).explanation
        if one.outcome in _GROUPS
        else "The row has faults or asks too many names for one account.",
        "rows": one.rows,
        "percent": f"{100 * one.rows / batch.rows:.1f}",
        "width": max(1, round(100 * one.rows / most)),
        "href": f"/payments/confirmation-of-payee/files/{batch.id}"
        f"?outcome={one.outcome}&code={one.reason_code}",
    }


def present_result(one: ResultRow) -> Values:
    """Return a line of the table of results; the account is masked."""
    row = one.row
    account = row.account_number or row.iban
    answered = one.state == "answered"
    return {
        "number": one.number,
        "reference": row.reference,
        "name": row.name,
        "account": mask_account_number(account.strip()) if account.strip() else "",
        "title": title_of(one.outcome) if one.outcome else "Not asked yet",
        "code": one.reason_code or "",
        "matched_name": one.matched_name or "",
        "explanation": outcome_of(one.reason_code).explanation if answered else one.fault,
        "same_as": one.same_as,
    }
