"""Reads of limits, bands and authorities, and of what they have been."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.controls.models import control_rule
from payments.controls.rules import Authority, Band, Kind, Limit, Measure, Rules, Scope
from payments.runs.models import programme
from payments.runs.queries.runs import Run

_PAID_ON = text(
    """
    SELECT coalesce(sum(t.pence), 0) FROM run r
      JOIN programme p ON p.id = r.programme_id AND p.bank_account_id = :account
      JOIN run_total t ON t.run_id = r.id AND t.state NOT IN ('cancelled', 'recalled', 'held')
     WHERE r.organisation = :organisation AND r.id <> :run AND r.processing_date = ANY(:days)
       AND r.state IN ('released', 'submitted', 'closed')
    """
)
_HIGHEST = text(
    "SELECT count(*) AS payments, min(reference) AS reference FROM payment"
    " WHERE run_id = :run AND state = ANY(:states) AND amount_pence > :limit"
)


@dataclass(frozen=True)
class StoredRule:
    """A rule as it was proposed, and what became of it."""

    id: UUID
    kind: Kind
    replaces: UUID | None
    measure: Measure | None
    programme_id: UUID | None
    programme: str | None
    rail: str | None
    pence: int
    approvals: int | None
    step_up: bool
    person_id: str | None
    person_name: str | None
    valid_from: date | None
    valid_until: date | None
    state: str
    reason: str
    proposed_by_id: str
    proposed_by_name: str
    proposed_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    ended_at: datetime | None


_NAMES = [name for name in StoredRule.__dataclass_fields__ if name != "programme"]


def list_rules(session: Session, organisation: str, *states: str) -> list[StoredRule]:
    """Return the body's rules, the latest proposed first; of these states or of all."""
    query = (
        select(
            *(control_rule.c[name] for name in _NAMES),
            programme.c.name.label("programme"),
        )
        .select_from(
            control_rule.outerjoin(programme, programme.c.id == control_rule.c.programme_id)
        )
        .where(control_rule.c.organisation == organisation)
        .order_by(control_rule.c.id.desc())
    )
    if states:
        query = query.where(control_rule.c.state.in_(states))
    return [
        StoredRule(**{name: getattr(row, name) for name in StoredRule.__dataclass_fields__})
        for row in session.execute(query)
    ]


def get_rules(session: Session, organisation: str) -> Rules:
    """Return the rules of a body that are live."""
    limits, bands, authorities = [], [], []
    for one in list_rules(session, organisation, "live"):
        scope = Scope(one.programme_id, one.rail)
        if one.measure is not None:
            limits.append(Limit(scope, one.measure, one.pence))
        elif one.approvals is not None:
            bands.append(Band(scope, one.pence, one.approvals, one.step_up))
        elif one.person_id and one.valid_from and one.valid_until:
            authorities.append(
                Authority(scope, one.person_id, one.pence, one.valid_from, one.valid_until)
            )
    return Rules(limits, bands, authorities)


def sum_paid_on(session: Session, run: Run, days: list[date]) -> int:
    """Return the pence of other runs of the same account that are processed on these days."""
    values = {"account": run.account.id, "organisation": run.organisation, "run": run.id}
    return int(session.execute(_PAID_ON, {**values, "days": days}).scalar_one())


def count_above(
    session: Session, run_id: UUID, limit_pence: int, *states: str
) -> tuple[int, str | None]:
    """Return how many payments of a run are above a limit, and the reference of one of them."""
    row = session.execute(
        _HIGHEST, {"run": run_id, "limit": limit_pence, "states": list(states)}
    ).one()
    return row.payments, row.reference
