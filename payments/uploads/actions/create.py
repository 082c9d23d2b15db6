"""Rows become payments: a run in preparation, filled shard by shard inside the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from payments.runs import models as runs
from payments.runs.actions.history import move_run, note_run
from payments.runs.queries.runs import get_programme, get_run
from payments.stages.actions import begin_stage, finish_shard, take_shard
from payments.stages.queries import get_stage
from payments.stages.rules import cut
from payments.uploads import models
from payments.uploads.actions.history import move_upload, note_upload
from payments.uploads.queries import Upload, load_upload
from payments.webhooks.actions.announce import announce_fact, announce_payments
from payments.webhooks.rules import UPLOAD_FINISHED
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.errors import Conflict
from shared.ids import new_id, reference

CREATE = "payments.uploads.create"
CREATED = "payments.uploads.created"
CLIENT = "upload"
Details = dict[str, str | int | None]

# NOT IN reads the faults once and hashes them, whatever the planner believes of how many there are.
_GOOD = """
    r.upload_id = :upload AND r.number BETWEEN :first AND :last
    AND r.number NOT IN (SELECT f.number FROM upload_fault f
                          WHERE f.upload_id = :upload AND f.number BETWEEN :first AND :last)
"""
_TAKE_END_TO_END = text(
    f"""
    INSERT INTO upload_end_to_end (organisation, end_to_end_id, upload_id, payment_id)
    SELECT :organisation, r.end_to_end_id, r.upload_id, r.payment_id
      FROM upload_row r WHERE {_GOOD} AND r.end_to_end_id <> ''
    ON CONFLICT DO NOTHING
    """
)
# Another upload took the id since the rows were compared: a hard stop for this row.
_REFUSE_END_TO_END = text(
    f"""
    INSERT INTO upload_fault (upload_id, number, ordinal, line, field, message, found)
    SELECT r.upload_id, r.number, 102, r.line, 'end_to_end_id',
           'A payment was made under the same end-to-end id', r.end_to_end_id
      FROM upload_row r
     WHERE {_GOOD} AND r.end_to_end_id <> ''
       AND NOT EXISTS (SELECT FROM upload_end_to_end e
                        WHERE e.organisation = :organisation
                          AND e.end_to_end_id = r.end_to_end_id AND e.payment_id = r.payment_id
                       OFFSET 0)
    RETURNING (SELECT o.amount_pence FROM upload_row o
                WHERE o.upload_id = upload_fault.upload_id AND o.number = upload_fault.number)
    """
)
# One line of history for each payment that needs a person; for the others the run's says it all.
_PAYMENTS = text(
    f"""
    WITH made AS (
      INSERT INTO payment (id, public_id, organisation, run_id, state, payee_name, account_type,
             details_sealed, account_fingerprint, account_tail, amount_pence, currency, reference,
             modulus_result, check_id, hold_code, hold_reason, client_id, idempotency_key,
             correlation_id, created_at, state_at, payee_id, upload_row, gl_code, invoice_reference,
             invoice_received_on)
      SELECT r.payment_id, r.public_id, :organisation, :run,
             CASE WHEN r.hold_code IS NULL THEN 'ready' ELSE 'held' END, r.payee_name,
             r.account_type, r.details_sealed, r.account_fingerprint, r.account_tail,
             r.amount_pence, 'GBP', r.reference, r.modulus_result, r.check_id,
             r.hold_code, r.hold_reason,
             '{CLIENT}', r.upload_id || ':' || r.number, :correlation, :now, :now, r.payee_id,
             r.number, coalesce(nullif(r.gl_code, ''), :gl_code), r.invoice_reference,
             r.invoice_received_on
        FROM upload_row r WHERE {_GOOD} ORDER BY r.number
      RETURNING id, amount_pence, state, hold_reason
    ), told AS (
      INSERT INTO run_event (id, organisation, run_id, payment_id, at, kind, state, actor_kind,
                             actor_id, actor_name, details, correlation_id)
      SELECT id, :organisation, :run, id, :now, 'held', 'held', :kind, :actor, :name,
             jsonb_build_object('reason', hold_reason), :correlation
        FROM made WHERE state = 'held'
    )
    SELECT count(*) AS items, coalesce(sum(amount_pence), 0) AS pence,
           count(*) FILTER (WHERE state = 'held') AS held,
           array_agg(id) FILTER (WHERE state = 'held') AS held_ids FROM made
    """
)
_FORGET_ROWS = text(
    f"DELETE FROM upload_row r WHERE {_GOOD}",
)


def begin_creating(session: Session, upload: Upload, actor: Actor, now: datetime) -> UUID:
    """Open the run of a locked upload whose rows are good or dropped, and ask for its payments.

    Raises:
        Conflict: nothing is left to pay.
    """
    left = upload.rows_read - upload.dropped_rows
    if left < 1:
        raise Conflict("nothing_left", "No row of this file can be paid")
    run_id = new_id()
    session.execute(
        insert(runs.run).values(
            id=run_id,
            organisation=upload.organisation,
            programme_id=upload.programme_id,
            reference=reference("RUN"),
            run_date=london_date(now),
            state="preparing",
            source="upload",
            upload_id=upload.id,
            entry_on=upload.entry_on,
            declared_count=left,
            declared_pence=upload.pence_read - upload.dropped_pence,
            created_at=now,
            state_at=now,
            **get_programme(session, upload.programme_id).rails,
        )
    )
    run = get_run(session, upload.organisation, run_id)
    details: Details = {
        "upload": upload.reference,
        "payments": left,
        "dropped": upload.dropped_rows,
    }
    note_run(session, actor, run, "opened", now, state="preparing", details=details)
    move_upload(session, upload, "creating", now, run_id=run_id)
    begin_stage(
        session,
        upload.organisation,
        upload.id,
        "creating",
        cut(upload.rows_read),
        topic=CREATE,
        finish_topic=CREATED,
        now=now,
    )
    return run_id


def create_shard(session: Session, stage_id: UUID, number: int, now: datetime) -> bool:
    """Make the payments of one part of the rows; does nothing the second time."""
    shard = take_shard(session, stage_id, number)
    if shard is None:
        return False
    upload = load_upload(session, shard.subject_id)
    values = {
        "upload": upload.id,
        "organisation": upload.organisation,
        "run": upload.run_id,
        "correlation": upload.correlation_id,
        "first": shard.first,
        "last": shard.last,
        "gl_code": upload.programme_gl_code,
        "now": now,
        "kind": SYSTEM.kind,
        "actor": SYSTEM.id,
        "name": SYSTEM.name,
    }
    session.execute(_TAKE_END_TO_END, values)
    late = session.execute(_REFUSE_END_TO_END, values).scalars().all()
    made = session.execute(_PAYMENTS, values).one()
    if made.held:
        announce_payments(session, upload.organisation, made.held_ids, "held", now)
    session.execute(_FORGET_ROWS, values)
    if late or made.held:
        up = models.upload.c
        session.execute(
            update(models.upload)
            .where(up.id == upload.id)
            .values(
                held_rows=up.held_rows + made.held,
                dropped_rows=up.dropped_rows + len(late),
                dropped_pence=up.dropped_pence + sum(late),
                invalid_rows=up.invalid_rows + len(late),
            )
        )
    finish_shard(session, shard, made.items, int(made.pence))
    return True


def finish_creating(session: Session, stage_id: UUID, now: datetime) -> None:
    """Hand the run over to people, when exactly what was read and not dropped has been made.

    Raises:
        RuntimeError: the totals of the payments differ from those of the rows.
    """
    stage = get_stage(session, stage_id)
    upload = load_upload(session, stage.subject_id, lock=True)
    if upload.state != "creating" or upload.run_id is None:
        return
    expected = (
        upload.rows_read - upload.dropped_rows,
        upload.pence_read - upload.dropped_pence,
    )
    if (stage.items_done, stage.pence_done) != expected:
        raise RuntimeError(
            f"upload {upload.reference}: {stage.items_done} payments of {stage.pence_done} pence"
            f" were made, {expected[0]} of {expected[1]} were expected"
        )
    session.execute(select(runs.run.c.id).where(runs.run.c.id == upload.run_id).with_for_update())
    run = get_run(session, upload.organisation, upload.run_id)
    values = {"declared_count": expected[0], "declared_pence": expected[1]}
    move_run(session, run, "collecting", now, **values)
    details: Details = {
        "upload": upload.reference,
        "payments": expected[0],
        "pence": expected[1],
        "held": upload.held_rows,
        "dropped": upload.dropped_rows,
    }
    note_run(session, SYSTEM, run, "filled", now, state="collecting", details=details)
    move_upload(session, upload, "created", now)
    note_upload(session, SYSTEM, upload, "created", now, details)
    told = {"upload_id": str(upload.id), "run_id": str(run.id), "state": "created", **details}
    announce_fact(
        session,
        upload.organisation,
        UPLOAD_FINISHED,
        upload.reference,
        told,
        now,
        client_id=upload.sent_by_id if upload.source == "api" else None,
    )
