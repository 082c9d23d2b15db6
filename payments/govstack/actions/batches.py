"""Batches of credit instructions: taken in once, judged, and turned into a run of payments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.govstack import models
from payments.govstack.queries import (
    Beneficiary,
    StoredBatch,
    find_payment_batch,
    get_stored,
    list_beneficiaries,
    list_instructions,
)
from payments.govstack.rules import (
    MODALITIES,
    NOT_BY_ACCOUNT,
    Batch,
    Instruction,
    make_reference,
    read_address,
)
from payments.payees.bank_details import BankDetails, DetailsVault, account_fingerprint
from payments.payees.master.queries import find_payees
from payments.payees.master.rules import PayeeHold, payee_hold
from payments.payees.modulus.check import check_account
from payments.runs import models as runs
from payments.runs.actions.create import Desk
from payments.runs.actions.history import note_run
from payments.runs.queries.runs import Programme, find_programme, get_run
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id, public_id, reference
from shared.outbox import enqueue

_CLIENT = "govstack"
_LONGEST = 64
_NOT_CHECKED = "name_not_checked"
_NOT_CHECKED_REASON = "The name on the account has not been checked."


def take_batch(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    batch: Batch,
    callback_url: str,
    programme: str,
    actor: Actor,
    now: datetime,
    *,
    correlation: str = "",
) -> tuple[StoredBatch, bool]:
    """Take a batch in; the same order again changes nothing. Returns it, and whether it is new.

    A rehearsal in a test currency is kept and judged, and never becomes a payment. The caller's
    ``correlation`` comes back with the callback.

    Raises:
        Conflict: an order of this request id was made with another body.
        Invalid: nobody has said which programme pays.
    """
    if batch.kind == "payment" and not batch.is_rehearsal:
        before = find_payment_batch(session, organisation, batch.source, batch.request_id)
        if before is not None:
            return _replay(before, batch)
        if find_programme(session, organisation, programme) is None:
            raise Invalid(FieldError("programme", "No programme is known that pays this"))
    row_id = new_id()
    try:
        with session.begin_nested():
            _insert(session, vault, organisation, batch, callback_url, row_id, now)
    except IntegrityError:
        # Two of the same at one instant: the first one counts.
        before = find_payment_batch(session, organisation, batch.source, batch.request_id)
        if before is None:
            raise
        return _replay(before, batch)
    details = {"request": batch.request_id, "batch": batch.batch_id, "shape": batch.shape}
    audit.record(
        session, actor, f"payments.govstack.{batch.kind}_taken", "govstack_batch", row_id, details
    )
    payload: dict[str, str | int] = {"batch_id": str(row_id), "programme": programme}
    enqueue(session, "payments.govstack.work", payload | {"correlation": correlation[:_LONGEST]})
    return get_stored(session, row_id), True


def _replay(before: StoredBatch, batch: Batch) -> tuple[StoredBatch, bool]:
    if bytes(before.body_sha256) != batch.sha256:
        raise Conflict("request_id_reused", "This request id was used with another body")
    return before, False


def _insert(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    batch: Batch,
    callback_url: str,
    row_id: UUID,
    now: datetime,
) -> None:
    session.execute(
        insert(models.batch).values(
            id=row_id,
            organisation=organisation,
            shape=batch.shape,
            kind=batch.kind,
            request_id=batch.request_id,
            source=batch.source,
            batch_id=batch.batch_id,
            body_sha256=batch.sha256,
            state="received",
            is_rehearsal=batch.is_rehearsal,
            instruction_count=len(batch.instructions),
            total_pence=sum(one.amount_pence for one in batch.instructions),
            callback_url=callback_url,
            received_at=now,
            state_at=now,
            correlation_id=correlation_id(),
        )
    )
    session.execute(
        insert(models.instruction),
        [
            {
                "batch_id": row_id,
                "number": number,
                "instruction_id": one.instruction_id,
                "functional_id": one.functional_id,
                "amount_pence": one.amount_pence,
                "currency": one.currency,
                "narration": one.narration,
                "address_sealed": vault.seal_text(one.address, f"instruction:{row_id}:{number}")
                if one.address
                else None,
            }
            for number, one in enumerate(batch.instructions, 1)
        ],
    )


@dataclass(frozen=True)
class Payable:
    """Where an instruction's money goes, and what the modulus check said."""

    details: BankDetails
    modulus: str


def judge(
    session: Session, desk: Desk, organisation: str, instructions: Sequence[Instruction]
) -> list[Payable | str]:
    """Return for each instruction the account it goes to, or why it cannot be paid."""
    wanted = [one.functional_id for one in instructions if not one.address]
    known = list_beneficiaries(session, organisation, wanted)
    weights = desk.tables.load()
    judged: list[Payable | str] = []
    for one in instructions:
        found = _account_of(desk.vault, known.get(one.functional_id), one.address)
        if isinstance(found, str):
            judged.append(found)
            continue
        modulus = check_account(weights, found.sort_code, found.account_number).result
        is_bad = modulus == "invalid"
        judged.append("The account number fails its check" if is_bad else Payable(found, modulus))
    return judged


def _account_of(vault: DetailsVault, known: Beneficiary | None, address: str) -> BankDetails | str:
    if not address:
        if known is None:
            return "The payee is not registered"
        if not known.is_active:
            return "The payee is not active"
        if known.modality in NOT_BY_ACCOUNT:
            return f"The payee is paid by {MODALITIES[known.modality]}, not through this call"
        if known.address_sealed is None:
            return "The payee has no financial address"
        address = vault.open_text(known.address_sealed, known.record)
    return read_address(address) or "The financial address is not a UK bank account"


def work_on(
    session: Session, desk: Desk, row_id: UUID, programme: str, actor: Actor, now: datetime
) -> StoredBatch:
    """Judge a batch's instructions and, where money is meant, make the good ones a run.

    Doing it again changes nothing.
    """
    batch = get_stored(session, row_id, lock=True)
    if batch.state != "received":
        return batch
    stored = list_instructions(session, row_id)
    instructions = [
        Instruction(
            one.instruction_id,
            one.functional_id,
            one.amount_pence,
            one.currency,
            one.narration,
            desk.vault.open_text(one.address_sealed, f"instruction:{row_id}:{one.number}")
            if one.address_sealed is not None
            else "",
        )
        for one in stored
    ]
    judged = judge(session, desk, batch.organisation, instructions)
    paid: list[tuple[int, Instruction, Payable]] = []
    failures: list[dict[str, object]] = []
    for number, (one, found) in enumerate(zip(instructions, judged, strict=True), 1):
        if isinstance(found, str):
            failures.append({"number": number, "failure": found})
        else:
            paid.append((number, one, found))
    if failures:
        _write_back(session, row_id, failures)
    values: dict[str, object] = {"state": "checked"}
    if batch.is_rehearsal:
        values = {"state": "rehearsed"}
    elif batch.kind == "payment":
        values = _pay(session, desk, batch, paid, programme, actor, now)
    session.execute(
        update(models.batch).where(models.batch.c.id == row_id).values(state_at=now, **values)
    )
    return get_stored(session, row_id)


def _write_back(session: Session, row_id: UUID, values: list[dict[str, object]]) -> None:
    """Set what became of instructions, in one statement."""
    table = models.instruction
    connection = session.connection()
    connection.exec_driver_sql(
        f"UPDATE {table.schema}.{table.name} AS i SET failure = coalesce(u.failure, ''),"
        " payment_id = u.payment FROM unnest(%(numbers)s::int[], %(failures)s::text[],"
        " %(payments)s::uuid[]) AS u(number, failure, payment)"
        " WHERE i.batch_id = %(batch)s AND i.number = u.number",
        {
            "numbers": [one["number"] for one in values],
            "failures": [one.get("failure") for one in values],
            "payments": [one.get("payment") for one in values],
            "batch": row_id,
        },
    )


def _pay(
    session: Session,
    desk: Desk,
    batch: StoredBatch,
    paid: list[tuple[int, Instruction, Payable]],
    programme: str,
    actor: Actor,
    now: datetime,
) -> dict[str, object]:
    """Make a run of the batch's own from what can be paid; it is put forward by a person."""
    found = find_programme(session, batch.organisation, programme)
    if not paid or found is None:
        return {"state": "refused"}
    run_id = _open_run(session, batch, found, paid, now)
    rows = _payment_rows(session, desk.vault, batch, run_id, paid, now)
    session.execute(insert(runs.payment), rows)
    numbers = [number for number, _, _ in paid]
    done: list[dict[str, object]] = [
        {"number": number, "payment": row["id"]} for number, row in zip(numbers, rows, strict=True)
    ]
    _write_back(session, batch.id, done)
    session.execute(
        update(runs.run).where(runs.run.c.id == run_id).values(state="collecting", state_at=now)
    )
    details: dict[str, str | int | None] = {
        "payments": len(rows),
        "total_pence": sum(one.amount_pence for _, one, _ in paid),
        "batch": batch.batch_id,
        "request": batch.request_id,
    }
    run = get_run(session, batch.organisation, run_id)
    note_run(session, actor, run, "opened", now, state="collecting", details=details)
    return {"state": "in_run", "run_id": run_id}


def _open_run(
    session: Session,
    batch: StoredBatch,
    programme: Programme,
    paid: list[tuple[int, Instruction, Payable]],
    now: datetime,
) -> UUID:
    run_id = new_id()
    session.execute(
        insert(runs.run).values(
            id=run_id,
            organisation=batch.organisation,
            programme_id=programme.id,
            reference=reference("RUN"),
            run_date=london_date(now),
            state="preparing",
            source="govstack",
            # Keeps the run apart from the one that collects the day's single payments.
            upload_id=batch.id,
            declared_count=len(paid),
            declared_pence=sum(one.amount_pence for _, one, _ in paid),
            created_at=now,
            state_at=now,
            **programme.rails,
        )
    )
    return run_id


def _payment_rows(
    session: Session,
    vault: DetailsVault,
    batch: StoredBatch,
    run_id: UUID,
    paid: list[tuple[int, Instruction, Payable]],
    now: datetime,
) -> list[dict[str, object]]:
    """Return the payments to write; accounts of confirmed payees are ready, others are held.

    The shapes carry no names. Where the account is in the payee master, its payee was checked and
    confirmed there; anywhere else the functional id stands for the name until a person has looked.
    """
    keys = [account_fingerprint(vault, to.details) for _, _, to in paid]
    payees = find_payees(session, batch.organisation, set(keys))
    rows = []
    for (number, one, to), key in zip(paid, keys, strict=True):
        view, payment_id = payees.get(key), new_id()
        hold = payee_hold(view, now)
        if view is None:
            hold = PayeeHold(_NOT_CHECKED, _NOT_CHECKED_REASON)
        rows.append(
            {
                "id": payment_id,
                "public_id": public_id(),
                "organisation": batch.organisation,
                "run_id": run_id,
                "state": "held" if hold else "ready",
                "payee_name": view.name if view else one.functional_id or one.instruction_id,
                "payee_id": view.payee_id if view else None,
                "gl_code": view.gl_code if view else "",
                "account_type": view.account_type if view else "personal",
                "details_sealed": vault.seal(to.details, f"payment:{payment_id}"),
                "account_fingerprint": key,
                "account_tail": to.details.account_number[-4:],
                "amount_pence": one.amount_pence,
                "currency": "GBP",
                "reference": make_reference(one.narration, one.instruction_id),
                "modulus_result": to.modulus,
                "hold_code": hold.code if hold else None,
                "hold_reason": hold.reason if hold else None,
                "client_id": _CLIENT,
                "idempotency_key": f"{batch.id}:{number}",
                "correlation_id": batch.correlation_id,
                "created_at": now,
                "state_at": now,
            }
        )
    return rows
