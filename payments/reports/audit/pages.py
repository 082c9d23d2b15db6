"""The auditor's pages: the log, duties, people and samples. They read and change nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from payments.payees.csv_files import write_row
from payments.reports.audit.queries import (
    LogLine,
    Sampled,
    count_approved_runs,
    draw_monetary,
    draw_random,
    get_population,
    id_at,
    list_deeds,
    list_log,
    list_log_after,
    list_meetings,
    list_seen,
    log_values,
)
from payments.reports.audit.rules import (
    MEETINGS,
    MOST_SAMPLED,
    instants_of,
    plan_monetary,
    read_days,
)
from payments.reports.search.rules import link_query
from payments.runs.access import Staff, require_role
from payments.runs.rules import AUDITOR, ROLE_NAMES
from payments.runs.wording import STATE_TEXTS
from shared import audit
from shared.clock import london_date
from shared.errors import FieldError, Invalid
from shared.money import format_pounds
from shared.web.deps import NowDep, RuntimeDep, SessionDep
from shared.web.runtime import Runtime

router = APIRouter()

Auditor = Annotated[Staff, Depends(require_role(AUDITOR))]
_SIZE = 100
_BATCH = 2_000


@dataclass(frozen=True)
class _Days:
    from_: str = Query("", max_length=10, alias="from")
    to: str = Query("", max_length=10)


Days = Annotated[_Days, Depends()]


@dataclass(frozen=True)
class _Range:
    """The days asked for, or the faults of asking and the usual days instead."""

    first: date
    last: date
    errors: dict[str, str]

    @property
    def values(self) -> dict[str, Any]:
        """What every page of a range shows of it."""
        return {
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "errors": self.errors,
            "error_list": [{"field": name, "message": text} for name, text in self.errors.items()],
        }

    @property
    def status(self) -> int:
        """The status of the page."""
        return 422 if self.errors else 200


def _range(days: _Days, now: datetime, back: int = 30) -> _Range:
    today = london_date(now)
    try:
        return _Range(*read_days(days.from_, days.to, today, back), {})
    except Invalid as invalid:
        errors = {fault.field: fault.message for fault in invalid.fields}
        return _Range(*read_days("", "", today, back), errors)


@router.get("/audit")
def show_log(
    request: Request,
    days: Days,
    staff: Auditor,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
    action: Annotated[str, Query(max_length=80)] = "",
    person: Annotated[str, Query(max_length=80)] = "",
    object_id: Annotated[str, Query(max_length=80, alias="object")] = "",
    before: UUID | None = None,
) -> Response:
    """Search the audit log of some days, newest first."""
    asked = _range(days, now)
    since, until = instants_of(asked.first, asked.last)
    lines = list_log(
        session,
        staff.organisation,
        since,
        before or id_at(until),
        action=action.strip(),
        person=person.strip(),
        object_id=object_id.strip(),
        limit=_SIZE + 1,
    )
    query = {"from": asked.first.isoformat(), "to": asked.last.isoformat()}
    narrowed = {**query, "action": action, "person": person, "object": object_id}
    older = link_query({**narrowed, "before": str(lines[_SIZE - 1].id)}) if lines[_SIZE:] else ""
    return runtime.pages.render(
        request,
        "reports/audit_log.html",
        status=asked.status,
        lines=[_present(line) for line in lines[:_SIZE]],
        given={"action": action, "person": person, "object": object_id},
        older=older,
        export=link_query(query),
        **asked.values,
    )


def _present(line: LogLine) -> dict[str, object]:
    details = "; ".join(
        f"{name}: {value}"
        for name, value in sorted(line.details.items())
        if value not in (None, "")
    )
    return {
        "at": line.at,
        "who": line.actor_name or line.actor_id,
        "action": line.action,
        "object": f"{line.object_type} {line.object_id}",
        "details": details[:500],
    }


@router.get("/audit/export.{form}")
def export_log(
    form: Literal["jsonl", "csv"],
    days: Days,
    staff: Auditor,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Stream the audit log of some days, oldest first, as JSON Lines or CSV; itself noted there."""
    first, last = read_days(days.from_, days.to, london_date(now))
    since, until = instants_of(first, last)
    audit.record(
        session,
        staff.actor,
        "payments.audit.exported",
        "body",
        staff.organisation,
        {"from": first.isoformat(), "to": last.isoformat(), "form": form},
    )
    lines = _batches(runtime, staff.organisation, id_at(since), id_at(until))
    name = f"audit-{first.isoformat()}-{last.isoformat()}.{form}"
    return StreamingResponse(
        _as_json(lines) if form == "jsonl" else _as_csv(lines),
        media_type="application/jsonl" if form == "jsonl" else "text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _batches(runtime: Runtime, body: str, after: UUID, before: UUID) -> Iterator[list[LogLine]]:
    """Yield the log in batches, each read in a short transaction of its own."""
    # The lowest id of an instant itself is never given, so nothing is left out at the start.
    while True:
        with runtime.database.transaction() as session:
            lines = list_log_after(session, body, after, before, _BATCH)
        if lines:
            yield lines
            after = lines[-1].id
        if len(lines) < _BATCH:
            return


def _as_json(batches: Iterator[list[LogLine]]) -> Iterator[str]:
    for lines in batches:
        yield "".join(
            json.dumps(log_values(line), ensure_ascii=False, sort_keys=True) + "\n"
            for line in lines
        )


def _as_csv(batches: Iterator[list[LogLine]]) -> Iterator[str]:
    head = tuple(LogLine.__dataclass_fields__)
    yield write_row(head)
    for lines in batches:
        rows = []
        for line in lines:
            values = log_values(line)
            details = json.dumps(values["details"], ensure_ascii=False, sort_keys=True)
            rows.append(write_row([{**values, "details": details}[name] for name in head]))
        yield "".join(rows)


@router.get("/audit/duties")
def show_duties(
    request: Request,
    days: Days,
    staff: Auditor,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """List where duties met in one person; what the rules refuse should be nowhere."""
    asked = _range(days, now, 90)
    body = staff.organisation
    return runtime.pages.render(
        request,
        "reports/audit_duties.html",
        status=asked.status,
        runs=count_approved_runs(session, body, asked.first, asked.last),
        meetings=[
            {
                "what": MEETINGS[one.rule],
                "href": f"/payments/runs/{one.run_id}",
                "run": one.reference,
                "person": one.person,
                "at": one.at,
            }
            for one in list_meetings(session, body, asked.first, asked.last)
        ],
        **asked.values,
    )


@router.get("/audit/people")
def show_people(
    request: Request,
    days: Days,
    staff: Auditor,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Show who did which kind of thing, how often, and when first and last."""
    asked = _range(days, now, 90)
    since, until = instants_of(asked.first, asked.last)
    deeds = list_deeds(session, staff.organisation, since, until)
    return runtime.pages.render(
        request,
        "reports/audit_people.html",
        status=asked.status,
        people=[
            {
                "name": one.name,
                "roles": [ROLE_NAMES[role] for role in ROLE_NAMES if role in one.roles],
                "seen_at": one.seen_at,
            }
            for one in list_seen(session, staff.organisation)
        ],
        deeds=[
            {
                "who": one.actor_name or one.actor_id,
                "action": one.action,
                "times": str(one.times),
                "first": one.first_at,
                "last": one.last_at,
            }
            for one in deeds
        ],
        **asked.values,
    )


@dataclass(frozen=True)
class _Drawing:
    seed: str = Query("", max_length=60)
    size: int = Query(25, ge=1, le=MOST_SAMPLED)
    method: Literal["random", "monetary"] = "random"


Drawing = Annotated[_Drawing, Depends()]


@router.get("/audit/sample")
def show_sample(
    request: Request,
    days: Days,
    drawing: Drawing,
    staff: Auditor,
    session: SessionDep,
    runtime: RuntimeDep,
    now: NowDep,
) -> Response:
    """Draw a sample that anybody can draw again from the same seed, days and size."""
    asked = _range(days, now)
    count, pence = get_population(session, staff.organisation, asked.first, asked.last)
    found = _draw(session, staff.organisation, asked, drawing, pence)
    query = {
        "from": asked.first.isoformat(),
        "to": asked.last.isoformat(),
        "seed": drawing.seed,
        "size": str(drawing.size),
        "method": drawing.method,
    }
    return runtime.pages.render(
        request,
        "reports/audit_sample.html",
        status=asked.status,
        drawing=drawing,
        count=count,
        total=format_pounds(pence),
        payments=[
            {
                "href": f"/payments/payments/{one.public_id}",
                "reference": one.reference,
                "payee": one.payee_name,
                "amount": format_pounds(one.amount_pence),
                "state": STATE_TEXTS[one.state],
                "run": one.run,
            }
            for one in found
        ],
        download=link_query(query),
        **asked.values,
    )


@router.get("/audit/sample.csv")
def download_sample(
    days: Days, drawing: Drawing, staff: Auditor, session: SessionDep, now: NowDep
) -> Response:
    """Return the same sample as CSV; noted in the audit with its seed."""
    if not drawing.seed:
        raise Invalid(FieldError("seed", "Enter a seed"))
    asked = _Range(*read_days(days.from_, days.to, london_date(now)), {})
    _, pence = get_population(session, staff.organisation, asked.first, asked.last)
    found = _draw(session, staff.organisation, asked, drawing, pence)
    noted = {
        "seed": drawing.seed,
        "method": drawing.method,
        "size": drawing.size,
        "from": asked.first.isoformat(),
        "to": asked.last.isoformat(),
    }
    audit.record(
        session, staff.actor, "payments.sample.downloaded", "body", staff.organisation, noted
    )
    head = write_row(Sampled.__dataclass_fields__)
    rows = (write_row(one.__dict__.values()) for one in found)
    return Response(
        head + "".join(rows),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="sample.csv"'},
    )


def _draw(
    session: SessionDep, body: str, asked: _Range, drawing: _Drawing, pence: int
) -> list[Sampled]:
    if not drawing.seed or not pence:
        return []
    days = (asked.first, asked.last)
    if drawing.method == "random":
        return draw_random(session, body, *days, drawing.seed, drawing.size)
    start, step = plan_monetary(drawing.seed, drawing.size, pence)
    return list(draw_monetary(session, body, *days, start, step, drawing.size + 1))
