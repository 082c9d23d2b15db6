"""A run is put forward: the content of each payment is fixed, and that of the run over them."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.submissions.rules import SignedContent, content_sha256
from payments.controls.checks import check_limits
from payments.controls.queries.holds import check_not_held
from payments.payees.bank_details import DetailsVault
from payments.runs.actions.create import open_run
from payments.runs.actions.history import Told, move_run, note_payments, note_run
from payments.runs.actions.moves import FIRST_ID, LAST_ID, Moved
from payments.runs.actions.parts import begin_work, fits_one_shard, set_working
from payments.runs.actions.steps import check_step, organisation_of
from payments.runs.queries.content import stored_content
from payments.runs.queries.runs import Run, lock_run
from payments.runs.queries.totals import Figure, add_up, get_totals
from payments.runs.rules import PaymentState
from shared.actors import SYSTEM, Actor
from shared.errors import Conflict

_READY: tuple[PaymentState, ...] = ("ready", "validated", "rejected")
_OPEN = text(
    """
    SELECT id, payee_name, account_type, details_sealed, amount_pence, currency, reference, gl_code
      FROM payment WHERE run_id = :run AND id BETWEEN :first AND :last AND state = ANY(:states)
     ORDER BY id FOR UPDATE
    """
)
_SIGN = text(
    """
    WITH moved AS (
      UPDATE payment p SET content_sha256 = u.hash, state = 'awaiting_approval', state_at = :now,
                           hold_code = NULL, hold_reason = NULL
        FROM unnest(cast(:ids AS uuid[]), cast(:hashes AS bytea[])) AS u(id, hash)
       WHERE p.id = u.id
      RETURNING p.amount_pence)
    SELECT count(*) AS payments, coalesce(sum(amount_pence), 0) AS pence FROM moved
    """
)
# What was recalled in an earlier round is no part of what is signed now.
_FORGET = text(
    "UPDATE payment SET content_sha256 = NULL WHERE run_id = :run AND state = 'recalled'"
)
_CARRY = text(
    """
    UPDATE payment SET run_id = :target WHERE run_id = :run AND state = 'held'
    RETURNING id, public_id, correlation_id
    """
)


def put_forward(
    session: Session, vault: DetailsVault, run_id: UUID, actor: Actor, now: datetime
) -> None:
    """Fix a run's content by its hash and ask for approval; held payments wait for the next run.

    More than one shard of payments is done in the background: the run is ``putting_forward``
    until then.

    Raises:
        Forbidden, Conflict: not an uploader, not a run to put forward, nothing in it, held, or
            above a limit.
    """
    run = lock_run(session, organisation_of(actor), run_id)
    check_step(run, "put_forward", actor)
    totals = get_totals(session, run.id)
    ready = add_up(totals, *_READY)
    if not ready.count:
        raise Conflict("run_empty", f"Run {run.reference} has no payment that is ready")
    check_not_held(session, run)
    check_limits(session, run, ready, *_READY)
    values = {"round": run.round + 1, "content_hash": None}
    run = replace(move_run(session, run, "putting_forward", now, **values), round=run.round + 1)
    if "recalled" in totals:
        session.execute(_FORGET, {"run": run.id})
    if "held" in totals:
        _carry_held_over(session, run, actor, now)
    if fits_one_shard(ready.count):
        sign_part(session, vault, run.id, now)
        _wait_for_approval(session, run, ready, actor, now)
        return
    begin_work(session, run, "put_forward", _READY, ready.count, now)
    details = {"payments": ready.count, "total_pence": ready.total_pence, "round": run.round}
    note_run(session, actor, run, "put_forward", now, state="putting_forward", details=details)


def sign_part(
    session: Session,
    vault: DetailsVault,
    run_id: UUID,
    now: datetime,
    *,
    first: UUID = FIRST_ID,
    last: UUID = LAST_ID,
) -> Moved:
    """Store the hash of each ready payment in a range of ids and let it wait for approval."""
    values = {"run": run_id, "first": first, "last": last, "states": list(_READY)}
    rows = session.execute(_OPEN, values).all()
    hashes = []
    for row in rows:
        details = vault.open(bytes(row.details_sealed), f"payment:{row.id}")
        hashes.append(
            content_sha256(
                SignedContent(
                    row.payee_name,
                    row.account_type,
                    details.sort_code,
                    details.account_number,
                    details.roll_number,
                    row.amount_pence,
                    row.currency,
                    row.reference,
                    row.gl_code,
                )
            )
        )
    moved = session.execute(
        _SIGN, {"ids": [row.id for row in rows], "hashes": hashes, "now": now}
    ).one()
    return Moved(moved.payments, int(moved.pence))


def finish_put_forward(session: Session, organisation: str, run_id: UUID, now: datetime) -> None:
    """Ask for the approval of a big run whose parts are all signed; done already changes nothing.

    Raises:
        RuntimeError: what is signed is not what was put forward.
    """
    run = lock_run(session, organisation, run_id)
    if run.state != "putting_forward":
        return
    waiting = get_totals(session, run.id).get("awaiting_approval", Figure("", 0, 0))
    set_working(session, run.id, None)
    _wait_for_approval(session, run, waiting, None, now)


def _wait_for_approval(
    session: Session, run: Run, ready: Figure, actor: Actor | None, now: datetime
) -> None:
    """Set the run's hash; without an actor the work that somebody began has ended."""
    content = stored_content(session, run, "awaiting_approval")
    if content.digest is None or (content.count, content.pence) != (ready.count, ready.total_pence):
        raise RuntimeError(f"run {run.id}: what is signed is not what was put forward")
    move_run(
        session,
        run,
        "awaiting_approval",
        now,
        content_hash=content.digest,
        signed_count=content.count,
        signed_pence=content.pence,
    )
    details: dict[str, str | int | None] = {
        "payments": content.count,
        "total_pence": content.pence,
        "content_sha256": content.digest.hex(),
        "round": run.round,
    }
    kind = "content_fixed" if actor is None else "put_forward"
    note_run(session, actor or SYSTEM, run, kind, now, state="awaiting_approval", details=details)


def _carry_held_over(session: Session, run: Run, actor: Actor, now: datetime) -> None:
    """Move held payments to the run that collects now, so that they do not stop this one."""
    target = open_run(session, run.programme, now)
    rows = session.execute(_CARRY, {"run": run.id, "target": target}).all()
    held = [Told(row.id, row.public_id, row.correlation_id) for row in rows]
    note_payments(session, actor, run, held, "carried_over", now, details={"from": run.reference})
