"""Comparing rows with each other and with history: duplicates (contract 9) and screening."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.screening.actions.screen import Subject, open_cases, screen
from payments.screening.rules import HOLD_REASONS, NOT_SCREENED, POSSIBLE_MATCH
from payments.stages.actions import finish_shard, take_shard
from payments.stages.queries import get_stage
from payments.uploads.actions.create import begin_creating
from payments.uploads.actions.history import is_current, move_upload, note_upload
from payments.uploads.actions.judge import judge_payees
from payments.uploads.queries import Upload, count_invalid_rows, load_upload
from payments.uploads.sql_compare import (
    ACCOUNTS_IN_FILE,
    ACCOUNTS_IN_HISTORY,
    DUPLICATES_IN_FILE,
    DUPLICATES_IN_HISTORY,
    DUPLICATES_IN_OTHERS,
    END_TO_END_IN_FILE,
    END_TO_END_IN_HISTORY,
    FORGET_CASES,
    FORGET_FAULTS,
    FORGET_HOLDS,
    INVOICES_IN_FILE,
    INVOICES_IN_HISTORY,
    INVOICES_IN_OTHERS,
    OTHER_UPLOADS,
    SET_HOLDS,
    SUM_WARNINGS,
    TO_SCREEN,
    UNCHECKED,
    UNKNOWN_PAYEES,
)
from shared.actors import SYSTEM

_FORGET = (FORGET_CASES, FORGET_FAULTS, FORGET_HOLDS)
_HARD = (END_TO_END_IN_FILE, END_TO_END_IN_HISTORY, UNKNOWN_PAYEES)
# What comes first is what the payment says; a row that is held already keeps its reason.
_SOFT = (
    DUPLICATES_IN_FILE,
    DUPLICATES_IN_HISTORY,
    INVOICES_IN_FILE,
    INVOICES_IN_HISTORY,
    ACCOUNTS_IN_FILE,
    ACCOUNTS_IN_HISTORY,
)
_AMONG_OTHERS = (DUPLICATES_IN_OTHERS, INVOICES_IN_OTHERS)


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
    judge_payees(session, upload, values, now)
    others = list(session.execute(OTHER_UPLOADS, values).scalars())
    among = _AMONG_OTHERS if others else ()
    for statement in (*_SOFT, *among):
        session.execute(statement, {**values, "others": others})
    _screen(session, vault, upload, values, now, score, hold_unscreened=hold_unscreened)
    finish_shard(session, shard, shard.last - shard.first + 1)
    return True


def _screen(
    session: Session,
    vault: DetailsVault,
    upload: Upload,
    values: dict[str, object],
    now: datetime,
    score: int,
    *,
    hold_unscreened: bool,
) -> None:
    rows = session.execute(TO_SCREEN, values).all()
    subjects = [
        Subject(row.payment_id, row.payee_name, bytes(row.account), row.hold_code, row.hold_reason)
        for row in rows
    ]
    hits = screen(session, vault, upload.organisation, upload.id, subjects, score, now)
    held: list[UUID] = []
    code = POSSIBLE_MATCH
    if hits is None:
        code = NOT_SCREENED
        held = [one.payment_id for one in subjects] if hold_unscreened else []
    else:
        held = [hit.subject.payment_id for hit in hits]
        open_cases(session, upload.organisation, hits, now, upload_id=upload.id)
    if held:
        numbers = {row.payment_id: row.number for row in rows}
        session.execute(
            SET_HOLDS,
            {
                "upload": upload.id,
                "numbers": [numbers[one] for one in held],
                "code": code,
                "reason": HOLD_REASONS[code],
            },
        )


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
