"""Plain values for the pages of uploads; templates never see live rows."""

from sqlalchemy.orm import Session

from payments.runs.access import Staff
from payments.runs.presenting import Values
from payments.runs.rules import UPLOADER
from payments.stages.queries import list_stages
from payments.uploads.queries import (
    Fault,
    Upload,
    UploadEvent,
    count_faults_by_field,
    list_upload_events,
)
from payments.uploads.rules import WAITING, WORKING
from payments.uploads.wording import (
    EVENT_TEXTS,
    FIELD_TEXTS,
    FORMAT_TEXTS,
    STAGE_TEXTS,
    STATE_COLOURS,
    STATE_TEXTS,
    WARNING_TEXTS,
)
from shared.money import format_pounds


def present_line(upload: Upload) -> Values:
    """Return a line of the list of uploads."""
    return {
        "href": f"/payments/uploads/{upload.id}",
        "reference": upload.reference,
        "filename": upload.filename,
        "programme": upload.programme_name,
        "state_text": STATE_TEXTS[upload.state],
        "colour": STATE_COLOURS[upload.state],
        "count": f"{upload.declared_count:,}",
        "total": format_pounds(upload.declared_pence),
        "sent_at": upload.created_at,
        "sent_by": upload.sent_by_name,
    }


def present_upload(session: Session, staff: Staff, upload: Upload) -> Values:
    """Return everything that the page of one upload shows."""
    may = staff.has(UPLOADER)
    return {
        **present_line(upload),
        "id": str(upload.id),
        "state": upload.state,
        "format": FORMAT_TEXTS[upload.format],
        "size": f"{upload.size:,}",
        "sha256": upload.sha256.hex(),
        "entry_on": upload.entry_on,
        "working": upload.state in WORKING,
        "rows_read": f"{upload.rows_read:,}",
        "found": format_pounds(upload.pence_read),
        "unread": upload.amounts_unread,
        "invalid_rows": upload.invalid_rows,
        "held_rows": upload.held_rows,
        "dropped_rows": upload.dropped_rows,
        "dropped": format_pounds(upload.dropped_pence),
        "refusal": upload.refusal,
        "refusal_place": _place(upload),
        "run_href": f"/payments/runs/{upload.run_id}" if upload.run_id else "",
        "run_reference": upload.run_reference or "",
        "warnings": [
            {"text": WARNING_TEXTS.get(code, code), "count": count}
            for code, count in sorted(upload.warnings.items())
        ],
        "stages": [
            {
                "text": STAGE_TEXTS.get(stage.name, stage.name),
                "percent": stage.percent,
                "done": f"{stage.items_done:,}",
                "all": f"{stage.items:,}",
            }
            for stage in list_stages(session, upload.id)
        ],
        "fields": [
            {"text": FIELD_TEXTS.get(name, name), "count": count}
            for name, count in count_faults_by_field(session, upload.id)
        ]
        if upload.state == "faulty"
        else [],
        "events": [present_event(one) for one in list_upload_events(session, upload.id)],
        "may_decide": may and upload.state in WAITING,
        "may_correct": may and upload.state == "faulty",
        "may_drop": may and upload.state == "faulty" and upload.invalid_rows < upload.rows_read,
        "may_map": may and upload.state == "mapping",
        "may_read_again": may and upload.state in ("reading", "validating", "comparing"),
    }


def _place(upload: Upload) -> str:
    parts = [f"line {upload.refusal_line}"] if upload.refusal_line else []
    parts += [upload.refusal_column] if upload.refusal_column else []
    return ", ".join(parts)


def present_event(event: UploadEvent) -> Values:
    """Return a line of the story of an upload."""
    notes = [f"{name}: {value}" for name, value in event.details.items() if name in _SHOWN]
    return {
        "what": EVENT_TEXTS.get(event.kind, event.kind),
        "at": event.at,
        "who": event.actor_name,
        "notes": notes,
    }


_SHOWN = ("rows", "payments", "held", "dropped", "columns")


def present_fault(fault: Fault) -> list[object]:
    """Return the cells of a line of the table of errors."""
    return [
        str(fault.number),
        str(fault.line),
        FIELD_TEXTS.get(fault.field, fault.field),
        fault.message,
        fault.found,
    ]
