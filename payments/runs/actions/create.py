"""Payments come in: checked, sealed, and put into the day's open run of their programme."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from payments.bank.work.writing_back import is_written_back
from payments.payees.actions import validate_details
from payments.payees.bank_details import (
    BankDetails,
    DetailsVault,
    account_fingerprint,
    payee_fingerprint,
)
from payments.payees.master.queries import find_payees
from payments.payees.master.rules import PayeeView
from payments.payees.queries import find_check
from payments.runs import models
from payments.runs.actions.history import note_payment, note_run, tell_case
from payments.runs.actions.orders import Created, Desk, PayeeOrder, PaymentOrder
from payments.runs.queries.payments import (
    Payment,
    find_duplicate,
    find_payment_by_key,
    find_replacement,
    get_payment,
    lock_payments,
)
from payments.runs.queries.runs import Programme, find_body_name, find_programme, get_run
from payments.runs.rules import (
    REPLACEABLE,
    Hold,
    PaymentState,
    check_order,
    clean_reference,
    decide_hold,
    hold_of_payee,
)
from payments.screening.actions.rescreen import ask_for_screening
from payments.webhooks.actions.announce import announce_payments
from shared import idempotency
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.correlation import correlation_id
from shared.errors import Conflict, FieldError, Invalid, NotFound, Problem
from shared.ids import new_id, public_id, reference

_TRIES = 5
__all__ = ["Created", "Desk", "PayeeOrder", "PaymentOrder", "create_payment", "open_run"]


def create_payment(
    session: Session, desk: Desk, order: PaymentOrder, key: str, actor: Actor, now: datetime
) -> Created:
    """Take a payment into the day's run of its programme, once for each idempotency key.

    The same key and order gives the first answer again; another order gives 409 that names the
    first differing field; an order that was refused stays refused under its key (ledger contract
    1.5), which is why a refusal is returned and not raised: the caller commits, then raises it.
    """
    scope = f"payments.create:{order.organisation}:{actor.id}"
    digest = idempotency.request_hash(order.comparable())
    try:
        stored = idempotency.remember(session, scope, key, digest)
    except Conflict:
        _refuse_difference(session, desk.vault, order, key, actor)
        raise
    if stored is not None:
        return _replay(stored)
    existing = find_payment_by_key(session, order.organisation, actor.id, key)
    if existing is not None:
        _refuse_difference(session, desk.vault, order, key, actor)
        return Created(existing.public_id, existing.state, str(existing.run_id), replayed=True)
    try:
        with session.begin_nested():
            created = _create(session, desk, order, key, actor, now)
    except Problem as problem:
        kept = {"code": problem.code, "title": problem.title, "detail": problem.detail}
        fields = [[fault.field, fault.message] for fault in problem.fields]
        idempotency.store(
            session,
            scope,
            key,
            digest,
            status=problem.status,
            body={"refusal": {**kept, "fields": fields}},
        )
        return Created("", "", "", refusal=problem)
    idempotency.store(session, scope, key, digest, status=201, body=created.body())
    return created


def _replay(stored: idempotency.StoredAnswer) -> Created:
    body = stored.body if isinstance(stored.body, dict) else {}
    if "refusal" in body:
        refusal = body["refusal"]
        problem = Problem(
            refusal["code"],
            refusal["title"],
            detail=refusal["detail"],
            fields=tuple(FieldError(field, message) for field, message in refusal["fields"]),
            status=stored.status,
        )
        return Created("", "", "", replayed=True, refusal=problem)
    return Created(body["payment_id"], body["state"], body["run_id"], replayed=True)


def _refuse_difference(
    session: Session, vault: DetailsVault, order: PaymentOrder, key: str, actor: Actor
) -> None:
    """Refuse another order under a key that has made a payment; names the first difference."""
    existing = find_payment_by_key(session, order.organisation, actor.id, key)
    if existing is None:
        return
    details = vault.open(existing.details_sealed, existing.record)
    run = get_run(session, existing.organisation, existing.run_id)
    pairs = (
        ("programme", run.programme.slug, order.programme),
        ("subject", existing.subject, order.subject),
        ("payee_name", existing.payee_name, order.payee.name.strip()),
        ("account_type", existing.account_type, order.payee.account_type),
        ("sort_code", details.typed_sort_code, order.payee.sort_code.strip()),
        ("account_number", details.typed_account_number, order.payee.account_number.strip()),
        ("roll_number", details.roll_number, order.payee.roll_number.strip().upper()),
        ("check_id", existing.check_id, order.check_id),
        ("amount_pence", existing.amount_pence, order.amount_pence),
        ("currency", existing.currency, order.currency),
        ("reference", existing.reference, clean_reference(order.reference)),
        ("case_reference", existing.case_reference, order.case_reference),
        ("replaces", existing.replaces, order.replaces),
        ("gl_code", existing.gl_code, order.gl_code or run.programme.gl_code),
        ("invoice_reference", existing.invoice_reference, order.invoice_reference),
        ("invoice_received_on", existing.invoice_received_on, order.invoice_received_on),
        ("payee_id", existing.payee_id, order.payee_id or existing.payee_id),
    )
    for field, kept, sent in pairs:
        if kept != sent:
            raise Conflict(
                f"exists_with_different_{field}",
                "This idempotency key made a payment with other content",
                detail=f"The first difference is in {field}.",
            )


def _create(
    session: Session, desk: Desk, order: PaymentOrder, key: str, actor: Actor, now: datetime
) -> Created:
    programme, details, modulus = _check(session, desk, order)
    if order.replaces is not None:
        _check_replaced(session, order, order.replaces)
    payment_id = new_id()
    vault = desk.vault
    name, words = order.payee.name.strip(), clean_reference(order.reference)
    fingerprint = account_fingerprint(vault, details)
    payee_view = find_payees(session, order.organisation, [fingerprint]).get(fingerprint)
    payee_id = payee_view.payee_id if payee_view else None
    if order.payee_id not in (None, payee_id):
        raise Invalid(FieldError("payee_id", "These are not the bank details of that payee"))
    hold = find_hold(
        session,
        vault,
        order,
        details,
        now,
        amount_pence=order.amount_pence,
        reference=words,
        payee_view=payee_view,
    )
    state: PaymentState = "held" if hold else "ready"
    run_id = open_run(session, programme, now)
    made = Payment(
        id=payment_id,
        public_id=public_id(),
        organisation=order.organisation,
        run_id=run_id,
        run_reference="",
        state=state,
        subject=order.subject,
        payee_name=name,
        account_type=order.payee.account_type,
        details_sealed=vault.seal(details, f"payment:{payment_id}"),
        account_tail=details.account_number[-4:],
        amount_pence=order.amount_pence,
        currency=order.currency,
        reference=words,
        case_reference=order.case_reference,
        check_id=order.check_id,
        modulus_result=modulus,
        hold_code=hold.code if hold else None,
        hold_reason=hold.reason if hold else None,
        reason_code=None,
        reason=None,
        correlation_id=correlation_id(),
        created_at=now,
        state_at=now,
        replaces=order.replaces,
        gl_code=order.gl_code or programme.gl_code,
        invoice_reference=order.invoice_reference.strip(),
        invoice_received_on=order.invoice_received_on,
        payee_id=payee_id,
    )
    values = {name: value for name, value in made.__dict__.items() if name != "run_reference"}
    session.execute(
        insert(models.payment).values(
            **values,
            account_fingerprint=fingerprint,
            client_id=actor.id,
            idempotency_key=key,
        )
    )
    _tell(session, actor, made, now)
    return Created(made.public_id, state, str(run_id))


def _tell(session: Session, actor: Actor, made: Payment, now: datetime) -> None:
    """Write down how a payment came in, and tell whoever listens."""
    note_payment(session, actor, made, "received", now, state="received")
    note_payment(session, SYSTEM, made, "validated", now, state="validated")
    why = {"reason": made.hold_reason} if made.hold_reason else {}
    note_payment(session, SYSTEM, made, made.state, now, state=made.state, details=why)
    tell_case(session, made, made.state, now)
    announce_payments(session, made.organisation, [made.id], made.state, now)
    ask_for_screening(session, made.id)


def _check(session: Session, desk: Desk, order: PaymentOrder) -> tuple[Programme, BankDetails, str]:
    """Return what an order refers to; refuses it with every fault at once."""
    faults = check_order(
        order.payee.name.strip(),
        order.payee.account_type,
        order.amount_pence,
        order.currency,
        clean_reference(order.reference),
    )
    faults += order.check_codes()
    programme = find_programme(session, order.organisation, order.programme)
    if find_body_name(session, order.organisation) is None:
        faults.append(FieldError("organisation", "This body does not pay through this platform"))
    elif programme is None:
        faults.append(FieldError("programme", "This body has no such programme"))
    found: tuple[BankDetails, str] | None = None
    try:
        details, modulus = validate_details(
            desk.tables,
            order.payee.sort_code,
            order.payee.account_number,
            order.payee.roll_number,
        )
        found = details, modulus.result
    except Invalid as invalid:
        faults.extend(invalid.fields)
    if faults or programme is None or found is None:
        raise Invalid(*faults)
    return programme, *found


def _check_replaced(session: Session, order: PaymentOrder, public_id: str) -> None:
    """Refuse to replace what is not there, is not finished in vain, or is replaced already.

    The replaced payment is locked, so that of two replacements one waits and is refused.
    """
    try:
        seen = get_payment(session, order.organisation, public_id)
    except NotFound as error:
        raise Invalid(FieldError("replaces", "There is no such payment")) from error
    run = get_run(session, order.organisation, seen.run_id)
    if run.programme.slug != order.programme:
        raise Invalid(FieldError("replaces", "That payment is of another programme"))
    original = lock_payments(session, [seen.id])[0]
    if original.state not in REPLACEABLE:
        raise Conflict("not_replaceable", f"That payment is {original.state}: nothing came back")
    if is_written_back(session, order.organisation, original.id):
        raise Conflict("written_back", "The money of that payment went back to its programme")
    if original.amount_pence != order.amount_pence:
        raise Invalid(FieldError("amount_pence", "The amount differs from the replaced payment's"))
    if find_replacement(session, order.organisation, public_id) is not None:
        raise Conflict("already_replaced", "Another payment replaces that one already")


def find_hold(
    session: Session,
    vault: DetailsVault,
    order: PaymentOrder,
    details: BankDetails,
    now: datetime,
    *,
    amount_pence: int,
    reference: str,
    payee_view: PayeeView | None,
) -> Hold | None:
    """Return what stops a payment until a person looks.

    That is its payee in the master, its name check, or a likely duplicate.
    """
    check = (
        find_check(session, order.organisation, order.check_id)
        if order.check_id is not None
        else None
    )
    payee = order.payee
    wanted = payee_fingerprint(vault, payee.name, payee.account_type, details)
    duplicate = find_duplicate(
        session,
        order.organisation,
        account_fingerprint(vault, details),
        amount_pence,
        reference,
        now,
    )
    return hold_of_payee(payee_view, now) or decide_hold(check, wanted, now, duplicate)


def open_run(session: Session, programme: Programme, now: datetime) -> UUID:
    """Return the run that collects a programme's payments today, made when there is none.

    Its row is locked in share mode: many payments join at once, while putting it forward waits.
    """
    day = london_date(now)
    collecting = (
        select(models.run.c.id)
        .where(
            models.run.c.programme_id == programme.id,
            models.run.c.run_date == day,
            models.run.c.state == "collecting",
            models.run.c.upload_id.is_(None),
        )
        .with_for_update(read=True)
    )
    for _ in range(_TRIES):
        found: UUID | None = session.execute(collecting).scalar_one_or_none()
        if found is not None:
            return found
        made = session.execute(
            upsert(models.run)
            .values(
                id=new_id(),
                organisation=programme.organisation,
                programme_id=programme.id,
                reference=reference("RUN"),
                run_date=day,
                state="collecting",
                created_at=now,
                state_at=now,
                **programme.rails,
            )
            .on_conflict_do_nothing(
                index_elements=["programme_id", "run_date"],
                index_where=text("state = 'collecting' AND upload_id IS NULL"),
            )
            .returning(models.run.c.id)
        ).scalar_one_or_none()
        if made is not None:
            run = get_run(session, programme.organisation, made)
            note_run(session, SYSTEM, run, "opened", now, state="collecting")
            return run.id
    raise Conflict("run_busy", "The day's run is being changed; send the payment again")
