"""Reads of delegations and of emergency access, always within one public body."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from payments.controls.models import delegation, emergency_access
from payments.controls.rules import Rules, Subject, highest_authority
from payments.runs.models import programme
from payments.runs.rules import APPROVER
from shared.clock import london_date

Under = Literal["", "delegation", "emergency"]
_GRANTED = text(
    """
    SELECT 'delegation' AS under, :approver AS role FROM delegation
     WHERE organisation = :organisation AND to_id = :person AND state = 'live'
       AND :today BETWEEN valid_from AND valid_until
     UNION ALL
    SELECT 'emergency', role FROM emergency_access
     WHERE organisation = :organisation AND person_id = :person AND ended_at IS NULL
       AND begun_at <= :now AND until_at > :now
    """
)


@dataclass(frozen=True)
class Granted:
    """Roles that a person has for now besides those of their sign-in, and under what."""

    roles: frozenset[str] = frozenset()
    under: Under = ""


@dataclass(frozen=True)
class Delegation:
    """An approver's authority in a colleague's hands; both days included."""

    id: UUID
    from_id: str
    from_name: str
    to_id: str
    to_name: str
    pence: int
    programme_id: UUID | None
    programme: str | None
    valid_from: date
    valid_until: date
    reason: str
    state: str
    proposed_at: datetime
    decided_by_name: str | None
    decided_at: datetime | None
    ended_by_name: str | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Emergency:
    """A role that an administrator took for a few hours."""

    id: UUID
    person_id: str
    person_name: str
    role: str
    reason: str
    begun_at: datetime
    until_at: datetime
    ended_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Tell whether the role is still taken."""
        return self.ended_at is None and now < self.until_at


_EMERGENCY = [emergency_access.c[name] for name in Emergency.__dataclass_fields__]


def find_granted(
    session: Session, organisation: str, person_id: str, own: frozenset[str], now: datetime
) -> Granted:
    """Return what a person may do for now beyond their own roles; an emergency is told first."""
    rows = session.execute(
        _GRANTED,
        {
            "organisation": organisation,
            "person": person_id,
            "approver": APPROVER,
            "today": london_date(now),
            "now": now,
        },
    ).all()
    emergency = frozenset(row.role for row in rows if row.under == "emergency")
    if emergency:
        return Granted(emergency, "emergency")
    delegated = frozenset(row.role for row in rows) - own
    return Granted(delegated, "delegation" if delegated else "")


def list_delegations(session: Session, organisation: str, limit: int = 200) -> list[Delegation]:
    """Return the delegations of a body, the latest first."""
    return _delegations(session, limit, delegation.c.organisation == organisation)


def list_live_for(
    session: Session, organisation: str, person_id: str, day: date
) -> list[Delegation]:
    """Return the delegations that a person may approve under on a day."""
    own = delegation.c
    return _delegations(
        session,
        100,
        own.organisation == organisation,
        own.to_id == person_id,
        own.state == "live",
        own.valid_from <= day,
        own.valid_until >= day,
    )


def delegated_pence(found: Delegation, rules: Rules, run: Subject, day: date) -> int:
    """Return up to how much a delegation approves a run: never more than who gave it may today."""
    if found.programme_id not in (None, run.programme_id):
        return 0
    own = highest_authority(rules, run, found.from_id, day)
    return found.pence if own is None else min(found.pence, own)


def list_emergencies(session: Session, organisation: str, limit: int = 200) -> list[Emergency]:
    """Return who took which role in an emergency, the latest first."""
    rows = session.execute(
        select(*_EMERGENCY)
        .where(emergency_access.c.organisation == organisation)
        .order_by(emergency_access.c.id.desc())
        .limit(limit)
    )
    return [Emergency(*row) for row in rows]


def list_recent_emergencies(
    session: Session, organisation: str, now: datetime, days: int = 30
) -> list[Emergency]:
    """Return the emergency access of the last days, for those who audit."""
    return [
        one
        for one in list_emergencies(session, organisation)
        if one.begun_at > now - timedelta(days=days)
    ]


def _delegations(
    session: Session, limit: int, *conditions: ColumnElement[bool]
) -> list[Delegation]:
    columns = [
        programme.c.name.label("programme") if name == "programme" else delegation.c[name]
        for name in Delegation.__dataclass_fields__
    ]
    rows = session.execute(
        select(*columns)
        .select_from(delegation.outerjoin(programme, programme.c.id == delegation.c.programme_id))
        .where(*conditions)
        .order_by(delegation.c.id.desc())
        .limit(limit)
    )
    return [Delegation(*row) for row in rows]
