"""Bills are issued one by one or by the file, and cancelled."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from payments.bills import models
from payments.bills.actions.history import Details, move, note, write_event
from payments.bills.actions.pending import end_pending
from payments.bills.csv_rules import RowFault, read_bills
from payments.bills.queries import Bill, get_bill, list_known
from payments.bills.rules import NewBill, check_bill
from payments.runs.actions.steps import check_reason
from payments.runs.queries.runs import list_programmes
from payments.runs.rules import UPLOADER
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

_KNOWN = "This body has a bill with this reference already"

_INSERT = text(
    """
    INSERT INTO bill (id, organisation, programme_id, import_id, reference, payer_name,
      amount_pence, description, due_on, expires_on, state, state_at, client_id, created_at,
      correlation_id)
    SELECT u.id, :organisation, u.programme, :import_id, u.reference, u.payer, u.pence,
           u.description, u.due, u.last, 'open', :now, :client_id, :now, :correlation
      FROM unnest(cast(:ids AS uuid[]), cast(:programmes AS uuid[]), cast(:references AS text[]),
        cast(:payers AS text[]), cast(:pence AS bigint[]), cast(:descriptions AS text[]),
        cast(:due AS date[]), cast(:last AS date[]))
        AS u (id, programme, reference, payer, pence, description, due, last)
    ON CONFLICT (organisation, reference) DO NOTHING
    """
)


class FaultyFileError(Exception):
    """A file of bills has faults, all of which are here; nothing of it was taken."""

    def __init__(self, faults: Sequence[RowFault]) -> None:
        super().__init__(f"{len(faults)} faults in a file of bills")
        self.faults = faults


def issue_bill(
    session: Session,
    organisation: str,
    new: NewBill,
    actor: Actor,
    now: datetime,
    *,
    client_id: str | None = None,
) -> Bill:
    """Issue one bill.

    Raises:
        Invalid: everything that is wrong with it, also that its reference was used before.
    """
    programmes = {one.slug: one.id for one in list_programmes(session, organisation)}
    faults = check_bill(new, list(programmes), london_date(now))
    if faults:
        raise Invalid(*faults)
    made = _insert(session, organisation, [new], programmes, now, client_id=client_id)
    if not made:
        raise Invalid(FieldError("reference", _KNOWN))
    bill = get_bill(session, organisation, new.reference)
    details: Details = {"amount_pence": bill.amount_pence, "due_on": bill.due_on.isoformat()}
    note(session, actor, bill, "issued", now, details, state="open")
    return bill


def import_bills(
    session: Session, filename: str, content: bytes, actor: Actor, now: datetime
) -> UUID:
    """Issue all bills of a CSV file, or none; the file is in the audit trail as one line.

    Raises:
        Forbidden: the person does not issue bills here.
        Invalid: the file cannot be read.
        FaultyFileError: every fault of every row.
        Conflict: ``file_known``: the same bytes were taken before.
    """
    organisation = need_uploader(actor)
    programmes = {one.slug: one.id for one in list_programmes(session, organisation)}
    rows, faults = read_bills(content, list(programmes), london_date(now))
    bills = [bill for _, bill in rows]
    known = list_known(session, organisation, [bill.reference for bill in bills])
    sha256 = hashlib.sha256(content).digest()
    import_id = new_id()
    values = {
        "id": import_id,
        "organisation": organisation,
        "filename": filename[:200],
        "sha256": sha256,
        "bill_count": len(bills),
        "total_pence": sum(bill.amount_pence or 0 for bill in bills) or 1,
        "made_by": actor.id,
        "made_by_name": actor.name,
        "made_at": now,
    }
    if not faults:
        _note_file(session, values)
    faults += [
        RowFault(number, line, "reference", _KNOWN)
        for number, (line, bill) in enumerate(rows, 1)
        if bill.reference in known
    ]
    if faults:
        raise FaultyFileError(sorted(faults, key=lambda fault: fault.row))
    made = _insert(session, organisation, bills, programmes, now, import_id=import_id)
    if made < len(bills):
        raise Conflict("bills_changed", "Somebody issued a bill of this file at the same moment")
    details = {"bills": len(bills), "total_pence": values["total_pence"], "sha256": sha256.hex()}
    audit.record(session, actor, "payments.bills.imported", "bill_import", import_id, details)
    return import_id


def _note_file(session: Session, values: dict[str, object]) -> None:
    statement = upsert(models.bill_import).values(**values).on_conflict_do_nothing()
    if session.execute(statement.returning(models.bill_import.c.id)).one_or_none() is None:
        raise Conflict("file_known", "This file was imported before. Nothing was changed.")


def _insert(
    session: Session,
    organisation: str,
    bills: Sequence[NewBill],
    programmes: dict[str, UUID],
    now: datetime,
    *,
    client_id: str | None = None,
    import_id: UUID | None = None,
) -> int:
    values = {
        "ids": [new_id() for _ in bills],
        "programmes": [programmes[bill.programme] for bill in bills],
        "references": [bill.reference for bill in bills],
        "payers": [" ".join(bill.payer_name.split()) for bill in bills],
        "pence": [bill.amount_pence for bill in bills],
        "descriptions": [" ".join(bill.description.split()) for bill in bills],
        "due": [bill.due_on for bill in bills],
        "last": [bill.last_day for bill in bills],
        "organisation": organisation,
        "import_id": import_id,
        "client_id": client_id,
        "now": now,
        "correlation": correlation_id(),
    }
    return int(session.execute(_INSERT, values).rowcount)  # type: ignore[attr-defined]  # an INSERT has a row count


def cancel_bill(
    session: Session,
    organisation: str,
    reference: str,
    reason: str,
    actor: Actor,
    now: datetime,
    *,
    client_id: str | None = None,
) -> Bill:
    """Cancel an open bill for ever, with a reason; requests to pay it are cancelled too.

    Raises:
        NotFound, Invalid: unknown, or of another program where one asks; no reason.
        Conflict: ``bill_state``: it is not open.
    """
    bill = get_bill(session, organisation, reference, lock=True)
    if client_id is not None and client_id != bill.client_id:
        raise NotFound("no_such_bill", "There is no such bill")
    if bill.state != "open":
        raise Conflict("bill_state", "This bill cannot be cancelled any more")
    words = check_reason(reason)
    move(session, bill, "cancelled", now)
    note(session, actor, bill, "cancelled", now, {"reason": words}, state="cancelled")
    for one in end_pending(session, [bill.id], "CAN", now):
        write_event(session, actor, bill.id, "request_ended", now, {"rtp": one.rtp_id})
    return bill


def need_uploader(actor: Actor) -> str:
    """Return the body of staff who issue bills; refuses everybody else."""
    if UPLOADER not in actor.roles or not actor.organisation:
        raise Forbidden("role_missing", "Your role does not allow this")
    return actor.organisation
