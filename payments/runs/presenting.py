"""Plain values for the pages of runs and payments; templates never see live rows."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypedDict
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from payments.bank.queries import get_submission_of_run
from payments.payees.bank_details import DetailsVault, mask_account_number
from payments.payees.master.telling import tell_payee
from payments.payees.queries import find_check
from payments.payees.rules import GROUP_TITLES, StoredCheck, outcome_of
from payments.reports.evidence.timeline import make_picture, make_timeline, states_seen
from payments.runs.access import Staff
from payments.runs.queries.outcomes import list_bank_lines
from payments.runs.queries.payments import (
    Event,
    Payment,
    find_replacement,
    get_payment,
    list_payment_events,
)
from payments.runs.queries.runs import Run, get_run
from payments.runs.queries.today import (
    count_exceptions,
    count_in_states,
    list_payments_by_state,
    list_runs_by_state,
)
from payments.runs.queries.totals import Figure
from payments.runs.rules import (
    APPROVER,
    RELEASER,
    UPLOADER,
    WORDS,
    Step,
    has_role_for,
    is_possible_in,
)
from payments.runs.wording import (
    BANK_TEXTS,
    RUN_COLOURS,
    RUN_TEXTS,
    STATE_COLOURS,
    STATE_TEXTS,
    capital,
    tell_staff,
    tell_who,
)
from shared.money import format_pounds

Values = dict[str, Any]


class PageLink(TypedDict, total=False):
    """One entry of the row of page numbers."""

    number: int
    href: str
    current: bool


def present_pages(path: str, query: Values, page: int, total: int, size: int) -> Values:
    """Return what the pagination component needs for the page numbers of a list."""
    last = max(1, -(-total // size))

    def link(number: int) -> str:
        wanted = {name: value for name, value in query.items() if value}
        return f"{path}?{urlencode({**wanted, 'page': str(number)})}"

    numbers = sorted({1, last, *range(max(1, page - 2), min(last, page + 2) + 1)})
    return {
        "items": [
            PageLink(number=number, href=link(number), current=number == page) for number in numbers
        ],
        "previous": {"href": link(page - 1)} if page > 1 else None,
        "next": {"href": link(page + 1)} if page < last else None,
        "last": last,
    }


def present_payment_line(payment: Payment) -> Values:
    """Return a line of a table of payments; the account number is masked."""
    return {
        "href": f"/payments/payments/{payment.public_id}",
        "id": payment.public_id,
        "name": payment.payee_name,
        "account": mask_account_number(payment.account_tail),
        "reference": payment.reference,
        "case": payment.case_reference or "",
        "amount": format_pounds(payment.amount_pence),
        "state": payment.state,
        "state_text": STATE_TEXTS[payment.state],
        "colour": STATE_COLOURS.get(payment.state, ""),
        "word": capital(WORDS.get(payment.state, "")),
        "hold": payment.hold_reason or "",
        "reason": capital(payment.reason or ""),
        "run_href": f"/payments/runs/{payment.run_id}",
        "run_reference": payment.run_reference,
        "created_at": payment.created_at,
    }


def present_event(event: Event) -> Values:
    """Return a line of a history."""
    notes = [
        capital(str(event.details[name]))
        for name in ("reason", "from", "hold")
        if event.details.get(name) and event.kind != "hold_released"
    ]
    if event.kind == "hold_released":
        notes = [f"{event.details.get('hold')} {event.details.get('reason')}"]
    if event.kind == "edited" and event.details.get("amount_pence_before"):
        before = format_pounds(int(event.details["amount_pence_before"] or 0))
        after = format_pounds(int(event.details["amount_pence"] or 0))
        notes.insert(0, f"{before} → {after}" if before != after else after)
    return {
        "at": event.at,
        "what": tell_staff(event),
        "who": tell_who(event),
        "by_person": event.actor_kind == "staff",
        "notes": notes,
        "hash": str(event.details.get("content_sha256") or "")[:16],
        "payment": event.payment_reference,
    }


def present_submission(session: Session, run: Run) -> Values | None:
    """Return how the hand-over of a run to the bank stands, None before there is one."""
    found = get_submission_of_run(session, run.id)
    if found is None:
        return None
    return {
        "serial": found.serial,
        "state": BANK_TEXTS.get(found.attempt_state, found.attempt_state)
        if found.state == "prepared" or found.attempt_state == "abandoned"
        else BANK_TEXTS.get(found.state, found.state),
        "processing_day": found.processing_day,
        "acknowledged_at": found.acknowledged_at,
        "refusal": found.refusal or "",
        "accepted": _counted(found.accepted_count, found.accepted_pence),
        "rejected": _counted(found.rejected_count, found.rejected_pence),
        "settled": format_pounds(found.settled_pence) if found.settled_pence is not None else "",
        "settled_on": found.settled_on,
    }


def _counted(count: int | None, pence: int | None) -> str:
    return "" if count is None or pence is None else f"{count}, {format_pounds(pence)}"


def present_name_check(check: StoredCheck | None) -> str:
    """Return what the name check of a payee said, in a sentence."""
    if check is None:
        return "There is no name check."
    if check.outcome is None:
        return "The bank was asked and the answer was never kept."
    outcome = outcome_of(check.reason_code)
    code = f" ({check.reason_code})" if check.reason_code else ""
    return f"{GROUP_TITLES[outcome.group]}{code}. {outcome.explanation}"


def present_payment(
    session: Session, staff: Staff, vault: DetailsVault, payment: Payment
) -> Values:
    """Return everything the page of a payment shows; only some roles see the whole account."""
    run = get_run(session, staff.organisation, payment.run_id)
    details = vault.open(payment.details_sealed, payment.record)
    sees_all = staff.has(UPLOADER, APPROVER)
    can: dict[Step, bool] = {
        step: has_role_for(step, staff.roles) and is_possible_in(step, run.state)
        for step in ("edit", "remove", "override", "recall")
    }
    may_recall = can["recall"] and run.working is None and payment.state == run.state
    if payment.state not in ("held", "ready", "rejected", "awaiting_approval", "approved"):
        can = dict.fromkeys(can, False)
    can["override"] = can["override"] and payment.state == "held"
    can["recall"] = may_recall
    may_hold = staff.has(APPROVER, RELEASER) and run.state not in ("released", "submitted")
    may_hold = may_hold and payment.state in ("ready", "rejected", "awaiting_approval", "approved")
    check = find_check(session, staff.organisation, payment.check_id) if payment.check_id else None
    lines, events = make_timeline(session, payment), list_payment_events(session, payment)
    return {
        "payment": {
            **present_payment_line(payment),
            "name_check": present_name_check(check),
            "account_type": payment.account_type,
            "sort_code": details.shown_sort_code,
            "account_number": details.account_number
            if sees_all
            else mask_account_number(details.account_number),
            "roll_number": details.roll_number,
            "derivation": details.derivation,
            "typed": f"{details.typed_sort_code} {details.typed_account_number}",
            "sees_all": sees_all,
            "modulus": payment.modulus_result,
            "reason_code": payment.reason_code or "",
            "correlation_id": payment.correlation_id,
            "payee": tell_payee(session, vault, staff.organisation, details),
            **_replacements(session, payment),
        },
        "run": {"reference": run.reference, "state": run.state, "programme": run.programme.name},
        "voids_approval": run.state in ("awaiting_approval", "approved"),
        "timeline": lines,
        "picture": make_picture(payment, lines, states_seen(events)),
        "bank": present_submission(session, run),
        "bank_lines": [
            {
                "href": f"/payments/reconciliation/statements/{line.statement_id}",
                "day": line.booking_date,
                "amount": format_pounds(line.amount_pence),
                "reference": line.reference,
                "what": "Return of this payment" if line.is_return else "Debit of the whole file",
            }
            for line in list_bank_lines(session, payment.id)
        ],
        "can": can,
        "may_hold": may_hold,
    }


def _replacements(session: Session, payment: Payment) -> Values:
    """Return links to the payment that this one replaces, and to the one that replaces it."""
    before = (
        None
        if payment.replaces is None
        else get_payment(session, payment.organisation, payment.replaces)
    )
    after = find_replacement(session, payment.organisation, payment.public_id)
    return {
        name: None
        if one is None
        else {"href": f"/payments/payments/{one.public_id}", "reference": one.reference}
        for name, one in (("replaces", before), ("replaced_by", after))
    }


def present_today(session: Session, organisation: str, today: date) -> Values:
    """Return the day's picture."""
    order = list(STATE_TEXTS)
    by_state = sorted(
        list_payments_by_state(session, organisation, today), key=lambda f: order.index(f.name)
    )
    runs = sorted(
        list_runs_by_state(session, organisation), key=lambda f: list(RUN_TEXTS).index(f.name)
    )
    return {
        "today": today,
        "runs_by_state": [
            {
                "text": RUN_TEXTS[figure.name],
                "colour": RUN_COLOURS.get(figure.name, ""),
                "href": f"/payments/runs?state={figure.name}",
                "count": figure.count,
                "total": format_pounds(figure.total_pence),
            }
            for figure in runs
        ],
        "by_state": _bars([(STATE_TEXTS[figure.name], figure) for figure in by_state]),
        "unmatched": count_exceptions(session, organisation),
        "waiting": _figure(count_in_states(session, organisation, "awaiting_approval")),
        "held": _figure(count_in_states(session, organisation, "held")),
        "sent": _figure(count_in_states(session, organisation, "submitted", "accepted")),
        "returned": _figure(count_in_states(session, organisation, "returned", "scheme_rejected")),
    }


def _figure(figure: Figure) -> Values:
    return {"count": figure.count, "total": format_pounds(figure.total_pence)}


def _bars(figures: Sequence[tuple[str, Figure]]) -> list[Values]:
    highest = max((figure.total_pence for _, figure in figures), default=0) or 1
    return [
        {
            "text": text,
            "count": figure.count,
            "total": format_pounds(figure.total_pence),
            "width": round(100 * figure.total_pence / highest, 1),
        }
        for text, figure in figures
    ]
