"""The console's pages of files handed to the bank, and what people decide about them."""

from collections.abc import Callable, Iterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from payments.bank.submissions.decisions import (
    confirm_verdict,
    give_up,
    propose_verdict,
    try_again,
    withdraw_verdict,
)
from payments.bank.submissions.presenting import (
    STATE_TEXTS,
    Values,
    present_line,
    present_submission,
)
from payments.bank.submissions.queries import (
    SubmissionLine,
    get_submission,
    list_lines,
    stream_lines,
)
from payments.bank.work.presenting import present_item
from payments.bank.work.queries import list_submission_work
from payments.payees.csv_files import write_row
from payments.runs.access import Staff, require_role
from payments.runs.presenting import present_pages
from payments.runs.rules import APPROVER, RELEASER, SEES_RUNS
from shared.errors import FieldError, Invalid, Problem
from shared.web.deps import Form, FormDep, NowDep, RuntimeDep, SessionDep
from shared.web.pages import translate

router = APIRouter()

SIZE = 50
DECIDERS = (RELEASER, APPROVER)
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
Reader = Annotated[Staff, Depends(require_role(*SEES_RUNS))]
Decider = Annotated[Staff, Depends(require_role(*DECIDERS))]
_DONE = {
    "again": "The file is being written again.",
    "given-up": "The file was given up. Its payments can be paid anew.",
    "said": "Written down. Another person has to confirm it.",
    "confirmed": "Confirmed. The file is settled.",
    "withdrawn": "Taken back.",
}
_COLUMNS = (
    "serial",
    "run",
    "account",
    "rail",
    "format",
    "channel",
    "processing_day",
    "payments",
    "total",
    "state",
    "begun_at_utc",
)


@router.get("/submissions")
def show_submissions(
    request: Request,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    state: str = "",
    page: PageNumber = 1,
) -> Response:
    """Show the files that were made for the bank, newest first."""
    state = state if state in STATE_TEXTS else ""
    lines, total = list_lines(
        session, staff.organisation, state=state, skip=(page - 1) * SIZE, limit=SIZE
    )
    return runtime.pages.render(
        request,
        "bank/submissions.html",
        lines=[present_line(one) for one in lines],
        total=total,
        state=state,
        states=[{"value": value, "text": translate(text)} for value, text in STATE_TEXTS.items()],
        pages=present_pages("/payments/submissions", {"state": state}, page, total, SIZE),
    )


@router.get("/submissions.csv")
def download(staff: Reader, session: SessionDep, state: str = "") -> Response:
    """Return the list as CSV; the sum in pounds, the time in UTC."""
    found = stream_lines(session, staff.organisation, state if state in STATE_TEXTS else "")
    content = "".join(_csv(found))
    return Response(
        content,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="submissions.csv"'},
    )


def _csv(lines: Iterator[SubmissionLine]) -> Iterator[str]:
    yield write_row(_COLUMNS)
    for one in lines:
        yield write_row(
            [
                one.serial,
                one.run_reference,
                one.account_name,
                one.rail,
                one.file_format,
                one.channel,
                one.processing_day.isoformat(),
                one.payment_count,
                f"{one.total_pence // 100}.{one.total_pence % 100:02d}",
                one.state,
                one.created_at.isoformat(),
            ]
        )


@router.get("/submissions/{submission_id}")
def show_submission(
    request: Request,
    submission_id: UUID,
    staff: Reader,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    done: str = "",
) -> Response:
    """Show one file: its control totals, attempts, reports and work."""
    values = _present(session, staff, submission_id, now)
    text = _DONE.get(done, "")
    return runtime.pages.render(request, "bank/submission.html", **values, done=text, errors={})


@router.post("/submissions/{submission_id}/{step}")
def decide(
    request: Request,
    submission_id: UUID,
    step: str,
    form: FormDep,
    staff: Decider,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Take a decision about a file; a refusal is shown on its page and changes nothing."""
    numbers = (session, submission_id)
    steps: dict[str, tuple[str, Callable[[], None]]] = {
        "try-again": ("again", lambda: try_again(*numbers, staff.actor, now)),
        "give-up": ("given-up", lambda: _give_up(numbers, form, staff, now)),
        "say": ("said", lambda: _say(numbers, form, staff, now)),
        "confirm": ("confirmed", lambda: confirm_verdict(*numbers, staff.actor, now)),
        "withdraw": ("withdrawn", lambda: withdraw_verdict(*numbers, staff.actor, now)),
    }
    if step not in steps:
        return Response(status_code=404)
    done, action = steps[step]
    try:
        with session.begin_nested():
            action()
    except Problem as problem:
        return runtime.pages.render(
            request,
            "bank/submission.html",
            problem=problem,
            **_present(session, staff, submission_id, now),
            done="",
        )
    return RedirectResponse(f"/payments/submissions/{submission_id}?done={done}", 303)


def _give_up(numbers: tuple[SessionDep, UUID], form: Form, staff: Staff, now: NowDep) -> None:
    if form.text("sure") != "yes":
        raise Invalid(FieldError("sure", "Confirm that the file is never to be sent"))
    give_up(*numbers, form.text("reason"), staff.actor, now)


def _say(numbers: tuple[SessionDep, UUID], form: Form, staff: Staff, now: NowDep) -> None:
    verdict = form.text("verdict")
    evidence, reference = form.text("evidence"), form.text("bank_reference")
    if verdict == "acknowledged":
        propose_verdict(*numbers, "acknowledged", evidence, reference, staff.actor, now)
    elif verdict == "refused":
        propose_verdict(*numbers, "refused", evidence, reference, staff.actor, now)
    else:
        raise Invalid(FieldError("verdict", "Select what became of the file"))


def _present(session: SessionDep, staff: Staff, submission_id: UUID, now: NowDep) -> Values:
    found = get_submission(session, staff.organisation, submission_id)
    work = list_submission_work(session, staff.organisation, submission_id)
    return {
        "submission": present_submission(found, staff.person_id),
        "work": [present_item(one, now) for one in work],
        "may_decide": staff.has(*DECIDERS),
    }
