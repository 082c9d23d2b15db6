"""The payments of a schedule's run: its payees as the master has them now, with one statement."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.payees.master.queries import Change, find_payees, list_current
from payments.payees.master.rules import PayeeView
from payments.runs import models as runs
from payments.runs.actions.history import Told, note_payments
from payments.runs.queries.runs import get_run
from payments.runs.rules import Hold, hold_of_payee
from payments.runs.schedules.queries import Planned, Schedule, Version, list_planned
from payments.screening.actions.rescreen import SCREEN_PAYMENT
from payments.screening.queries import find_current_list
from payments.webhooks.actions.announce import announce_payments
from shared.actors import SYSTEM
from shared.correlation import correlation_id
from shared.errors import Conflict
from shared.ids import new_id, public_id
from shared.outbox import enqueue_many

CLIENT = "schedule"
_DUPLICATE_DAYS = 35
# Not among what the same schedule paid before, which is equal on purpose. The fingerprint is the
# only good way in: a body pays many people the same amount.
_DUPLICATES = text(
    """
    SELECT DISTINCT u.number
      FROM unnest(cast(:numbers AS integer[]), cast(:accounts AS bytea[]),
                  cast(:amounts AS bigint[]), cast(:references AS text[]))
           AS u(number, account, pence, reference)
      JOIN payment p ON p.organisation = :organisation AND p.account_fingerprint = u.account
       AND (p.amount_pence = u.pence) IS TRUE AND p.reference = u.reference
       AND p.created_at > :since
       AND p.state NOT IN ('cancelled', 'invalid', 'returned', 'scheme_rejected')
       AND NOT (p.client_id = :client AND starts_with(p.idempotency_key, :schedule))
    """
)
_DUPLICATE = Hold(
    "duplicate",
    "A payment with the same account, amount and reference was made in the last 35 days.",
)


@dataclass(frozen=True)
class Filled:
    """How many payments were made, how much they are together, and how many are held."""

    payments: int
    pence: int
    held: int


def fill_run(
    session: Session,
    vault: DetailsVault,
    found: Schedule,
    version: Version,
    run_id: UUID,
    day: date,
    now: datetime,
) -> Filled:
    """Make the payments of a version in a run; payees that are stopped or new are held.

    Raises:
        Conflict: a payee is no longer in the master.
    """
    planned = list_planned(session, version.id)
    changes = list_current(session, {one.payee_id for one in planned})
    if missing := {one.payee_id for one in planned} - set(changes):
        raise Conflict("payee_missing", f"{len(missing)} payee(s) are no longer in the master")
    views = find_payees(
        session, found.organisation, {bytes(one.account_fingerprint) for one in changes.values()}
    )
    twice = _find_duplicates(session, found, planned, changes, now)
    rows = [
        _row(vault, found, run_id, day, one, changes[one.payee_id], views, twice, now)
        for one in planned
    ]
    session.execute(insert(runs.payment), rows)
    held = [row for row in rows if row["state"] == "held"]
    _tell(session, found, run_id, held, now)
    if find_current_list(session) is not None:
        works = [({"payment_id": str(row["id"])}, str(row["correlation_id"])) for row in rows]
        enqueue_many(session, SCREEN_PAYMENT, works)
    return Filled(len(rows), sum(one.amount_pence for one in planned), len(held))


def _find_duplicates(
    session: Session,
    found: Schedule,
    planned: list[Planned],
    changes: dict[UUID, Change],
    now: datetime,
) -> set[int]:
    return set(
        session.execute(
            _DUPLICATES,
            {
                "numbers": [one.number for one in planned],
                "accounts": [bytes(changes[one.payee_id].account_fingerprint) for one in planned],
                "amounts": [one.amount_pence for one in planned],
                "references": [one.reference for one in planned],
                "organisation": found.organisation,
                "since": now - timedelta(days=_DUPLICATE_DAYS),
                "client": CLIENT,
                "schedule": f"{found.id}:",
            },
        ).scalars()
    )


def _row(
    vault: DetailsVault,
    found: Schedule,
    run_id: UUID,
    day: date,
    one: Planned,
    change: Change,
    views: dict[bytes, PayeeView],
    twice: set[int],
    now: datetime,
) -> dict[str, object]:
    payment_id = new_id()
    fingerprint = bytes(change.account_fingerprint)
    hold = hold_of_payee(views.get(fingerprint), now)
    if hold is None and one.number in twice:
        hold = _DUPLICATE
    details = vault.open(bytes(change.details_sealed), change.record)
    return {
        "id": payment_id,
        "public_id": public_id(),
        "organisation": found.organisation,
        "run_id": run_id,
        "state": "held" if hold else "ready",
        "payee_name": change.name,
        "payee_id": one.payee_id,
        "account_type": change.account_type,
        "details_sealed": vault.seal(details, f"payment:{payment_id}"),
        "account_fingerprint": fingerprint,
        "account_tail": change.account_tail,
        "amount_pence": one.amount_pence,
        "currency": "GBP",
        "reference": one.reference,
        "gl_code": change.gl_code or found.programme.gl_code,
        "check_id": change.check_id,
        "modulus_result": change.modulus_result or "not_checked",
        "hold_code": hold.code if hold else None,
        "hold_reason": hold.reason if hold else None,
        "client_id": CLIENT,
        "idempotency_key": f"{found.id}:{day.isoformat()}:{one.number}",
        "correlation_id": correlation_id(),
        "created_at": now,
        "state_at": now,
    }


def _tell(
    session: Session,
    found: Schedule,
    run_id: UUID,
    held: list[dict[str, object]],
    now: datetime,
) -> None:
    """Write a line for each payment that needs a person; for the others the run's says it all."""
    if not held:
        return
    run = get_run(session, found.organisation, run_id)
    by_reason: dict[str, list[Told]] = {}
    for row in held:
        told = Told(UUID(str(row["id"])), str(row["public_id"]), str(row["correlation_id"]))
        by_reason.setdefault(str(row["hold_reason"]), []).append(told)
    for reason, payments in by_reason.items():
        details = {"reason": reason}
        note_payments(session, SYSTEM, run, payments, "held", now, state="held", details=details)
    ids = [one.id for payments in by_reason.values() for one in payments]
    announce_payments(session, found.organisation, ids, "held", now)
