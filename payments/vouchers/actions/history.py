"""Writing down what happened to vouchers, and moving them by the table of moves."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from payments.vouchers import models
from payments.vouchers.queries import Voucher
from payments.vouchers.rules import VoucherState, can_move
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.errors import Conflict
from shared.ids import new_id

Details = Mapping[str, str | int | None]


def note(
    session: Session,
    actor: Actor,
    vouchers: Sequence[Voucher],
    kind: str,
    now: datetime,
    *,
    state: VoucherState | None = None,
    details: Details | None = None,
) -> None:
    """Add a line to the history of each voucher, in one statement."""
    if not vouchers:
        return
    session.execute(
        insert(models.voucher_event),
        [
            {
                "id": new_id(),
                "voucher_id": voucher.id,
                "at": now,
                "kind": kind,
                "state": state,
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "actor_name": actor.name,
                "details": dict(details or {}),
                "correlation_id": correlation_id(),
            }
            for voucher in vouchers
        ],
    )


def note_one(
    session: Session,
    actor: Actor,
    voucher: Voucher,
    kind: str,
    now: datetime,
    *,
    state: VoucherState | None = None,
    details: Details | None = None,
) -> None:
    """Add a line to a voucher's history and to the audit trail; never its number."""
    note(session, actor, [voucher], kind, now, state=state, details=details)
    kept = {**(details or {}), "state": state}
    audit.record(session, actor, f"payments.voucher.{kind}", "voucher", voucher.serial, kept)


def move(
    session: Session,
    vouchers: Sequence[Voucher],
    state: VoucherState,
    now: datetime,
    **values: object,
) -> None:
    """Set the next state of locked vouchers; refuses all when one may not go there."""
    for voucher in vouchers:
        if not can_move(voucher.state, state):
            raise Conflict(
                "voucher_state", f"Voucher {voucher.serial} is {voucher.state}, not for {state}"
            )
    session.execute(
        update(models.voucher)
        .where(models.voucher.c.id.in_([voucher.id for voucher in vouchers]))
        .values(state=state, state_at=now, **values)
    )
