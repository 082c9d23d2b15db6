"""The close of a month: held, proved, signed by a second person, closed for ever."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.actions import close_period
from payments.ledger.balances import trial_balance
from payments.ledger.places import open_periods
from payments.ledger.queries import list_faults
from payments.ledger.rules import bank_code, month_of
from payments.reconciliation.queries import prove
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

_PERIODS = text(
    """
    SELECT p.id, p.starts_on, p.ends_before, p.state, p.closed_at, c.id AS close_id,
           c.asked_by_id, c.asked_by_name, c.asked_at, c.decided_by_name, c.proof,
           encode(c.proof_sha256, 'hex') AS sha256
      FROM period p LEFT JOIN period_close c ON c.period_id = p.id AND c.state <> 'withdrawn'
     WHERE p.body = :body AND (cast(:id AS uuid) IS NULL OR p.id = :id)
     ORDER BY p.starts_on DESC LIMIT :limit OFFSET :skip
    """
)
_HOLD = text("SELECT hold_period(:id, :held)")
_UNSEALED = text(
    """
    SELECT count(*) FROM unsealed_entries(:body) u
     WHERE (SELECT e.period_id FROM entry e WHERE e.id = u.entry_id) = :id
    """
)
_EARLIER = text(
    "SELECT min(starts_on) FROM period WHERE body = :body AND starts_on < :day"
    " AND state <> 'closed'"
)
_CLOSING = text(
    """
    SELECT a.code, s.closing_pence, s.to_date FROM bank_account a
      LEFT JOIN LATERAL (SELECT closing_pence, to_date FROM statement
        WHERE bank_account_id = a.id AND state = 'reconciled' AND to_date <= :last
        ORDER BY to_date DESC, sequence DESC NULLS LAST, id DESC LIMIT 1) s ON true
     WHERE a.body = :body ORDER BY a.code
    """
)
_ASK = text(
    """
    INSERT INTO period_close (id, body, period_id, state, proof, proof_sha256, asked_by_id,
                              asked_by_name, asked_at)
    VALUES (:id, :body, :period, 'asked', cast(:proof AS jsonb), :digest, :person, :name, :now)
    """
)
_DECIDE = text(
    """
    UPDATE period_close SET state = :state, decided_by_id = :person, decided_by_name = :name,
           decided_at = :now, reason = :reason WHERE id = :id AND state = 'asked'
    """
)


@dataclass(frozen=True)
class Check:
    """One thing that is proved of a month: two amounts in pence, or counts, that must agree."""

    name: str
    expected: int
    found: int

    @property
    def is_good(self) -> bool:
        """Whether the two agree."""
        return self.expected == self.found


@dataclass(frozen=True)
class PeriodView:
    """A month as people see it."""

    id: UUID
    starts_on: date
    ends_before: date
    state: str
    closed_at: datetime | None
    close_id: UUID | None
    asked_by_id: str | None
    asked_by_name: str | None
    asked_at: datetime | None
    decided_by_name: str | None
    proof: dict[str, object] | None
    sha256: str | None


def list_periods(
    session: Session, body: str, *, limit: int = 50, skip: int = 0
) -> list[PeriodView]:
    """Return a body's months, newest first."""
    values = {"body": body, "id": None, "limit": limit, "skip": skip}
    return [PeriodView(**row) for row in session.execute(_PERIODS, values).mappings()]


def get_period(session: Session, body: str, period_id: UUID) -> PeriodView:
    """Return one month of a body.

    Raises:
        NotFound: there is none.
    """
    values = {"body": body, "id": period_id, "limit": 1, "skip": 0}
    row = session.execute(_PERIODS, values).mappings().one_or_none()
    if row is None:
        raise NotFound("no_such_period", "There is no such month")
    return PeriodView(**row)


def prove_period(session: Session, body: str, period: PeriodView) -> list[Check]:
    """Return what has to agree before a month is closed.

    Debits and credits of all its days; each bank account with the last statement of the month;
    what is in transit with the submissions that the bank has not debited; that everything of it
    has its number, and that nobody went round the ledger.
    """
    last = period.ends_before - timedelta(days=1)
    lines = trial_balance(session, body, as_of=last)
    checks = [
        Check(
            "trial_balance",
            sum(line.posted_debit for line in lines),
            sum(line.posted_credit for line in lines),
        )
    ]
    for row in session.execute(_CLOSING, {"body": body, "last": last}):
        if row.to_date is not None:
            held = {
                line.code: line.posted_pence
                for line in trial_balance(session, body, as_of=row.to_date)
            }
            name = bank_code(row.code)
            checks.append(Check(name, row.closing_pence, held.get(name, 0)))
    whole = prove(session, body)
    checks.append(Check("in_transit", whole.outstanding_pence, whole.in_transit_pence))
    unsealed = session.execute(_UNSEALED, {"id": period.id, "body": body}).scalar_one()
    checks.append(Check("without_number", 0, int(unsealed)))
    checks.append(Check("faults", 0, len(list_faults(session, body))))
    return checks


def ask_to_close(session: Session, body: str, period_id: UUID, actor: Actor, now: datetime) -> None:
    """Hold a month so that nothing more is posted to it, prove it, and ask for a second person.

    What is late goes to the next month, which is opened.

    Raises:
        Conflict: not open, an earlier month is open, not over yet, or the proof fails; the month
            stays open then.
    """
    period = get_period(session, body, period_id)
    if period.state != "open":
        raise Conflict("period_state", "This month is not open")
    if london_date(now) < period.ends_before:
        raise Conflict("period_not_over", "This month is not over yet")
    earlier = session.execute(_EARLIER, {"body": body, "day": period.starts_on}).scalar_one()
    if earlier is not None:
        raise Conflict("period_earlier", f"Close {earlier:%B %Y} first")
    open_periods(session, body, [month_of(period.ends_before)])
    session.execute(_HOLD, {"id": period_id, "held": True})
    checks = prove_period(session, body, period)
    if bad := [check for check in checks if not check.is_good]:
        raise Conflict(
            "period_not_proved",
            "This month cannot be closed yet",
            detail="; ".join(f"{one.name}: {one.expected} and {one.found}" for one in bad),
        )
    proof = {
        "month": period.starts_on.isoformat(),
        "checks": [[check.name, check.expected, check.found] for check in checks],
        "balances": [
            [line.code, line.posted_pence]
            for line in trial_balance(session, body, as_of=period.ends_before - timedelta(days=1))
        ],
    }
    content = json.dumps(proof, sort_keys=True)
    session.execute(
        _ASK,
        {
            "id": new_id(),
            "body": body,
            "period": period_id,
            "proof": content,
            "digest": hashlib.sha256(content.encode()).digest(),
            "person": actor.id,
            "name": actor.name,
            "now": now,
        },
    )
    audit.record(session, actor, "ledger.period.proved", "period", period_id, proof)


def sign_close(session: Session, body: str, period_id: UUID, actor: Actor, now: datetime) -> None:
    """Close a month for ever, as the second person.

    Raises:
        Forbidden: this person asked for it.
        Conflict: nobody asked, or somebody was quicker.
    """
    period = _asked(session, body, period_id)
    if actor.id == period.asked_by_id:
        raise Forbidden("same_person", "Another person has to sign the close of this month")
    _decide(session, period, "closed", "", actor, now)
    close_period(session, body, period.starts_on, str(period.asked_by_id), actor.id)
    audit.record(session, actor, "ledger.period.closed", "period", period_id, {})


def withdraw_close(
    session: Session, body: str, period_id: UUID, reason: str, actor: Actor, now: datetime
) -> None:
    """Open a month again that waits for its second person, with a reason.

    Raises:
        Invalid: no reason.
        Conflict: nobody asked, or it is closed.
    """
    if not reason.strip():
        raise Invalid(FieldError("reason", "Enter a reason"))
    period = _asked(session, body, period_id)
    _decide(session, period, "withdrawn", reason.strip()[:500], actor, now)
    session.execute(_HOLD, {"id": period_id, "held": False})
    details = {"reason": reason.strip()[:500]}
    audit.record(session, actor, "ledger.period.reopened", "period", period_id, details)


def _asked(session: Session, body: str, period_id: UUID) -> PeriodView:
    period = get_period(session, body, period_id)
    if period.state != "closing" or period.close_id is None:
        raise Conflict("period_state", "Nobody asks to close this month")
    return period


def _decide(
    session: Session, period: PeriodView, state: str, reason: str, actor: Actor, now: datetime
) -> None:
    values = {"id": period.close_id, "state": state, "reason": reason, "now": now}
    done = session.execute(_DECIDE, values | {"person": actor.id, "name": actor.name})
    if done.rowcount != 1:  # type: ignore[attr-defined]  # an UPDATE has a row count
        raise Conflict("period_state", "Somebody was quicker than you")
