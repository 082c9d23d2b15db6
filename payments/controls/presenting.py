"""Plain values for the pages of controls."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from payments.controls.duties import DUTIES
from payments.controls.queries.people import list_people
from payments.controls.queries.rules import StoredRule, list_rules
from payments.controls.rules import MEASURES, RAILS
from payments.runs.access import Staff
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import ADMINISTRATOR, ROLE_NAMES
from shared.money import format_pounds

Values = dict[str, Any]
KINDS = {
    "limit": "Limit",
    "band": "Approval band",
    "authority": "Authority",
    "end": "End of a rule",
}
STATES = {
    "proposed": "Proposed",
    "live": "In force",
    "ended": "Ended",
    "refused": "Refused",
}


def present_rules(session: Session, staff: Staff) -> Values:
    """Return everything the page of rules shows."""
    rules = list_rules(session, staff.organisation)
    by_id = {rule.id: rule for rule in rules}
    administers = staff.has(ADMINISTRATOR)
    return {
        "live": [_present(rule, by_id) for rule in rules if rule.state == "live"],
        "proposed": [
            {
                **_present(rule, by_id),
                "is_own": rule.proposed_by_id == staff.person_id,
                "is_about_me": rule.person_id == staff.person_id,
            }
            for rule in rules
            if rule.state == "proposed"
        ],
        "decided": [_present(rule, by_id) for rule in rules if rule.state in ("ended", "refused")],
        "administers": administers,
        "programmes": [
            {"value": str(one.id), "text": one.name}
            for one in list_programmes(session, staff.organisation)
        ],
        "measures": [{"value": name, "text": text} for name, text in MEASURES.items()],
        "rails": [{"value": name, "text": text} for name, text in RAILS.items()],
        "people": [
            {
                "value": one.person_id,
                "text": one.name or one.person_id,
                "roles": ", ".join(ROLE_NAMES[role] for role in ROLE_NAMES if role in one.roles),
                "seen_at": one.seen_at,
            }
            for one in list_people(session, staff.organisation)
        ],
        "duties": [duty.sentence for duty in DUTIES],
    }


def _present(rule: StoredRule, by_id: dict[Any, StoredRule]) -> Values:
    replaced = by_id.get(rule.replaces) if rule.replaces is not None else None
    about = replaced if rule.kind == "end" and replaced is not None else rule
    return {
        "id": str(rule.id),
        "kind": KINDS[rule.kind],
        "what": tell_rule(about),
        "replaces": tell_rule(replaced) if replaced is not None and rule.kind != "end" else "",
        "scope": tell_scope(about),
        "reason": rule.reason,
        "state": STATES[rule.state],
        "proposed_by": rule.proposed_by_name,
        "proposed_at": rule.proposed_at,
        "decided_by": rule.decided_by_name or "",
        "decided_at": rule.decided_at,
    }


def tell_rule(rule: StoredRule) -> str:
    """Return what a rule says, in a sentence without a full stop."""
    amount = format_pounds(rule.pence)
    if rule.measure is not None:
        return f"At most {amount} in {MEASURES[rule.measure]}"
    if rule.approvals is not None:
        people = "1 approver" if rule.approvals == 1 else f"{rule.approvals} approvers"
        again = ", who sign in again with a second factor" if rule.step_up else ""
        return f"Over {amount}: {people}{again}"
    return f"{rule.person_name} approves up to {amount}, {_span(rule.valid_from, rule.valid_until)}"


def tell_scope(rule: StoredRule) -> str:
    """Return what a rule is about."""
    programme = rule.programme or "All programmes"
    rail = RAILS[rule.rail] if rule.rail else "all rails"
    return f"{programme}, {rail}"


def _span(first: date | None, last: date | None) -> str:
    if first is None or last is None:
        return ""
    return f"from {first:%-d %B %Y} to {last:%-d %B %Y}"
