"""Plain values for the page of one run, which may hold a million payments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payments.controls.checks import standing_of
from payments.controls.duties import is_sole_approver
from payments.controls.queries.days import plan_run
from payments.controls.queries.holds import list_holds_of_run
from payments.payees.bank_details import mask_account_number
from payments.runs.access import Staff
from payments.runs.presenting import (
    Values,
    present_event,
    present_pages,
    present_payment_line,
    present_submission,
)
from payments.runs.queries.payments import (
    NEWEST_OF_PAYMENTS,
    count_with_words,
    list_page,
    list_run_events,
)
from payments.runs.queries.runs import Run, get_run, list_approvals
from payments.runs.queries.totals import GONE, Figure, add_up, get_totals, without
from payments.runs.rules import APPROVER, RELEASER, STEPS, has_role_for, is_possible_in
from payments.runs.wording import RUN_COLOURS, RUN_TEXTS, STATE_TEXTS, WORK_TEXTS
from payments.stages.queries import list_stages
from shared.money import format_pounds

PAYMENTS_A_PAGE = 50
MOST_FOUND = 1_000
_ENDED = ("submitted", "closed", "cancelled")
_COLLECTED = (*GONE, "held")
# What of its payments' histories a run's own tells: people's deeds and the bank's refusals.
_TOLD_OF_PAYMENTS = (
    *("edited", "removed", "hold_released", "carried_over", "contradicted", "rejected"),
    *("refused", "returned"),
)
_BEFORE_RELEASE = (
    *("collecting", "correcting", "putting_forward", "awaiting_approval", "approving", "approved"),
)
_AFTER_APPROVAL = ("approved", "released", "submitted", "accepted", "paid", "returned")
# Name of the stage, and the states whose payments have come so far.
_STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Held", ("held",)),
    ("Approved", (*_AFTER_APPROVAL, "scheme_rejected")),
    ("Sent to the Bacs network", ("submitted", "accepted", "paid", "returned")),
    ("Paid", ("paid",)),
    ("Returned", ("returned", "scheme_rejected")),
)


@dataclass(frozen=True)
class Wanted:
    """Which of a run's payments its page shows."""

    state: str = ""
    words: str = ""
    page: int = 1


def present_run(
    session: Session, staff: Staff, run_id: UUID, now: datetime, wanted: Wanted | None = None
) -> Values:
    """Return everything the page of a run shows, and the steps this person can take."""
    run = get_run(session, staff.organisation, run_id)
    totals = get_totals(session, run.id)
    counted = without(totals, *_COLLECTED)
    approvals = list_approvals(session, run.id, run.round)
    return {
        "run": {
            "id": str(run.id),
            "href": f"/payments/runs/{run.id}",
            "reference": run.reference,
            "state": run.state,
            "state_text": RUN_TEXTS[run.state],
            "colour": RUN_COLOURS.get(run.state, ""),
            "programme": run.programme.name,
            "date": run.run_date,
            "processing_date": run.processing_date,
            "account": f"{run.account.name}, {mask_account_number(run.account.account_number)}",
            "hash": run.content_hash.hex() if run.content_hash else "",
            "count": counted.count,
            "total": format_pounds(counted.total_pence),
            "by_hand": run.programme.release == "by_hand",
            "entry_on": run.entry_on,
        },
        "bank": present_submission(session, run),
        "plan": _present_plan(session, run, now),
        "progress": _present_progress(session, run),
        "figures": _stage_figures(run, totals),
        "history": [
            present_event(event) for event in list_run_events(session, run.id, *_TOLD_OF_PAYMENTS)
        ],
        "newest_of_payments": NEWEST_OF_PAYMENTS,
        "approvals": [
            {"name": approval.person_name, "at": approval.approved_at} for approval in approvals
        ],
        **_present_payments(session, run, totals, wanted or Wanted()),
        **_steps(session, staff, run, counted, [one.person_id for one in approvals], now),
    }


def _present_plan(session: Session, run: Run, now: datetime) -> Values | None:
    """Return the days of a run that is not released yet, with why they are not as wanted."""
    if run.state not in _BEFORE_RELEASE:
        return None
    try:
        plan = plan_run(session, run, now)
    except ValueError:
        # The bank holidays of that year are not published yet.
        return None
    return {
        "input_day": plan.input_day,
        "processing_day": plan.processing_day,
        "entry_day": plan.entry_day,
        "is_late": plan.is_late,
        "reasons": plan.reasons,
        "scottish": plan.scottish_holiday or "",
    }


def _present_payments(
    session: Session, run: Run, totals: dict[str, Figure], wanted: Wanted
) -> Values:
    state = wanted.state if wanted.state in STATE_TEXTS else ""
    found = list_page(
        session,
        run.id,
        state=state,
        words=wanted.words,
        offset=(wanted.page - 1) * PAYMENTS_A_PAGE,
        limit=PAYMENTS_A_PAGE,
    )
    if wanted.words:
        count = count_with_words(session, run.id, wanted.words, state=state, most=MOST_FOUND)
    else:
        count = add_up(totals, state).count if state else without(totals).count
    query: Values = {"state": state, "q": wanted.words}
    path = f"/payments/runs/{run.id}"
    return {
        "payments": [present_payment_line(payment) for payment in found],
        "filter": query,
        "found": count,
        "found_more": bool(wanted.words) and count == MOST_FOUND,
        "states": [
            {"value": name, "text": text, "count": totals[name].count}
            for name, text in STATE_TEXTS.items()
            if name in totals
        ],
        "pages": present_pages(path, query, wanted.page, count, PAYMENTS_A_PAGE),
    }


def _present_progress(session: Session, run: Run) -> list[Values]:
    """Return the stages of work on a run's payments, the latest last."""
    return [
        {
            "text": WORK_TEXTS.get(stage.name, stage.name),
            "percent": stage.percent,
            "done": stage.items_done,
            "items": stage.items,
            "total": format_pounds(stage.pence_done),
            "finished": stage.finished_at is not None,
        }
        for stage in list_stages(session, run.id)
    ]


def _steps(
    session: Session,
    staff: Staff,
    run: Run,
    counted: Figure,
    approvers: Sequence[str],
    now: datetime,
) -> Values:
    is_free = run.working is None
    can = {
        step: is_free and has_role_for(step, staff.roles) and is_possible_in(step, run.state)
        for step in STEPS
    }
    total = run.signed_pence or counted.total_pence
    standing = standing_of(session, run, total, staff.person_id, now, staff.under)
    holds = list_holds_of_run(session, run)
    blocked = can["approve"] and standing.conflict is not None
    is_within = standing.is_within_authority(total)
    can["approve"] = can["approve"] and not blocked and is_within and not holds
    can["release"] = (
        can["release"] and not is_sole_approver(staff.person_id, approvers) and not holds
    )
    can["put_forward"] = can["put_forward"] and not holds
    return {
        "can": can,
        "needs_other_person": blocked,
        "conflict": standing.conflict.sentence if standing.conflict else "",
        "is_working": not is_free,
        "holds": [
            {"reason": hold.reason, "owner": hold.owner, "review_on": hold.review_on}
            for hold in holds
        ],
        "demand": {
            "approvals": standing.demand.approvals,
            "reason": standing.demand.reason,
            "step_up": standing.step_up,
            "authority": ""
            if standing.authority_pence is None
            else format_pounds(standing.authority_pence),
            "is_within": is_within,
            "is_approver": staff.has(APPROVER),
        },
        "may_hold": staff.has(APPROVER, RELEASER) and run.state not in _ENDED and not holds,
    }


def _stage_figures(run: Run, totals: dict[str, Figure]) -> list[Values]:
    """Return count and sum at each stage, which must agree (ledger contract 4.2)."""
    figures = [without(totals, *GONE, name="In the run")]
    if run.signed_count is not None and run.content_hash is not None:
        figures.append(Figure("Put forward", run.signed_count, run.signed_pence or 0))
    figures += [add_up(totals, *states, name=name) for name, states in _STAGES]
    return [
        {
            "name": figure.name,
            "count": figure.count,
            "total": format_pounds(figure.total_pence),
        }
        for figure in figures
    ]
