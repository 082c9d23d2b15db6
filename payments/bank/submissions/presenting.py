"""Plain values for the pages of submissions."""

from typing import Any

from payments.bank.submissions.queries import AttemptView, SubmissionLine, SubmissionPage
from payments.bank.submissions.rules import Total
from shared.money import format_pounds

# What a template gets: texts, numbers, days and lists of them.
Values = dict[str, Any]
STATE_TEXTS = {
    "prepared": "Not acknowledged yet",
    "acknowledged": "Taken over by the bank",
    "reported": "Reported on by the bank",
    "settled": "Debit on the statement",
    "refused": "Refused or given up",
}
_COLOURS = {
    "prepared": "yellow",
    "acknowledged": "blue",
    "reported": "purple",
    "settled": "green",
    "refused": "red",
}
ATTEMPT_TEXTS = {
    "prepared": "The file is being made",
    "sealed": "The file is sealed and waits to be sent",
    "sending": "The file is being sent",
    "unknown": "Outcome unknown, being checked",
    "abandoned": "The file was never sent",
    "acknowledged": "The bank has taken the file over",
    "refused": "The bank refused the file",
}
RAIL_TEXTS = {"bacs": "Bacs", "faster_payments": "Faster Payments", "chaps": "CHAPS"}
FORMAT_TEXTS = {"standard18": "Standard 18", "pain.001.001.09": "pain.001.001.09"}
CHANNEL_TEXTS = {"https": "HTTPS", "sftp": "SFTP"}


def present_line(one: SubmissionLine) -> Values:
    """Return a line of the list."""
    return {
        "href": f"/payments/submissions/{one.id}",
        "serial": one.serial,
        "run": one.run_reference or "",
        "run_href": f"/payments/runs/{one.run_id}",
        "rail": RAIL_TEXTS.get(one.rail, one.rail),
        "processing_day": one.processing_day,
        "count": one.payment_count,
        "total": format_pounds(one.total_pence),
        "state": STATE_TEXTS[one.state],
        "colour": _COLOURS[one.state],
        "attempt": ATTEMPT_TEXTS[one.attempt_state] if one.state == "prepared" else "",
        "account": one.account_name,
    }


def present_totals(one: SubmissionPage) -> Values:
    """Return the row of figures that must agree: approved, released, in the file, acknowledged."""
    sealed = any(attempt.sha256 for attempt in one.attempts)
    in_file = one.released if sealed else None
    recalled = one.recalled or Total(0, 0)
    reported = None if one.accepted is None or one.rejected is None else one.accepted + one.rejected
    rows = [
        _row("Approved", one.approved, one.released + recalled),
        _row("Recalled before the file was made", one.recalled, None),
        _row("Released", one.released, None),
        _row("In the file", in_file, one.released),
        _row("Acknowledged by the bank", one.acknowledged, one.released),
        _row("Accepted and rejected by the bank", reported, one.released),
        _row("Accepted", one.accepted, None),
        _row("Rejected", one.rejected, None),
        _row("Returned", one.returned, None),
    ]
    return {"rows": rows, "differ": any(row["differs"] for row in rows)}


def _row(name: str, total: Total | None, wanted: Total | None) -> Values:
    return {
        "name": name,
        "count": None if total is None else f"{total.count:,}",
        "total": "" if total is None else format_pounds(total.pence),
        "differs": total is not None and wanted is not None and total != wanted,
    }


def present_submission(one: SubmissionPage, person_id: str) -> Values:
    """Return everything the page of a submission shows."""
    last = one.attempts[-1]
    return {
        "href": f"/payments/submissions/{one.id}",
        "serial": one.serial,
        "run": one.run_reference or "",
        "run_href": f"/payments/runs/{one.run_id}",
        "rail": RAIL_TEXTS.get(one.rail, one.rail),
        "format": FORMAT_TEXTS.get(one.file_format, one.file_format),
        "channel": CHANNEL_TEXTS.get(one.channel, one.channel),
        "processing_day": one.processing_day,
        "account": one.account_name,
        "state": STATE_TEXTS[one.state],
        "colour": _COLOURS[one.state],
        "attempt": ATTEMPT_TEXTS[last.state],
        "is_stopped": last.state == "prepared",
        "is_unknown": last.state == "unknown",
        "progress": f"{one.parts_done} / {one.parts}" if one.parts else "",
        "changed_texts": one.changed_texts,
        "bank_reference": one.bank_reference or "",
        "acknowledged_at": one.acknowledged_at,
        "settled_on": one.settled_on,
        "settled": "" if one.settled_pence is None else format_pounds(one.settled_pence),
        "totals": present_totals(one),
        "attempts": [_attempt(attempt) for attempt in one.attempts],
        "reports": [
            {
                "href": f"/payments/bank/reports/{report.id}",
                "name": report.bank_report_id,
                "kind": report.kind,
                "at": report.received_at,
                "problem": report.problem,
            }
            for report in one.reports
        ],
        "verdict": one.verdict
        and {
            "text": ATTEMPT_TEXTS[one.verdict.verdict],
            "evidence": one.verdict.evidence,
            "reference": one.verdict.bank_reference,
            "who": one.verdict.proposed_by_name,
            "at": one.verdict.proposed_at,
            "is_open": one.verdict.state == "proposed",
            "is_mine": one.verdict.proposed_by_id == person_id,
            "confirmed_by": one.verdict.decided_by_name or "",
        },
    }


def _attempt(attempt: AttemptView) -> Values:
    return {
        "number": attempt.number,
        "state": ATTEMPT_TEXTS[attempt.state],
        "sha256": attempt.sha256,
        "size": "" if attempt.size is None else f"{attempt.size:,}",
        "sent_at": attempt.sending_at,
        "decided_at": attempt.decided_at,
        "answer": attempt.refusal or attempt.bank_reference or "",
    }
