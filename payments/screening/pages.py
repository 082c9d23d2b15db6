"""The console's pages of screening: the cases of a body, and one case to decide."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from payments.controls.deps import SignInDep, ask_again
from payments.payees.bank_details import mask_account_number
from payments.runs.access import Staff, require_role
from payments.runs.presenting import Values, present_pages
from payments.runs.rules import ADMINISTRATOR, APPROVER, AUDITOR
from payments.screening.actions.decide import clear_case, confirm_case
from payments.screening.queries import Case, find_current_list, get_case, list_cases
from shared.errors import FieldError, Invalid, Problem
from shared.money import format_pounds
from shared.web.deps import FormDep, NowDep, RuntimeDep, SessionDep

router = APIRouter()

SIZE = 20
DECIDERS = (APPROVER, ADMINISTRATOR)
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
Reader = Annotated[Staff, Depends(require_role(*DECIDERS, AUDITOR))]
Decider = Annotated[Staff, Depends(require_role(*DECIDERS))]
STATE_TEXTS = {"open": "To be decided", "cleared": "Cleared", "confirmed": "Stopped"}
STATE_COLOURS = {"open": "orange", "cleared": "green", "confirmed": "red"}
_DONE = {
    "cleared": "The possible match was cleared. The payment goes on.",
    "confirmed": "The payment is stopped.",
}


def _present(case: Case) -> Values:
    return {
        "href": f"/payments/screening/{case.id}",
        "name": case.payee_name,
        "account": mask_account_number(case.account_tail),
        "amount": format_pounds(case.amount_pence),
        "reference": case.reference,
        "payment_href": f"/payments/payments/{case.public_id}",
        "run_href": f"/payments/runs/{case.run_id}",
        "run_reference": case.run_reference,
        "state": case.state,
        "state_text": STATE_TEXTS[case.state],
        "colour": STATE_COLOURS[case.state],
        "opened_at": case.opened_at,
        "decided_at": case.decided_at,
        "decided_by": case.decided_by_name or "",
        "reason": case.reason or "",
        "best": max((match["score"] for match in case.matches), default=0),
        "matches": [
            [match["name"], match["entry_id"], match["kind"], f"{match['score']} / 100"]
            for match in case.matches
        ],
        "listed_on": case.listed_on,
        "list_sha256": case.list_sha256.hex(),
        "sent_by": case.sent_by_name or "",
    }


@router.get("/screening")
def show_cases(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    state: str = "open",
    page: PageNumber = 1,
) -> Response:
    """Show the body's cases, newest first, and the list that is in force."""
    cases, total = list_cases(
        session, staff.organisation, state=state, offset=(page - 1) * SIZE, limit=SIZE
    )
    current = find_current_list(session)
    return runtime.pages.render(
        request,
        "screening/cases.html",
        cases=[_present(case) for case in cases],
        total=total,
        state=state,
        states=[{"value": name, "text": text} for name, text in STATE_TEXTS.items()],
        pages=present_pages("/payments/screening", {"state": state}, page, total, SIZE),
        current=None
        if current is None
        else {
            "listed_on": current.listed_on,
            "loaded_at": current.loaded_at,
            "entries": f"{current.entries:,}",
            "names": f"{current.names:,}",
            "source": current.source,
            "sha256": current.sha256.hex(),
        },
    )


@router.get("/screening/{case_id}")
def show_case(
    request: Request,
    case_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show a possible match with its evidence."""
    case = get_case(session, staff.organisation, case_id)
    return runtime.pages.render(
        request,
        "screening/case.html",
        case=_present(case),
        may_decide=_may_decide(staff, case),
        is_sender=staff.person_id == case.sent_by_id,
        done=_DONE.get(done, ""),
    )


def _refuse(*_values: object) -> None:
    raise Invalid(FieldError("decision", "Select whether the payee is who is listed"))


_DECISIONS = {"clear": clear_case, "confirm": confirm_case}


def _may_decide(staff: Staff, case: Case) -> bool:
    return case.state == "open" and staff.has(*DECIDERS) and staff.person_id != case.sent_by_id


@router.post("/screening/{case_id}")
def decide_case(
    request: Request,
    case_id: UUID,
    form: FormDep,
    staff: Decider,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    sign_in: SignInDep,
) -> Response:
    """Clear a possible match or stop the payment; needs a reason and another person.

    Where the body asks for a second factor everywhere, it needs a fresh sign-in too.
    """
    decision = form.text("decision")
    values = (session, staff.organisation, case_id, form.text("reason"), staff.actor, now)
    here = f"/payments/screening/{case_id}"
    if away := ask_again(session, staff.organisation, sign_in, now, here):
        return away
    try:
        _DECISIONS.get(decision, _refuse)(*values)
    except Problem as problem:
        if not problem.fields:
            raise
        case = get_case(session, staff.organisation, case_id)
        return runtime.pages.render(
            request,
            "screening/case.html",
            status=problem.status,
            case=_present(case),
            may_decide=_may_decide(staff, case),
            is_sender=False,
            done="",
            errors={fault.field: fault.message for fault in problem.fields},
            error_list=[
                {"field": fault.field, "message": fault.message} for fault in problem.fields
            ],
        )
    done = "cleared" if decision == "clear" else "confirmed"
    return RedirectResponse(f"{here}?done={done}", 303)
