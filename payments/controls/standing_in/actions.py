"""Authority is handed over for some days by two people; a role is taken in an emergency by one."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from payments.controls.models import delegation, emergency_access
from payments.controls.queries.people import list_people
from payments.controls.queries.rules import get_rules
from payments.controls.standing_in.queries import list_emergencies
from payments.runs.actions.steps import check_reason, organisation_of
from payments.runs.models import body, programme
from payments.runs.rules import (
    ADMINISTRATOR,
    APPROVER,
    AUDITOR,
    PAYEE_APPROVER,
    PAYEE_EDITOR,
    RECONCILER,
    RELEASER,
    UPLOADER,
)
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

MOST_HOURS = 4
EMERGENCY_ROLES = (UPLOADER, APPROVER, RELEASER, PAYEE_EDITOR, PAYEE_APPROVER, RECONCILER)
_LONGEST = timedelta(days=92)
_MOST_PENCE = 10**15


@dataclass(frozen=True)
class Handover:
    """Authority as an approver wants to hand it over; pence, both days included."""

    to_id: str
    pence: int | None
    programme_id: UUID | None
    valid_from: date | None
    valid_until: date | None
    reason: str


def propose_delegation(session: Session, wanted: Handover, actor: Actor, now: datetime) -> UUID:
    """Ask an administrator to let a colleague approve for some days within one's own limit.

    Raises:
        Forbidden: not an approver by one's own right.
        Invalid: names every field at fault.
    """
    if APPROVER not in actor.roles or actor.under:
        raise Forbidden("role_missing", "Only an approver hands their own authority over")
    organisation = organisation_of(actor)
    reason = check_reason(wanted.reason)
    people = {one.person_id: one for one in list_people(session, organisation)}
    faults = _faults(session, organisation, wanted, actor, now)
    to = people.get(wanted.to_id)
    if to is None or to.person_id == actor.id or {ADMINISTRATOR, AUDITOR} & set(to.roles):
        faults.append(
            FieldError("to", "Select a colleague who is neither administrator nor auditor")
        )
    if faults or to is None:
        raise Invalid(*faults)
    made = new_id()
    session.execute(
        insert(delegation).values(
            id=made,
            organisation=organisation,
            from_id=actor.id,
            from_name=actor.name,
            to_id=to.person_id,
            to_name=to.name,
            pence=wanted.pence,
            programme_id=wanted.programme_id,
            valid_from=wanted.valid_from,
            valid_until=wanted.valid_until,
            reason=reason,
            state="proposed",
            proposed_at=now,
        )
    )
    details = {**wanted.__dict__, "reason": reason}
    audit.record(session, actor, "payments.delegation.proposed", "delegation", made, details)
    return made


def decide_delegation(
    session: Session, delegation_id: UUID, actor: Actor, now: datetime, *, is_confirmed: bool
) -> None:
    """Confirm or refuse that authority is handed over; it ends by itself after its last day.

    Raises:
        Forbidden: not an administrator, or one of the two people.
        NotFound, Conflict: no such delegation of this body, decided already, or its days passed.
    """
    if ADMINISTRATOR not in actor.roles:
        raise Forbidden("role_missing", "Your role does not allow this")
    row = _lock(session, delegation_id, actor)
    if row.state != "proposed":
        raise Conflict("delegation_state", "This was decided already; nothing was changed")
    if actor.id in (row.from_id, row.to_id):
        raise Forbidden("same_person", "Another administrator has to decide this")
    if is_confirmed and row.valid_until < london_date(now):
        raise Conflict("delegation_over", "Its last day has passed")
    state = "live" if is_confirmed else "refused"
    session.execute(
        update(delegation)
        .where(delegation.c.id == delegation_id)
        .values(state=state, decided_by_id=actor.id, decided_by_name=actor.name, decided_at=now)
    )
    audit.record(session, actor, f"payments.delegation.{state}", "delegation", delegation_id, {})


def end_delegation(session: Session, delegation_id: UUID, actor: Actor, now: datetime) -> None:
    """End authority before its last day: who gave it, who has it, or an administrator.

    Raises:
        Forbidden: somebody else.
        NotFound, Conflict: no such delegation of this body, or neither proposed nor in force.
    """
    row = _lock(session, delegation_id, actor)
    if ADMINISTRATOR not in actor.roles and actor.id not in (row.from_id, row.to_id):
        raise Forbidden("role_missing", "Your role does not allow this")
    if row.state not in ("proposed", "live"):
        raise Conflict("delegation_state", "This has ended already; nothing was changed")
    session.execute(
        update(delegation)
        .where(delegation.c.id == delegation_id)
        .values(state="ended", ended_by_name=actor.name, ended_at=now)
    )
    audit.record(session, actor, "payments.delegation.ended", "delegation", delegation_id, {})


def take_emergency_role(
    session: Session, role: str, hours: int | None, reason: str, actor: Actor, now: datetime
) -> UUID:
    """Take a role for up to four hours; every auditor is told, and what is done is marked.

    Raises:
        Forbidden: not an administrator.
        Conflict: the person has taken a role already that has not ended.
        Invalid: no reason, role or number of hours.
    """
    if ADMINISTRATOR not in actor.roles:
        raise Forbidden("role_missing", "Your role does not allow this")
    organisation = organisation_of(actor)
    reason = check_reason(reason)
    faults = []
    if role not in EMERGENCY_ROLES:
        faults.append(FieldError("role", "Select a role"))
    if hours is None or not 1 <= hours <= MOST_HOURS:
        faults.append(FieldError("hours", "Enter from 1 to 4 hours"))
    if faults or hours is None:
        raise Invalid(*faults)
    # One at a time: the body's row makes a second request wait.
    session.execute(
        select(body.c.organisation).where(body.c.organisation == organisation).with_for_update()
    )
    for one in list_emergencies(session, organisation):
        if one.person_id == actor.id and one.is_live(now):
            raise Conflict("emergency_taken", "You have taken a role already that has not ended")
    made = new_id()
    until = now + timedelta(hours=hours)
    session.execute(
        insert(emergency_access).values(
            id=made,
            organisation=organisation,
            person_id=actor.id,
            person_name=actor.name,
            role=role,
            reason=reason,
            begun_at=now,
            until_at=until,
        )
    )
    details = {"role": role, "until": until.isoformat(), "reason": reason}
    audit.record(session, actor, "payments.emergency.begun", "emergency_access", made, details)
    return made


def end_emergency_role(session: Session, emergency_id: UUID, actor: Actor, now: datetime) -> None:
    """Give a role back before its time; any administrator may take it from another.

    Raises:
        Forbidden, NotFound: not an administrator, or no such role of this body.
        Conflict: it has ended already.
    """
    if ADMINISTRATOR not in actor.roles:
        raise Forbidden("role_missing", "Your role does not allow this")
    own = emergency_access.c
    row = session.execute(
        select(own.ended_at, own.until_at)
        .where(own.id == emergency_id, own.organisation == organisation_of(actor))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("emergency_not_found", "There is no such emergency access")
    if row.ended_at is not None or row.until_at <= now:
        raise Conflict("emergency_over", "It has ended already; nothing was changed")
    session.execute(update(emergency_access).where(own.id == emergency_id).values(ended_at=now))
    audit.record(session, actor, "payments.emergency.ended", "emergency_access", emergency_id, {})


@dataclass(frozen=True)
class _Row:
    from_id: str
    to_id: str
    state: str
    valid_until: date


def _lock(session: Session, delegation_id: UUID, actor: Actor) -> _Row:
    own = delegation.c
    row = session.execute(
        select(own.from_id, own.to_id, own.state, own.valid_until)
        .where(own.id == delegation_id, own.organisation == organisation_of(actor))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("delegation_not_found", "There is no such delegation")
    return _Row(*row)


def _faults(
    session: Session, organisation: str, wanted: Handover, actor: Actor, now: datetime
) -> list[FieldError]:
    faults = []
    first, last = wanted.valid_from, wanted.valid_until
    if first is None or last is None or first < london_date(now):
        faults.append(FieldError("valid_from", "Enter the first and the last day, from today on"))
    elif not first <= last <= first + _LONGEST:
        faults.append(FieldError("valid_until", "Enter a last day up to 92 days after the first"))
    if wanted.programme_id is not None and not _has_programme(
        session, organisation, wanted.programme_id
    ):
        faults.append(FieldError("programme", "Select a programme"))
    if wanted.pence is None or not 0 < wanted.pence <= _MOST_PENCE:
        faults.append(FieldError("amount", "Enter an amount in pounds, like 100000"))
    elif first and last and wanted.pence > _own_limit(session, organisation, wanted, actor):
        faults.append(FieldError("amount", "That is more than your own authority for these days"))
    return faults


def _own_limit(session: Session, organisation: str, wanted: Handover, actor: Actor) -> int:
    """Return the most that an approver may hand over for all of these days."""
    rules = get_rules(session, organisation)
    if not rules.authorities:
        return _MOST_PENCE
    first, last = wanted.valid_from, wanted.valid_until
    return max(
        (
            one.pence
            for one in rules.authorities
            if one.person_id == actor.id
            and one.scope.programme_id in (None, wanted.programme_id)
            and first is not None
            and last is not None
            and one.valid_from <= first
            and last <= one.valid_until
        ),
        default=0,
    )


def _has_programme(session: Session, organisation: str, programme_id: UUID) -> bool:
    found = select(programme.c.id).where(
        programme.c.organisation == organisation, programme.c.id == programme_id
    )
    return session.execute(found).one_or_none() is not None
