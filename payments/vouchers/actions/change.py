"""Vouchers are stopped, given back, replaced, or end because nobody used them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments.runs.actions.steps import check_reason
from payments.runs.rules import APPROVER, UPLOADER
from payments.vouchers import models
from payments.vouchers.actions.funds import free_funds, need_role
from payments.vouchers.actions.history import move, note, note_one
from payments.vouchers.posting import post_ended
from payments.vouchers.queries import Voucher, get_voucher
from payments.vouchers.rules import EXPIRES, LIVING
from shared import audit
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.errors import Conflict

AT_ONCE = 5_000
Stop = Literal["suspended", "blocked", "cancelled", "purged", "activated"]
_KINDS: dict[Stop, str] = {
    "suspended": "suspended",
    "blocked": "blocked",
    "cancelled": "cancelled",
    "purged": "purged",
    "activated": "resumed",
}


def change_by_staff(
    session: Session, serial: str, state: Stop, reason: str, actor: Actor, now: datetime
) -> None:
    """Suspend, resume, block, cancel or purge a voucher, with a reason that is kept.

    Raises:
        Forbidden, NotFound, Invalid, Conflict: no role, unknown, no reason, not possible now.
    """
    organisation = need_role(actor, UPLOADER, APPROVER)
    voucher = get_voucher(session, organisation, serial, lock=True)
    if state == "activated" and voucher.state != "suspended":
        raise Conflict("voucher_state", f"Voucher {serial} is not suspended")
    change(session, voucher, state, check_reason(reason), actor, now)


def change(
    session: Session, voucher: Voucher, state: Stop, reason: str, actor: Actor, now: datetime
) -> None:
    """Move a locked voucher; one that ends frees its money and is owed no more."""
    move(session, [voucher], state, now)
    if state not in LIVING:
        _end(session, "cancelled", [voucher], now)
    details = {"reason": reason, "before": voucher.state}
    note_one(session, actor, voucher, _KINDS[state], now, state=state, details=details)


def expire_due(session: Session, now: datetime) -> int:
    """End up to 5,000 vouchers whose time is over; returns how many there were.

    Vouchers that somebody uses this instant are left to them and to the next time.
    """
    rows = session.execute(
        select(models.voucher.c.organisation, models.voucher.c.serial)
        .where(models.voucher.c.state.in_(EXPIRES), models.voucher.c.expires_at <= now)
        .order_by(models.voucher.c.expires_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    by_body: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_body[row.organisation].append(row.serial)
    for organisation, serials in by_body.items():
        _expire(session, organisation, serials, now)
    return len(rows)


def _expire(session: Session, organisation: str, serials: Sequence[str], now: datetime) -> None:
    vouchers = list_locked(session, organisation, serials)
    move(session, vouchers, "expired", now)
    _end(session, "expired", vouchers, now)
    note(session, SYSTEM, vouchers, "expired", now, state="expired")
    details = {"vouchers": len(vouchers), "total_pence": sum(v.amount_pence for v in vouchers)}
    audit.record(session, SYSTEM, "payments.vouchers.expired", "body", organisation, details)


def list_locked(session: Session, organisation: str, serials: Sequence[str]) -> list[Voucher]:
    """Return vouchers that this transaction has locked already."""
    table = models.voucher
    rows = session.execute(
        select(*[table.c[name] for name in Voucher.__dataclass_fields__]).where(
            table.c.organisation == organisation, table.c.serial.in_(serials)
        )
    )
    return [Voucher(**row._asdict()) for row in rows]


def end_all(session: Session, vouchers: Sequence[Voucher], now: datetime) -> None:
    """End vouchers that were never usable, and free their money."""
    move(session, vouchers, "cancelled", now)
    _end(session, "cancelled", vouchers, now)


def _end(session: Session, how: str, vouchers: Sequence[Voucher], now: datetime) -> None:
    """Free what was kept for vouchers that were living, and book that nothing is owed for them."""
    freed: dict[UUID, int] = defaultdict(int)
    for voucher in vouchers:
        if voucher.state in LIVING:
            freed[voucher.group_id] += voucher.amount_pence
    free_funds(session, freed)
    owed = [voucher for voucher in vouchers if voucher.is_issued]
    if not owed:
        return
    items = [(voucher.id, voucher.amount_pence) for voucher in owed]
    post_ended(session, owed[0].organisation, how, items, london_date(now))
    session.execute(
        update(models.voucher)
        .where(models.voucher.c.id.in_([voucher.id for voucher in owed]))
        .values(is_issued=False)
    )
