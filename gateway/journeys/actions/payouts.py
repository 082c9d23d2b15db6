"""What becomes of a payment after it was asked for: news of it, and a new one after a return."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.journeys import queries
from gateway.journeys.actions.effects import insert_payout
from gateway.journeys.actions.moves import enqueue_step, make_move
from gateway.journeys.definition import model
from gateway.journeys.queries import Instance, Payout
from gateway.journeys.rules import RENEWABLE, moves_payout, payout_state
from shared import audit
from shared.actors import Actor
from shared.crypto import Sealer
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound

_PAYMENT = "payments.payment."
_OPENED = "notifications.mailbox.opened"
# News of money can lead to a second payment: each service tells of its own matters only.
_TELLERS = {_PAYMENT: "payments-service", _OPENED: "notifications-service"}


@dataclass(frozen=True)
class News:
    """An event of another service about a case of ours."""

    id: UUID
    type: str
    occurred_at: datetime
    case_reference: str
    subject_id: str
    state: str
    reason: str


def apply_news(session: Session, news: News, caller: Actor, now: datetime) -> bool:
    """Take news into the case; tells whether it was new.

    The same id twice changes nothing; old news that come late stand in the timeline and change no
    state. Refuses an unknown case, a kind of event that nobody here understands, and a service
    that tells of another's matters.
    """
    if any(news.type.startswith(k) and caller.id != teller for k, teller in _TELLERS.items()):
        raise Forbidden("event_not_yours", "This type of event is told by another service")
    held = queries.lock_case_by_reference(session, news.case_reference)
    if news.type.startswith(_PAYMENT):
        return _apply_payment(session, held, news, caller, now)
    if news.type == _OPENED:
        return _apply_opening(session, held, news, now)
    raise Invalid(FieldError("type", "This type of event is not known here"))


def _apply_payment(
    session: Session, held: Instance, news: News, caller: Actor, now: datetime
) -> bool:
    state = payout_state(news.state)
    if state is None:
        raise Invalid(FieldError("data.state", "This state of a payment is not known here"))
    found = _payout_of(queries.list_payouts(session, held.id), news.subject_id)
    if not _keep_notice(session, held.id, replace(news, state=state), now):
        return False
    if moves_payout(found.state, state):
        session.execute(
            text(
                "UPDATE payout SET state = :state, reason = :reason, changed_at = :now"
                " WHERE instance_id = :id AND step = :step AND attempt = :attempt"
            ),
            {
                "state": state,
                "reason": news.reason,
                "now": now,
                "id": held.id,
                "step": found.step,
                "attempt": found.attempt,
            },
        )
    session.execute(
        text(
            "UPDATE payout SET payment_id = :payment_id"
            " WHERE instance_id = :id AND step = :step AND attempt = :attempt"
            " AND payment_id IS NULL"
        ),
        {
            "payment_id": news.subject_id,
            "id": held.id,
            "step": found.step,
            "attempt": found.attempt,
        },
    )
    audit.record(
        session,
        caller,
        "journeys.payment_news",
        "application",
        held.reference,
        {"state": state, "payment_id": news.subject_id},
        correlation=held.correlation_id,
    )
    return True


def _payout_of(payouts: list[Payout], payment_id: str) -> Payout:
    """Return the attempt that a payment belongs to: by its id, else the one still being asked."""
    for payout in payouts:
        if payout.payment_id == payment_id:
            return payout
    for payout in payouts:
        if payout.payment_id is None and payout.state == "requested":
            return payout
    raise NotFound("payment_unknown", "This case has no such payment")


def _apply_opening(session: Session, held: Instance, news: News, now: datetime) -> bool:
    known = {letter.message_id for letter in queries.list_letters(session, held.id)}
    if news.subject_id not in known:
        raise NotFound("letter_unknown", "This case has no such letter")
    if not _keep_notice(session, held.id, replace(news, state="opened"), now):
        return False
    session.execute(
        text(
            "UPDATE letter SET opened_at = :at WHERE message_id = :message_id AND opened_at IS NULL"
        ),
        {"at": news.occurred_at, "message_id": news.subject_id},
    )
    return True


def _keep_notice(session: Session, instance_id: UUID, news: News, now: datetime) -> bool:
    kept = session.execute(
        text(
            """
            INSERT INTO case_notice
              (id, instance_id, type, subject_id, state, reason, occurred_at, received_at)
            VALUES (:id, :instance_id, :type, :subject_id, :state, :reason, :occurred_at, :now)
            ON CONFLICT (id) DO NOTHING
            """
        ),
        {
            "id": news.id,
            "instance_id": instance_id,
            "type": news.type,
            "subject_id": news.subject_id,
            "state": news.state,
            "reason": news.reason,
            "occurred_at": news.occurred_at,
            "now": now,
        },
    )
    return kept.rowcount == 1  # type: ignore[attr-defined, no-any-return]  # an INSERT counts


def renewable_until(step: model.Payout, payouts: list[Payout], now: datetime) -> datetime | None:
    """Return until when new bank details can be given, None when they cannot."""
    latest = payouts[-1] if payouts else None
    if latest is None or latest.state not in RENEWABLE:
        return None
    until = latest.changed_at + timedelta(days=step.new_details_days)
    return until if now < until else None


def renew_payment(session: Session, sealer: Sealer, instance_id: UUID, now: datetime) -> Instance:
    """Ask for a new payment to new bank details, as a business action of its own.

    A second time changes nothing while the new payment is on its way. Refuses details that were
    not checked, and those from which the money came back.
    """
    held = queries.lock_instance(session, instance_id)
    service = queries.get_service(session, held.service_id, held.version)
    step = next(s for s in service.definition.steps if isinstance(s, model.Payout))
    payouts = queries.list_payouts(session, held.id)
    if payouts and payouts[-1].attempt > 1 and payouts[-1].state not in RENEWABLE:
        return held
    if renewable_until(step, payouts, now) is None:
        raise Conflict("payment_not_renewable", "A new payment cannot be made for this case")
    latest = payouts[-1]
    dossier = held.open(sealer)
    given, check = dossier.answers.get(step.payee), dossier.payee_check
    if given is None or check is None or not check.lets_pass:
        raise Conflict("payee_unchecked", "The new bank details have not been checked yet")
    if datetime.fromisoformat(given.at) <= latest.changed_at:
        raise Conflict("payee_unchanged", "The money came back from these bank details")
    attempt = latest.attempt + 1
    insert_payout(session, held.id, step.id, attempt, latest.amount_pence, now)
    actor = Actor("citizen", held.subject or "")
    details: dict[str, str | int] = {"attempt": attempt}
    moved = make_move(session, held, "renew_payment", actor=actor, now=now, details=details)
    enqueue_step(session, held.id, step.id, attempt)
    return moved
