"""A new list: what is not paid yet is compared again, run by run, 10,000 payments at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.screening.actions.screen import Hit, Subject, open_cases, screen
from payments.screening.queries import find_current_list
from payments.screening.rules import (
    HOLD_REASONS,
    NOT_SCREENED,
    POSSIBLE_MATCH,
)
from payments.stages.rules import SHARD_ITEMS
from shared.actors import SYSTEM
from shared.outbox import enqueue

RESCREEN_RUN = "payments.screening.rescreen_run"
SCREEN_PAYMENT = "payments.screening.screen_payment"
FIRST = UUID(int=0)
_OPEN_RUNS = text(
    """
    SELECT id FROM run
     WHERE state IN ('preparing', 'collecting', 'correcting', 'putting_forward',
                     'awaiting_approval', 'approving', 'approved')
     ORDER BY id
    """
)
_LOCK_RUN = text("SELECT organisation, state, upload_id FROM run WHERE id = :run FOR UPDATE")
_NEXT = text(
    """
    SELECT id, payee_name, account_fingerprint AS account, state, hold_code, hold_reason
      FROM payment
     WHERE run_id = :run AND id > :after
       AND state IN ('ready', 'held', 'awaiting_approval', 'approved')
       AND hold_code IS DISTINCT FROM 'confirmed_match'
     ORDER BY id LIMIT :most
    """
)
_ONE = text(
    """
    SELECT id, payee_name, account_fingerprint AS account, state, hold_code, hold_reason
      FROM payment
     WHERE id = :payment AND run_id = :run
       AND state IN ('ready', 'held', 'awaiting_approval', 'approved')
       AND hold_code IS DISTINCT FROM 'confirmed_match'
    """
)
_RUN_OF = text("SELECT run_id FROM payment WHERE id = :payment")
# An open case of an earlier list is about what the list in force says now.
_FORGET_CASES = text(
    """
    DELETE FROM screening_case
     WHERE payment_id = ANY(cast(:ids AS uuid[])) AND state = 'open'
    """
)
_HOLD = text(
    """
    WITH moved AS (
      UPDATE payment SET state = 'held', hold_code = :code, hold_reason = :reason, state_at = :now
       WHERE id = ANY(cast(:ids AS uuid[])) AND state IN ('ready', 'held')
      RETURNING id, organisation, run_id, correlation_id
    )
    INSERT INTO run_event (id, organisation, run_id, payment_id, at, kind, state, actor_kind,
                           actor_id, actor_name, details, correlation_id)
    SELECT gen_random_uuid(), organisation, run_id, id, :now, 'held', 'held', :kind, :actor,
           :name, jsonb_build_object('reason', cast(:reason AS text)), correlation_id FROM moved
    """
)
_LET_GO = text(
    """
    UPDATE payment SET state = 'ready', hold_code = NULL, hold_reason = NULL, state_at = :now
     WHERE id = ANY(cast(:ids AS uuid[])) AND state = 'held' AND hold_code = :code
    """
)
_HELD_AGAIN = text(
    """
    SELECT payment_id, next_hold_code, next_hold_reason FROM screening_case
     WHERE payment_id = ANY(cast(:ids AS uuid[])) AND state = 'open'
    """
)
_CHANGEABLE = ("preparing", "collecting", "correcting")


def begin_rescreening(session: Session, list_id: UUID) -> int:
    """Ask for a new comparison of every run that is not at the bank yet; returns how many."""
    runs = list(session.execute(_OPEN_RUNS).scalars())
    for run_id in runs:
        _ask(session, list_id, run_id, FIRST)
    return len(runs)


def _ask(session: Session, list_id: UUID, run_id: UUID, after: UUID) -> None:
    payload = {"list_id": str(list_id), "run_id": str(run_id), "after": str(after)}
    enqueue(session, RESCREEN_RUN, payload, key=f"{list_id}/{run_id}/{after}")


def rescreen_run(
    session: Session,
    vault: DetailsVault,
    list_id: UUID,
    run_id: UUID,
    after: UUID,
    score: int,
    now: datetime,
) -> int:
    """Compare the next payments of a run with the list in force; asks for those behind them.

    What was held for want of a list goes on. In a run that people have put forward already a
    possible match opens a case, which keeps the run from being released, and moves nothing.
    """
    run = session.execute(_LOCK_RUN, {"run": run_id}).one()
    values = {"run": run_id, "after": after, "most": SHARD_ITEMS}
    rows = session.execute(_NEXT, values).all()
    if not rows or not _compare(session, vault, run, run_id, rows, score, now):
        return 0
    if len(rows) == SHARD_ITEMS:
        _ask(session, list_id, run_id, rows[-1].id)
    return len(rows)


def screen_payment(
    session: Session, vault: DetailsVault, payment_id: UUID, score: int, now: datetime
) -> None:
    """Compare the payee of one payment with the list in force, as a new list would."""
    run_id = session.execute(_RUN_OF, {"payment": payment_id}).scalar_one()
    run = session.execute(_LOCK_RUN, {"run": run_id}).one()
    rows = session.execute(_ONE, {"payment": payment_id, "run": run_id}).all()
    if rows:
        _compare(session, vault, run, run_id, rows, score, now)


def ask_for_screening(session: Session, payment_id: UUID) -> None:
    """Ask for the comparison of a payment that did not come in a file; nothing without a list."""
    if find_current_list(session) is not None:
        enqueue(session, SCREEN_PAYMENT, {"payment_id": str(payment_id)})


def _compare(
    session: Session,
    vault: DetailsVault,
    run: Row[Any],
    run_id: UUID,
    rows: Sequence[Row[Any]],
    score: int,
    now: datetime,
) -> bool:
    """Compare payments of a locked run; tells whether there is a list."""
    ids = [row.id for row in rows]
    nexts = {
        row.payment_id: (row.next_hold_code, row.next_hold_reason)
        for row in session.execute(_HELD_AGAIN, {"ids": ids})
    }
    subjects = []
    for row in rows:
        code, reason = row.hold_code, row.hold_reason
        if code in (POSSIBLE_MATCH, NOT_SCREENED):
            code, reason = nexts.get(row.id, (None, None))
        subjects.append(Subject(row.id, row.payee_name, bytes(row.account), code, reason))
    hits = screen(session, vault, run.organisation, run_id, subjects, score, now)
    if hits is None:
        return False
    session.execute(_FORGET_CASES, {"ids": ids})
    open_cases(session, run.organisation, hits, now, upload_id=run.upload_id)
    if run.state in _CHANGEABLE:
        _apply(session, ids, hits, now)
    return True


def _apply(session: Session, ids: list[UUID], hits: list[Hit], now: datetime) -> None:
    hit = {one.subject.payment_id for one in hits}
    without = [one for one in ids if one not in hit]
    session.execute(_LET_GO, {"ids": without, "code": NOT_SCREENED, "now": now})
    if hit:
        values = {
            "ids": list(hit),
            "code": POSSIBLE_MATCH,
            "reason": HOLD_REASONS[POSSIBLE_MATCH],
            "now": now,
            "kind": SYSTEM.kind,
            "actor": SYSTEM.id,
            "name": SYSTEM.name,
        }
        session.execute(_HOLD, values)
