"""What pages of the payee master show."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault, mask_account_number
from payments.payees.master.duplicates import list_others_with
from payments.payees.master.history import SOURCES, list_stops, tell_history
from payments.payees.master.queries import (
    Change,
    Payee,
    find_checked_name,
    find_current,
    find_open,
    get_payee,
    list_changes,
    open_facts,
)
from payments.payees.master.rules import (
    PAYEE_APPROVER,
    PAYEE_EDITOR,
    TOLD_FOR,
    list_differences,
    needs_reason,
)
from payments.payees.rules import GROUP_TITLES, outcome_of
from payments.runs.access import Staff

# Template values: texts, numbers, days and nested lists of them.
Values = dict[str, Any]

FIELD_TEXTS = {
    "name": "Name on the account",
    "account_type": "Type of account",
    "beneficiary": "Payments are for",
    "sort_code": "Sort code",
    "account_number": "Account number",
    "roll_number": "Roll number",
    "iban": "IBAN",
    "reference": "Your reference",
    "gl_code": "Ledger code",
    "email": "Email for remittance advice",
    "notes": "Notes",
}
STOP_TEXTS = {
    "deceased": "The payee has died",
    "fraud": "Suspected fraud",
    "dispute": "Dispute with the payee",
    "legal": "Court order or legal hold",
    "other": "Another reason",
}
STATE_TEXTS = {"proposed": "Not confirmed yet", "active": "In force", "refused": "Refused"}
CHANGE_TEXTS = {
    "checking": "Being checked",
    "proposed": "Waits for confirmation",
    "confirmed": "Confirmed",
    "rejected": "Rejected",
    "withdrawn": "Withdrawn",
}
_COLOURS = {"proposed": "yellow", "active": "green", "refused": "grey"}
MODULUS_TEXTS = {
    "valid": "The account number is possible for this sort code.",
    "invalid": "The account number is not possible for this sort code.",
    "not_checkable": "No check is published for this kind of account.",
    "not_checked": "Not checked: no weight tables are loaded",
}


def present_line(found: Payee, now: datetime) -> Values:
    """Return a line of a table of payees; the account is masked."""
    return {
        "id": str(found.id),
        "href": f"/payments/payees/{found.id}",
        "name": found.name,
        "beneficiary": found.beneficiary,
        "reference": found.reference,
        "account": mask_account_number(found.account_tail),
        "account_type": "Business" if found.account_type == "business" else "Personal",
        **_state(found, now),
    }


def _state(found: Payee, now: datetime) -> Values:
    cooling = found.cooling_until if found.cooling_until and found.cooling_until > now else None
    changed = found.details_changed_at
    if found.is_stopped:
        text, colour = "Stopped", "red"
    elif cooling is not None:
        text, colour = "Cooling off", "yellow"
    else:
        text, colour = STATE_TEXTS[found.state], _COLOURS[found.state]
    return {
        "state_text": text,
        "colour": colour,
        "cooling_until": cooling,
        "changed_on": changed if changed is not None and now - changed < TOLD_FOR else None,
    }


def present_payee(
    session: Session,
    vault: DetailsVault,
    staff: Staff,
    payee_id: UUID,
    now: datetime,
    *,
    full: bool,
) -> Values:
    """Return everything the page of a payee shows; whole bank details only where ``full``."""
    found = get_payee(session, staff.organisation, payee_id)
    changes, stops = list_changes(session, found.id), list_stops(session, found.id)
    standing = next((stop for stop in stops if stop.lifted_at is None), None)
    current = find_current(session, found.id, found.version)
    waiting = find_open(session, found.id)
    newest = current or changes[0]
    editor, approver = staff.has(PAYEE_EDITOR), staff.has(PAYEE_APPROVER)
    active = found.state == "active"
    cooling = found.cooling_until is not None and found.cooling_until > now
    return {
        "payee": {
            **present_line(found, now),
            "version": found.version,
            "rows": present_facts(vault, newest, full=full),
            "check": present_check(session, newest),
        },
        "full": full,
        "stop": None
        if standing is None
        else {**standing.__dict__, "text": STOP_TEXTS[standing.code]},
        "waiting": None if waiting is None else present_change_line(waiting),
        "others": [
            present_line(one, now)
            for one in list_others_with(
                session, found.organisation, found.account_fingerprint, found.id
            )
        ],
        "history": tell_history(changes, stops),
        "current_change": str(current.id) if current else "",
        "can": {
            "change": editor and active and waiting is None,
            "stop": (editor or approver) and active and standing is None,
            "lift": approver and standing is not None and standing.stopped_by_id != staff.person_id,
            "hurry": approver
            and cooling
            and current is not None
            and staff.person_id not in (current.proposed_by_id, current.decided_by_id),
        },
        "stop_codes": [{"value": code, "text": text} for code, text in STOP_TEXTS.items()],
    }


def present_facts(vault: DetailsVault, change: Change, *, full: bool) -> list[Values]:
    """Return the fields of a change that hold something."""
    rows = list_differences(None, open_facts(vault, change), masked=not full)
    return [{"key": FIELD_TEXTS[one.field], "value": _say(one.field, one.new)} for one in rows]


def _say(field: str, value: str) -> str:
    return value.capitalize() if field == "account_type" else value


def present_check(session: Session, change: Change) -> Values | None:
    """Return what the checks of a change said, None while nothing was asked."""
    checked = find_checked_name(session, change)
    if checked is None or checked.outcome is None:
        return None
    outcome = outcome_of(checked.reason_code)
    return {
        "title": GROUP_TITLES[outcome.group],
        "code": checked.reason_code or "",
        "explanation": outcome.explanation,
        "policy": outcome.policy,
        "at": checked.answered_at,
        "modulus": MODULUS_TEXTS[change.modulus_result or "not_checked"],
        "speaks_against": needs_reason(checked.reason_code, change.modulus_result),
    }


def present_change_line(change: Change) -> Values:
    """Return a line of the list of proposals."""
    return {
        "id": str(change.id),
        "href": f"/payments/payees/changes/{change.id}",
        "payee_href": f"/payments/payees/{change.payee_id}",
        "name": change.name,
        "reference": change.reference,
        "is_new": change.base_version == 0,
        "is_sensitive": change.is_sensitive,
        "who": change.proposed_by_name or change.proposed_by_id,
        "at": change.proposed_at,
        "source": SOURCES[change.source],
        "state": change.state,
        "state_text": CHANGE_TEXTS[change.state],
    }


def present_change(
    session: Session,
    vault: DetailsVault,
    staff: Staff,
    change: Change,
    now: datetime,
    *,
    full: bool,
) -> Values:
    """Return everything the page of a proposal shows: old beside new, checks, decisions."""
    found = get_payee(session, staff.organisation, change.payee_id)
    base = find_current(session, found.id, change.base_version)
    old = open_facts(vault, base) if base is not None else None
    differences = list_differences(old, open_facts(vault, change), masked=not full)
    others = list_others_with(session, found.organisation, change.account_fingerprint, found.id)
    check = present_check(session, change) if change.is_sensitive else None
    is_open = change.state in ("checking", "proposed")
    own = change.proposed_by_id == staff.person_id
    approver, editor = staff.has(PAYEE_APPROVER), staff.has(PAYEE_EDITOR)
    return {
        "change": {**present_change_line(change), "reason": change.reason},
        "decided": {
            "who": change.decided_by_name,
            "at": change.decided_at,
            "reason": change.decision_reason,
        }
        if change.decided_at
        else None,
        "differences": [
            {
                "key": FIELD_TEXTS[one.field],
                "old": _say(one.field, one.old),
                "new": _say(one.field, one.new),
            }
            for one in differences
        ],
        "check": check,
        "others": [present_line(one, now) for one in others],
        "full": full,
        "needs_reason": bool(others) or bool(check and check["speaks_against"]),
        "own": own and is_open,
        "can": {
            "confirm": approver and change.state == "proposed" and not own,
            "reject": approver and is_open and not own,
            "withdraw": editor and is_open and (own or change.proposed_by_kind != "staff"),
        },
    }
