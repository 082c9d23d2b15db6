"""What the bank says moves payments; what contradicts their state waits for a person."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.runs.actions.history import (
    Told,
    move_run,
    note_payment,
    note_payments,
    note_run,
    reopen_run,
    tell_cases,
)
from payments.runs.queries.outcomes import (
    Batch,
    Group,
    find_batch,
    list_contradictions,
    list_ends,
    list_groups,
    list_runs_of_batch,
)
from payments.runs.queries.payments import list_payment_events, lock_payments
from payments.runs.queries.runs import Run, lock_run
from payments.runs.queries.totals import get_totals
from payments.runs.rules import FINISHED, UNPAID, PaymentState, find_path_of
from payments.stages.actions import begin_stage, finish_shard, take_shard
from payments.stages.rules import SHARD_ITEMS
from payments.webhooks.actions.announce import announce_moves
from payments.webhooks.rules import PAYMENT_CORRECTED
from shared.actors import SYSTEM, Actor
from shared.logs import get_logger

_BANK = Actor(kind="system", id="bank", name="The bank")
_WITH_REASON = ("scheme_rejected", "returned")
# What concerns one payment alone; the rest is one line of the run for all of them.
_OF_ITS_OWN = ("rejected", "returned")
_SENT = ("submitted", "accepted", "paid", "returned")
# Paid, and not paid after all, can be said in turn and heard in any order: the last word counts.
_LAST_WORD = """
                 AND NOT EXISTS (SELECT 1 FROM bank_outcome n
                                  WHERE n.payment_id = o.payment_id AND n.id > o.id
                                    AND n.kind = CASE o.kind WHEN 'paid' THEN 'unpaid'
                                                             ELSE 'paid' END
                                    AND (n.submission_id = o.submission_id) IS TRUE)
"""
# Run and state come with the answers: a payment is found by its id alone. Were the payments
# narrowed by them, a planner that takes the run for small would read it again for each answer.
_MOVE = """
    WITH moved AS (
      UPDATE payment p SET state = :after, state_at = :now,
             reason_code = CASE WHEN :with_reason THEN o.reason_code ELSE p.reason_code END,
             reason = CASE WHEN :with_reason THEN o.reason ELSE p.reason END
        FROM (SELECT o.payment_id, o.reason_code, o.reason, cast(:run AS uuid) AS run,
                     cast(:before AS text) AS before
                FROM bank_outcome o
               WHERE o.batch_id = :batch AND o.id BETWEEN :first AND :last AND o.kind = :kind
                 AND o.reason_code = :code AND o.reason = :reason
                 {only}
              OFFSET 0) o
       WHERE p.id = o.payment_id AND p.run_id = o.run AND p.state = o.before
      RETURNING p.id, p.public_id, p.correlation_id, p.case_reference)
    SELECT t.payments, t.first, t.last, m.id, m.public_id, m.correlation_id, m.case_reference
      FROM (SELECT count(*) AS payments, (array_agg(id ORDER BY id))[1] AS first,
                   (array_agg(id ORDER BY id DESC))[1] AS last FROM moved) t
      LEFT JOIN moved m ON :own OR m.case_reference IS NOT NULL ORDER BY m.id
"""
_MOVE_ONCE = text(_MOVE.format(only=""))
_MOVE_IN_TURN = text(_MOVE.format(only=_LAST_WORD))
_IN_TURN = ("paid", UNPAID)


def apply_outcomes(session: Session, batch_id: UUID, now: datetime) -> int:
    """Move payments as one batch of the bank's answers says; returns how many moved.

    Safe to run twice: an answer about a state that a payment has passed changes nothing. An
    answer that contradicts the state is written to the payment's history as a contradiction.
    More than one shard of answers is applied in the background; zero is returned then.
    """
    batch = find_batch(session, batch_id)
    if batch is None:
        return 0
    if batch.count > SHARD_ITEMS:
        _begin(session, batch, now)
        return 0
    runs = [
        lock_run(session, organisation, run_id)
        for organisation, run_id in list_runs_of_batch(session, batch_id)
    ]
    moved = _apply_range(session, batch_id, batch.first, batch.last, now)
    for run in runs:
        _advance_run(session, run, batch_id, moved.get(run.id, {}), now)
    return sum(sum(kinds.values()) for kinds in moved.values())


def apply_outcome_part(session: Session, stage_id: UUID, number: int, now: datetime) -> None:
    """Apply one shard of a big batch; done already changes nothing."""
    shard = take_shard(session, stage_id, number)
    if shard is None:
        return
    moved = _apply_range(session, shard.subject_id, shard.first, shard.last, now)
    finish_shard(session, shard, sum(sum(kinds.values()) for kinds in moved.values()))


def finish_outcomes(session: Session, batch_id: UUID, now: datetime) -> None:
    """Move the runs of a big batch on, all of whose answers are applied."""
    kinds = dict(_count_kinds(session, batch_id))
    for organisation, run_id in list_runs_of_batch(session, batch_id):
        _advance_run(session, lock_run(session, organisation, run_id), batch_id, kinds, now)


def _begin(session: Session, batch: Batch, now: datetime) -> None:
    begin_stage(
        session,
        batch.organisation,
        batch.id,
        "outcomes",
        list_ends(session, batch.id, SHARD_ITEMS),
        topic="payments.runs.apply_outcome_part",
        finish_topic="payments.runs.finish_outcomes",
        now=now,
    )


def _count_kinds(session: Session, batch_id: UUID) -> Sequence[tuple[str, int]]:
    rows = session.execute(
        text("SELECT kind, count(*) FROM bank_outcome WHERE batch_id = :batch GROUP BY kind"),
        {"batch": batch_id},
    )
    return [(kind, count) for kind, count in rows]


def _apply_range(
    session: Session, batch_id: UUID, first: int, last: int, now: datetime
) -> dict[UUID, dict[str, int]]:
    """Apply the answers of a range of ids; returns how many payments moved by run and kind."""
    moved: dict[UUID, dict[str, int]] = {}
    for group in list_groups(session, batch_id, first, last):
        path = find_path_of(group.kind, group.reason_code, group.state)
        if path is None:
            _note_contradictions(session, group, batch_id, first, last, now)
        elif path:
            count = _move(session, group, batch_id, (first, last), path, now)
            kinds = moved.setdefault(group.run.id, {})
            kinds[group.kind] = kinds.get(group.kind, 0) + count
    return moved


def _move(
    session: Session,
    group: Group,
    batch_id: UUID,
    ids: tuple[int, int],
    path: Sequence[PaymentState],
    now: datetime,
) -> int:
    target = path[-1]
    rows = session.execute(
        _MOVE_IN_TURN if group.kind in _IN_TURN else _MOVE_ONCE,
        {
            "batch": batch_id,
            "first": ids[0],
            "last": ids[1],
            "kind": group.kind,
            "code": group.reason_code,
            "reason": group.reason,
            "run": group.run.id,
            "before": group.state,
            "after": target,
            "now": now,
            "with_reason": target in _WITH_REASON,
            "own": group.kind in _OF_ITS_OWN,
        },
    ).all()
    named = [row for row in rows if row.id is not None]
    cases = [(row.public_id, row.correlation_id) for row in named if row.case_reference is not None]
    for state in path if group.kind != UNPAID else ():
        tell_cases(session, group.run.organisation, cases, state, now)
    details: dict[str, str | int | None] = {}
    if target in _WITH_REASON:
        details = {"reason_code": group.reason_code, "reason": group.reason}
    told = [Told(row.id, row.public_id, row.correlation_id) for row in named]
    note_payments(session, _BANK, group.run, told, group.kind, now, state=target, details=details)
    whole = rows[0]
    if whole.payments:
        run = group.run
        announce_moves(
            session,
            run.organisation,
            run.id,
            target,
            whole.first,
            whole.last,
            now,
            event_type=PAYMENT_CORRECTED if group.kind == UNPAID else None,
        )
    return int(whole.payments)


def _note_contradictions(
    session: Session, group: Group, batch_id: UUID, first: int, last: int, now: datetime
) -> None:
    """Write each contradiction of a group to its payment's history, once."""
    for outcome in list_contradictions(session, group, batch_id, first, last):
        payment = lock_payments(session, [outcome.payment_id])[0]
        known = list_payment_events(session, payment)
        if any(event.details.get("outcome_id") == outcome.id for event in known):
            continue
        get_logger().error(
            "payments.outcome_contradicts",
            payment_id=payment.public_id,
            state=payment.state,
            outcome=outcome.kind,
        )
        details = {
            "outcome_id": outcome.id,
            "outcome": outcome.kind,
            "reason_code": outcome.reason_code,
            "reason": outcome.reason,
        }
        note_payment(session, _BANK, payment, "contradicted", now, details=details)


def _advance_run(
    session: Session, run: Run, batch_id: UUID, moved: dict[str, int], now: datetime
) -> None:
    """Move a run on as its payments have moved: sent when one is, finished when all are.

    A run whose whole file was refused is finished without ever having been sent. What the bank
    said of most of its payments is one line of its history, which theirs show too.
    """
    states = set(get_totals(session, run.id))
    for kind in ("accepted", "paid", UNPAID, "refused"):
        if moved.get(kind):
            said: dict[str, str | int | None] = {"payments": moved[kind], "batch": str(batch_id)}
            note_run(session, _BANK, run, kind, now, details=said)
    if run.state == "closed" and moved.get(UNPAID):
        run = reopen_run(session, run, now)
        note_run(session, _BANK, run, "reopened", now, state="submitted")
    if run.state == "released" and states & set(_SENT):
        move_run(session, run, "submitted", now)
        sent = {"batch": str(batch_id)}
        note_run(session, _BANK, run, "submitted", now, state="submitted", details=sent)
        run = replace(run, state="submitted")
    if run.state in ("released", "submitted") and states <= FINISHED:
        move_run(session, run, "closed", now)
        note_run(session, SYSTEM, run, "closed", now, state="closed")
