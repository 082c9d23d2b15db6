"""The console's pages of bills: the list, one bill, issuing by hand and by the file, cancelling."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from payments.bills.actions.issue import FaultyFileError, cancel_bill, import_bills, issue_bill
from payments.bills.csv_rules import (
    MAXIMUM_BYTES,
    MAXIMUM_FAULTS,
    MAXIMUM_ROWS,
    OPTIONAL,
    REQUIRED,
)
from payments.bills.presenting import (
    HOME,
    may_cancel,
    present_bill,
    present_choices,
    present_line,
    present_states,
)
from payments.bills.queries import Sought, get_bill, list_bills, sum_open
from payments.bills.rules import STATES, NewBill
from payments.bills.wording import DONE
from payments.controls.forms import keep, read_amount, read_date
from payments.runs.access import Staff, require_role
from payments.runs.pages import SIZE, PageNumber, SeesRuns
from payments.runs.presenting import Values, present_pages
from payments.runs.rules import UPLOADER
from shared.errors import FieldError, Invalid, Problem
from shared.money import format_pounds
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.pages import translate

router = APIRouter(prefix="/bills")

Issues = Annotated[Staff, Depends(require_role(UPLOADER))]
Reference = Annotated[str, Path(pattern=r"^[A-Z0-9][A-Z0-9-]{0,19}$")]
_LONGEST_SEARCH = 100


@router.get("")
def show_bills(
    request: Request,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    q: str = "",
    state: str = "",
    programme: str = "",
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Show the body's bills, newest first; search by reference and payer."""
    words = q.replace("\x00", "")[:_LONGEST_SEARCH]
    chosen = state if state in STATES else ""
    slug = programme.replace("\x00", "")[:_LONGEST_SEARCH]
    found, total = list_bills(
        session,
        staff.organisation,
        Sought(words, chosen, slug),
        offset=(page - 1) * SIZE,
        limit=SIZE,
    )
    query: Values = {"q": words, "state": chosen, "programme": slug}
    count, pence = sum_open(session, staff.organisation)
    return runtime.pages.render(
        request,
        "bills/bills.html",
        bills=[present_line(one) for one in found],
        total=total,
        open_count=count,
        open_total=format_pounds(pence),
        pages=present_pages(HOME, query, page, total, SIZE),
        states=present_states(),
        may_issue=staff.has(UPLOADER),
        is_narrowed=any(query.values()),
        done=DONE.get(done, ""),
        **present_choices(session, staff),
        **query,
        chosen_programme=slug,
    )


@router.get("/new")
def show_new(request: Request, staff: Issues, session: SessionDep, runtime: RuntimeDep) -> Response:
    """Show the form that issues a bill."""
    values = present_choices(session, staff)
    return runtime.pages.render(request, "bills/new.html", **values, kept=keep())


@router.post("/new")
def issue(
    request: Request,
    form: FormDep,
    staff: Issues,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Issue a bill."""
    try:
        bill = issue_bill(session, staff.organisation, _read(form), staff.actor, now)
    except Problem as problem:
        values = {**present_choices(session, staff), "kept": keep(form.plain())}
        return runtime.pages.render(request, "bills/new.html", problem=problem, **values)
    return RedirectResponse(f"{HOME}/{bill.reference}?done=issued", 303)


def _read(form: Form) -> NewBill:
    return NewBill(
        programme=form.text("programme"),
        reference=form.text("reference").upper(),
        payer_name=form.text("payer_name"),
        amount_pence=read_amount(form.text("amount")),
        description=form.text("description"),
        due_on=read_date(form, "due_on"),
        expires_on=read_date(form, "expires_on"),
    )


@router.get("/import")
def show_import(request: Request, _staff: Issues, runtime: RuntimeDep) -> Response:
    """Show the form that takes a file of bills."""
    return runtime.pages.render(request, "bills/import.html", **_import_values())


def _import_values() -> Values:
    return {
        "columns": ", ".join((*REQUIRED, *OPTIONAL)),
        "maximum": f"{MAXIMUM_ROWS:,}",
        "faults": [],
        "fault_count": 0,
    }


@router.post("/import")
def take_import(
    request: Request,
    form: FormDep,
    staff: Issues,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Issue all bills of a file, or show everything that is wrong with it."""
    values = _import_values()
    try:
        file = form.files.get("file")
        content = file.file.read(MAXIMUM_BYTES + 1) if file is not None else b""
        if file is None or not content:
            raise Invalid(FieldError("file", "Select a CSV file"))
        with session.begin_nested():
            import_bills(session, file.filename, content, staff.actor, now)
    except FaultyFileError as error:
        values["faults"] = [
            [str(one.row), str(one.line), one.column, translate(one.message)]
            for one in error.faults[:MAXIMUM_FAULTS]
        ]
        values["fault_count"] = len(error.faults)
        wrong = Invalid(FieldError("file", "The file has errors. None of its bills was issued."))
        return runtime.pages.render(request, "bills/import.html", problem=wrong, **values)
    except Problem as problem:
        if problem.code == "file_known":
            return RedirectResponse(f"{HOME}?done=known", 303)
        return runtime.pages.render(request, "bills/import.html", problem=problem, **values)
    return RedirectResponse(f"{HOME}?done=imported", 303)


@router.get("/{reference}")
def show_bill(
    request: Request,
    reference: Reference,
    staff: SeesRuns,
    session: SessionDep,
    runtime: RuntimeDep,
    done: str = "",
) -> Response:
    """Show a bill and everything that happened to it."""
    values = present_bill(session, staff, get_bill(session, staff.organisation, reference))
    return runtime.pages.render(request, "bills/bill.html", **values, done=DONE.get(done, ""))


@router.get("/{reference}/cancel")
def show_cancel(
    request: Request,
    reference: Reference,
    staff: Issues,
    session: SessionDep,
    runtime: RuntimeDep,
) -> Response:
    """Ask whether a bill shall be cancelled; one that cannot be is shown instead."""
    bill = get_bill(session, staff.organisation, reference)
    if not may_cancel(staff, bill):
        return RedirectResponse(f"{HOME}/{reference}", 303)
    return _ask(request, runtime, session, staff, reference)


def _ask(
    request: Request,
    runtime: RuntimeDep,
    session: Session,
    staff: Staff,
    reference: str,
    problem: Problem | None = None,
) -> Response:
    bill = get_bill(session, staff.organisation, reference)
    values: Values = {"bill": present_line(bill)}
    return runtime.pages.render(request, "bills/cancel.html", problem=problem, **values)


@router.post("/{reference}/cancel")
def cancel(
    request: Request,
    reference: Reference,
    form: FormDep,
    staff: Issues,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Cancel an open bill for ever, with a reason."""
    try:
        cancel_bill(session, staff.organisation, reference, form.text("reason"), staff.actor, now)
    except Invalid as problem:
        return _ask(request, runtime, session, staff, reference, problem)
    return RedirectResponse(f"{HOME}/{reference}?done=cancelled", 303)
