"""Batches of vouchers or payment orders: put forward by one person, approved by another."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from payments.controls.rules import SignIn
from payments.payees.bank_details import DetailsVault
from payments.runs.actions.steps import check_reason
from payments.runs.rules import APPROVER, UPLOADER
from payments.vouchers import models
from payments.vouchers.actions.approval import add_signature, check_approval
from payments.vouchers.actions.change import change, end_all
from payments.vouchers.actions.funds import commit_funds, need_role
from payments.vouchers.actions.history import move, note, note_one
from payments.vouchers.actions.issue import Draft, issue, write_vouchers
from payments.vouchers.actions.limits import check_ordered
from payments.vouchers.queries import (
    Batch,
    Group,
    Voucher,
    find_replacement,
    get_batch,
    get_group,
    get_voucher,
    list_batch_vouchers,
)
from payments.vouchers.rules import (
    BatchLine,
    Kind,
    Recipient,
    content_sha256,
    make_number,
    make_serial,
)
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Forbidden, Invalid
from shared.ids import new_id, reference

_MAXIMUM_PURPOSE = 100


def put_batch_forward(
    session: Session,
    vault: DetailsVault,
    group_id: UUID,
    kind: Kind,
    purpose: str,
    lines: Sequence[BatchLine],
    actor: Actor,
    now: datetime,
) -> UUID:
    """Ask for vouchers or payment orders for these people; keeps their money at once.

    Raises:
        Forbidden, NotFound: not an uploader, no such group.
        Invalid: no purpose, or a rehearsal's group.
        Conflict: ``group_exhausted``.
    """
    organisation = need_role(actor, UPLOADER)
    group = get_group(session, organisation, group_id)
    plain = purpose.strip()
    if not plain or len(plain) > _MAXIMUM_PURPOSE or not plain.isprintable():
        raise Invalid(FieldError("purpose", "Enter what it is for, in up to 100 characters"))
    return _write(session, vault, group, kind, plain, lines, actor, now)


def approve_batch(
    session: Session,
    vault: DetailsVault,
    batch_id: UUID,
    signed: bytes,
    actor: Actor,
    now: datetime,
    sign_in: SignIn | None = None,
) -> bool:
    """Sign exactly what the approver's page showed; the last signature makes it usable.

    Authorities, limits and bands of the rail "payment order" hold as they do for runs. Returns
    whether that was the last signature.

    Raises:
        Forbidden: not an approver, the person who put the batch forward or signed it already,
            beyond their authority, or not freshly signed in where that is asked for.
        Conflict: decided already, above a limit, or its content is another than was seen.
    """
    batch, vouchers = _take(session, batch_id, actor)
    group = get_group(session, batch.organisation, batch.group_id)
    needed = check_approval(session, batch, group, vouchers, actor, sign_in, now)
    if signed != batch.content_sha256 or signed != _content(vault, group, batch, vouchers):
        raise Conflict("batch_changed", "The batch is not what you saw; nothing was approved")
    if add_signature(session, batch, actor, now) < needed:
        return False
    _decide(session, batch, "approved", "", actor, now)
    move(session, vouchers, "activated", now)
    issue(session, batch.organisation, vouchers, now)
    note(session, actor, vouchers, "activated", now, state="activated")
    return True


def reject_batch(
    session: Session, batch_id: UUID, reason: str, actor: Actor, now: datetime
) -> None:
    """Refuse a batch with a reason: its vouchers end and its money is free again."""
    reason = check_reason(reason)
    batch, vouchers = _take(session, batch_id, actor)
    _decide(session, batch, "rejected", reason, actor, now)
    end_all(session, vouchers, now)
    note(session, actor, vouchers, "rejected", now, state="cancelled", details={"reason": reason})


def replace_lost(
    session: Session, vault: DetailsVault, serial: str, reason: str, actor: Actor, now: datetime
) -> UUID:
    """Cancel a lost voucher and put another forward for the same person; returns its batch.

    Somebody else approves the new one, like every batch. A voucher is replaced once.
    """
    organisation = need_role(actor, UPLOADER)
    reason = check_reason(reason)
    lost = get_voucher(session, organisation, serial, lock=True)
    if lost.recipient_sealed is None:
        raise Conflict("not_replaceable", "Only a voucher made out to a person can be replaced")
    if find_replacement(session, lost.id) is not None:
        raise Conflict("already_replaced", "Another voucher replaces this one already")
    if lost.state in ("activated", "suspended", "blocked"):
        change(session, lost, "cancelled", reason, actor, now)
    elif lost.state != "expired":
        raise Conflict("voucher_state", f"A voucher that is {lost.state} cannot be replaced")
    group = get_group(session, organisation, lost.group_id)
    line = BatchLine(open_recipient(vault, lost), lost.amount_pence)
    purpose = f"Replaces {serial}"
    return _write(session, vault, group, lost.kind, purpose, [line], actor, now, replaces=lost.id)


def note_print(
    session: Session, vault: DetailsVault, serial: str, actor: Actor, now: datetime
) -> tuple[Voucher, Recipient, str]:
    """Return what a printed voucher shows, its secret number too; each print is written down.

    Raises:
        Forbidden, NotFound: no role, unknown.
        Conflict: it cannot be used (any more), or is not made out to a person.
    """
    organisation = need_role(actor, UPLOADER, APPROVER)
    voucher = get_voucher(session, organisation, serial, lock=True)
    if voucher.state != "activated" or voucher.recipient_sealed is None:
        raise Conflict("not_printable", "Only a usable voucher made out to a person is printed")
    session.execute(
        update(models.voucher)
        .where(models.voucher.c.id == voucher.id)
        .values(prints=voucher.prints + 1)
    )
    kind = "reprinted" if voucher.prints else "printed"
    note_one(session, actor, voucher, kind, now, details={"print": voucher.prints + 1})
    number = vault.open_text(voucher.number_sealed, voucher.record)
    return voucher, open_recipient(vault, voucher), number


def open_recipient(vault: DetailsVault, voucher: Voucher) -> Recipient:
    """Return for whom a voucher is; nobody for one that is made out to nobody."""
    if voucher.recipient_sealed is None:
        return Recipient("", ())
    name, address = json.loads(vault.open_text(voucher.recipient_sealed, voucher.record))
    return Recipient(name, tuple(address))


def _write(
    session: Session,
    vault: DetailsVault,
    group: Group,
    kind: Kind,
    purpose: str,
    lines: Sequence[BatchLine],
    actor: Actor,
    now: datetime,
    replaces: UUID | None = None,
) -> UUID:
    if group.is_rehearsal:
        raise Invalid(FieldError("group", "Vouchers of a rehearsal are not made out to people"))
    check_ordered(session, group, [line.amount_pence for line in lines])
    total = sum(line.amount_pence for line in lines)
    commit_funds(session, group, total)
    batch_id, name = new_id(), reference("VOU" if kind == "voucher" else "ORD")
    session.execute(
        insert(models.voucher_batch).values(
            id=batch_id,
            organisation=group.organisation,
            group_id=group.id,
            reference=name,
            kind=kind,
            state="awaiting_approval",
            purpose=purpose,
            voucher_count=len(lines),
            total_pence=total,
            content_sha256=content_sha256(group.name, kind, lines),
            made_by=actor.id,
            made_by_name=actor.name,
            made_at=now,
        )
    )
    until = now + timedelta(days=group.days_valid)
    drafts = [
        Draft(
            group_id=group.id,
            organisation=group.organisation,
            amount_pence=line.amount_pence,
            expires_at=until,
            state="not_pre_activated",
            number=make_number(),
            serial=make_serial(),
            kind=kind,
            batch_id=batch_id,
            recipient=json.dumps([line.recipient.name, line.recipient.address]),
            replaces=replaces,
        )
        for line in lines
    ]
    write_vouchers(session, vault, drafts, now)
    made = list_batch_vouchers(session, batch_id)
    note(session, actor, made, "requested", now, state="not_pre_activated")
    details = {"reference": name, "vouchers": len(lines), "total_pence": total}
    audit.record(
        session, actor, "payments.voucher_batch.put_forward", "voucher_batch", batch_id, details
    )
    return batch_id


def _take(session: Session, batch_id: UUID, actor: Actor) -> tuple[Batch, list[Voucher]]:
    organisation = need_role(actor, APPROVER)
    batch = get_batch(session, organisation, batch_id, lock=True)
    if batch.state != "awaiting_approval":
        raise Conflict("batch_decided", f"Batch {batch.reference} is decided already")
    if batch.made_by == actor.id:
        raise Forbidden(
            "same_person",
            "Another person has to decide",
            detail="You put this batch forward. Nobody can do both, whatever their roles.",
        )
    locked = select(models.voucher.c.id).where(models.voucher.c.batch_id == batch_id)
    session.execute(locked.with_for_update())
    return batch, list_batch_vouchers(session, batch_id)


def _content(vault: DetailsVault, group: Group, batch: Batch, vouchers: Sequence[Voucher]) -> bytes:
    lines = [BatchLine(open_recipient(vault, one), one.amount_pence) for one in vouchers]
    return content_sha256(group.name, batch.kind, lines)


def _decide(
    session: Session, batch: Batch, state: str, reason: str, actor: Actor, now: datetime
) -> None:
    session.execute(
        update(models.voucher_batch)
        .where(models.voucher_batch.c.id == batch.id)
        .values(
            state=state,
            reason=reason,
            decided_by=actor.id,
            decided_by_name=actor.name,
            decided_at=now,
        )
    )
    details = {"content_sha256": batch.content_sha256.hex(), "reason": reason}
    audit.record(
        session, actor, f"payments.voucher_batch.{state}", "voucher_batch", batch.id, details
    )
