"""Comparing rows with each other and with history: duplicates (contract 9) and screening."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.runs.rules import Hold
from payments.screening.actions.screen import Subject, open_cases, screen
from payments.screening.rules import HOLD_REASONS, NOT_SCREENED, POSSIBLE_MATCH
from payments.stages.actions import finish_shard, take_shard
from payments.stages.queries import get_stage
from payments.uploads.actions.alike import find_alike
from payments.uploads.actions.create import begin_creating
from payments.uploads.actions.history import is_current, move_upload, note_upload
from payments.uploads.actions.judge import judge_payees
from payments.uploads.queries import Upload, count_invalid_rows, load_upload
from payments.uploads.sql_compare import (
    END_TO_END_IN_FILE,
    END_TO_END_IN_HISTORY,
    FORGET_CASES,
    FORGET_FAULTS,
    FORGET_HOLDS,
    OPEN_CASES,
    ROWS,
    SET_HOLDS,
    SUM_WARNINGS,
    UNCHECKED,
    UNKNOWN_PAYEES,
)
from shared.actors import SYSTEM

_FORGET = (FORGET_FAULTS, FORGET_HOLDS)
_HARD = (END_TO_END_IN_FILE, END_TO_END_IN_HISTORY, UNKNOWN_PAYEES)


def compare_shard(
    session: Session,
    vault: DetailsVault,
    stage_id: UUID,
    number: int,
    now: datetime,
    *,
    duplicate_days: int,
    score: int,
    hold_unscreened: bool,
) -> bool:
    """Compare one part of the rows, all in sets; does nothing the second time.

    The same end-to-end id is a fault of the later row; whatever else looks like a payment that was
    made already, and a name that may be on the sanctions list, is held until a person has looked.
    """
    shard = take_shard(session, stage_id, number)
    if shard is None:
        return False
    upload = load_upload(session, shard.subject_id)
    if not is_current(session, stage_id, upload, "comparing"):
        finish_shard(session, shard, 0)
        return False
    values = {
        "upload": upload.id,
        "organisation": upload.organisation,
        "first": shard.first,
        "last": shard.last,
        "days": duplicate_days,
        "now": now,
    }
    for statement in (*_FORGET, *_HARD):
        session.execute(statement, values)
    rows = session.execute(ROWS, values).all()
    _forget_cases(session, upload, rows)
    # What comes first is what the payment says; a row that is held already keeps its reason.
    holds = judge_payees(session, upload, rows, values, now)
    holds = find_alike(session, values) | holds
    holds |= _screen(
        session, vault, upload, rows, holds, now, score, hold_unscreened=hold_unscreened
    )
    _hold(session, upload, holds)
    finish_shard(session, shard, shard.last - shard.first + 1)
    return True


def _forget_cases(session: Session, upload: Upload, rows: Sequence[Row[Any]]) -> None:
    """Forget the open cases of an earlier comparison of these rows."""
    cases = session.execute(OPEN_CASES, {"upload": upload.id}).all()
    if cases:
        mine = {row.payment_id for row in rows}
        ids = [case.id for case in cases if case.payment_id in mine]
        session.execute(FORGET_CASES, {"cases": ids})


def _screen(
    session: Session,
    vault: DetailsVault,
    upload: Upload,
    rows: Sequence[Row[Any]],
    holds: Mapping[int, Hold],
    now: datetime,
    score: int,
    *,
    hold_unscreened: bool,
) -> dict[int, Hold]:
    """Return the rows that wait because of the sanctions list, or for want of one."""
    subjects = []
    for row in rows:
        hold = holds.get(row.number)
        kept = (None, None) if hold is None else (hold.code, hold.reason)
        subjects.append(Subject(row.payment_id, row.payee_name, bytes(row.account), *kept))
    hits = screen(session, vault, upload.organisation, upload.id, subjects, score, now)
    if hits is None:
        wait = Hold(NOT_SCREENED, HOLD_REASONS[NOT_SCREENED])
        numbers = [row.number for row in rows if row.number not in holds]
        return dict.fromkeys(numbers, wait) if hold_unscreened else {}
    open_cases(session, upload.organisation, hits, now, upload_id=upload.id)
    hit = {one.subject.payment_id for one in hits}
    wait = Hold(POSSIBLE_MATCH, HOLD_REASONS[POSSIBLE_MATCH])
    return {row.number: wait for row in rows if row.payment_id in hit}


def _hold(session: Session, upload: Upload, holds: Mapping[int, Hold]) -> None:
    if holds:
        values = {
            "upload": upload.id,
            "numbers": list(holds),
            "codes": [hold.code for hold in holds.values()],
            "reasons": [hold.reason for hold in holds.values()],
        }
        session.execute(SET_HOLDS, values)


def finish_comparing(session: Session, stage_id: UUID, now: datetime, *, has_list: bool) -> None:
    """Add up what was found; without faults the payments are made, otherwise a person decides."""
    upload = load_upload(session, get_stage(session, stage_id).subject_id, lock=True)
    if not is_current(session, stage_id, upload, "comparing"):
        return
    invalid = count_invalid_rows(session, upload.id)
    found = session.execute(SUM_WARNINGS, {"upload": upload.id}).all()
    warnings = {code: count for code, count in upload.warnings.items() if code not in _COUNTED}
    warnings |= {row.code: int(row.number) for row in found}
    unchecked = session.execute(UNCHECKED, {"upload": upload.id}).scalar_one()
    if unchecked:
        warnings["names_not_checked"] = unchecked
    if not has_list:
        warnings["not_screened"] = upload.rows_read - invalid
    changes = {"warnings": warnings, "invalid_rows": invalid}
    if invalid:
        move_upload(session, upload, "faulty", now, **changes)
        note_upload(session, SYSTEM, upload, "faulty", now, {"rows": invalid})
        return
    move_upload(session, upload, "comparing", now, **changes)
    begin_creating(session, load_upload(session, upload.id), SYSTEM, now)


# Counted by row and therefore anew whenever rows were corrected.
_COUNTED = frozenset(
    {
        "reference_cut",
        "name_characters",
        "name_cut",
        "reference_characters",
        "reference_poor",
        "modulus_not_checked",
        "not_screened",
        "names_not_checked",
    }
)
