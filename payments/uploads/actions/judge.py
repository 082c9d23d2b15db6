"""What is known of the payees of a file: stopped, changed lately, and what their banks answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from payments.payees.master.queries import find_payees
from payments.payees.rules import LIFETIME, outcome_of
from payments.runs.rules import Hold, hold_of_payee
from payments.uploads.queries import Upload
from payments.uploads.sql_compare import CHECKS, HAS_PAYEES, SET_CHECKS, SET_PAYEES

_MISMATCH = Hold("payee_differs", "The account is that of another payee than the file says.")


def judge_payees(
    session: Session,
    upload: Upload,
    rows: Sequence[Row[Any]],
    values: Mapping[str, object],
    now: datetime,
) -> dict[int, Hold]:
    """Return why rows wait whose payee is stopped, cools off or was not confirmed by their bank.

    Rows of an account that the payee master knows get its payee, and the payee's GL code where
    they have none. A name that nobody has asked about in 90 days is no reason for a hold here: it
    is counted, and shown as a warning.
    """
    holds: dict[int, Hold] = {}
    if session.execute(HAS_PAYEES, values).scalar_one():
        _find_payees(session, upload, rows, now, holds)
    _find_checks(session, values, now, holds)
    return holds


def _find_payees(
    session: Session,
    upload: Upload,
    rows: Sequence[Row[Any]],
    now: datetime,
    holds: dict[int, Hold],
) -> None:
    views = find_payees(session, upload.organisation, {bytes(row.account) for row in rows})
    if not views:
        return
    known = [(row, view) for row in rows if (view := views.get(bytes(row.account))) is not None]
    for row, view in known:
        if row.payee_id is not None and row.payee_id != view.payee_id and not view.several:
            holds.setdefault(row.number, _MISMATCH)
        if (hold := hold_of_payee(view, now)) is not None:
            holds.setdefault(row.number, hold)
    session.execute(
        SET_PAYEES,
        {
            "upload": upload.id,
            "numbers": [row.number for row, _ in known],
            "payees": [view.payee_id for _, view in known],
            "codes": [view.gl_code for _, view in known],
        },
    )


def _find_checks(
    session: Session, values: Mapping[str, object], now: datetime, holds: dict[int, Hold]
) -> None:
    found = session.execute(CHECKS, {**values, "answered_after": now - LIFETIME}).all()
    if not found:
        return
    for row in found:
        outcome = outcome_of(row.reason_code)
        if outcome.policy in ("hold", "block"):
            hold = Hold(f"name_{outcome.group}", outcome.explanation)
            holds.setdefault(row.number, hold)
    session.execute(
        SET_CHECKS,
        {
            "upload": values["upload"],
            "numbers": [row.number for row in found],
            "checks": [row.id for row in found],
        },
    )
