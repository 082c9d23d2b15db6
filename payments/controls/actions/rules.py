"""Limits, bands and authorities change by two administrators: one proposes, another confirms."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from payments.controls.models import control_rule
from payments.controls.rules import MEASURES, RAILS, Kind, Measure
from payments.runs.actions.steps import check_reason, organisation_of
from payments.runs.models import programme
from payments.runs.rules import ADMINISTRATOR
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

_MOST_APPROVALS = 5
_MOST_PENCE = 10**15


@dataclass(frozen=True)
class Proposal:
    """A rule that an administrator wants; amounts in pence, days both included."""

    kind: Kind
    reason: str
    pence: int | None = None
    measure: Measure | None = None
    programme_id: UUID | None = None
    rail: str | None = None
    approvals: int | None = None
    step_up: bool = False
    person_id: str | None = None
    person_name: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    replaces: UUID | None = None


def propose_rule(session: Session, proposal: Proposal, actor: Actor, now: datetime) -> UUID:
    """Write a wanted rule down for another administrator; returns its id.

    Raises:
        Forbidden: not an administrator.
        Invalid: names every field at fault.
        NotFound: the rule that it replaces is not a live one of this body.
    """
    organisation = _admit(actor)
    reason = check_reason(proposal.reason)
    _check(session, organisation, proposal)
    if proposal.replaces is not None:
        _get(session, organisation, proposal.replaces, "live")
    rule_id = new_id()
    values = {**proposal.__dict__, "reason": reason, "pence": proposal.pence or 0}
    session.execute(
        insert(control_rule).values(
            id=rule_id,
            organisation=organisation,
            **values,
            proposed_by_id=actor.id,
            proposed_by_name=actor.name,
            proposed_at=now,
        )
    )
    details = {name: value for name, value in values.items() if value is not None}
    audit.record(session, actor, "payments.control.proposed", "control_rule", rule_id, details)
    return rule_id


def confirm_rule(session: Session, rule_id: UUID, actor: Actor, now: datetime) -> None:
    """Make a proposed rule live, and end the one that it replaces.

    Raises:
        Forbidden: not an administrator, who proposed it, or whose own authority it is.
        Conflict: decided already, or the rule that it replaces ended meanwhile.
    """
    organisation = _admit(actor)
    rule = _get(session, organisation, rule_id, "proposed")
    if rule.proposed_by_id == actor.id:
        raise Forbidden("same_person", "Another administrator has to confirm what you proposed")
    if rule.person_id == actor.id:
        raise Forbidden("same_person", "Nobody confirms their own authority")
    if rule.replaces is not None:
        _get(session, organisation, rule.replaces, "live")
        _set(session, rule.replaces, state="ended", ended_at=now)
    state = "ended" if rule.kind == "end" else "live"
    _decide(session, rule_id, state, actor, now)


def refuse_rule(session: Session, rule_id: UUID, actor: Actor, now: datetime) -> None:
    """Refuse or withdraw a proposed rule; whoever proposed it may do so too.

    Raises:
        Forbidden, Conflict: not an administrator, or decided already.
    """
    _get(session, _admit(actor), rule_id, "proposed")
    _decide(session, rule_id, "refused", actor, now)


def _admit(actor: Actor) -> str:
    if ADMINISTRATOR not in actor.roles:
        raise Forbidden("role_missing", "Your role does not allow this")
    return organisation_of(actor)


@dataclass(frozen=True)
class _Rule:
    kind: str
    replaces: UUID | None
    person_id: str | None
    proposed_by_id: str


def _get(session: Session, organisation: str, rule_id: UUID, state: str) -> _Rule:
    """Lock a rule of this body; refuses one that is in another state."""
    row = session.execute(
        select(
            control_rule.c.kind,
            control_rule.c.replaces,
            control_rule.c.person_id,
            control_rule.c.proposed_by_id,
            control_rule.c.state,
        )
        .where(control_rule.c.organisation == organisation, control_rule.c.id == rule_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("rule_not_found", "There is no such rule")
    if row.state != state:
        raise Conflict("rule_state", "This rule was decided already; nothing was changed")
    return _Rule(row.kind, row.replaces, row.person_id, row.proposed_by_id)


def _set(session: Session, rule_id: UUID, **values: object) -> None:
    session.execute(update(control_rule).where(control_rule.c.id == rule_id).values(**values))


def _decide(session: Session, rule_id: UUID, state: str, actor: Actor, now: datetime) -> None:
    ended = {"ended_at": now} if state == "ended" else {}
    _set(
        session,
        rule_id,
        state=state,
        decided_by_id=actor.id,
        decided_by_name=actor.name,
        decided_at=now,
        **ended,
    )
    audit.record(session, actor, f"payments.control.{state}", "control_rule", rule_id)


def _check(session: Session, organisation: str, wanted: Proposal) -> None:
    faults: list[FieldError] = []
    if wanted.kind == "end":
        if wanted.replaces is None:
            faults.append(FieldError("replaces", "Select the rule to end"))
    elif wanted.pence is None or not 0 <= wanted.pence <= _MOST_PENCE:
        faults.append(FieldError("amount", "Enter an amount in pounds, like 100000"))
    if wanted.kind == "limit" and wanted.measure not in MEASURES:
        faults.append(FieldError("measure", "Select what the limit is for"))
    if wanted.kind == "band" and not 1 <= (wanted.approvals or 0) <= _MOST_APPROVALS:
        faults.append(FieldError("approvals", "Enter a number of approvers from 1 to 5"))
    if wanted.kind == "authority":
        faults += _check_authority(wanted)
    if wanted.rail is not None and wanted.rail not in RAILS:
        faults.append(FieldError("rail", "Select a rail"))
    if wanted.programme_id is not None and not _has_programme(
        session, organisation, wanted.programme_id
    ):
        faults.append(FieldError("programme", "Select a programme"))
    if faults:
        raise Invalid(*faults)


def _check_authority(wanted: Proposal) -> list[FieldError]:
    faults = []
    if not wanted.person_id or not wanted.person_name:
        faults.append(FieldError("person", "Enter whose authority it is"))
    if wanted.valid_from is None or wanted.valid_until is None:
        faults.append(FieldError("valid_from", "Enter the first and the last day"))
    elif wanted.valid_from > wanted.valid_until:
        faults.append(FieldError("valid_until", "The last day is before the first"))
    return faults


def _has_programme(session: Session, organisation: str, programme_id: UUID) -> bool:
    found = select(programme.c.id).where(
        programme.c.organisation == organisation, programme.c.id == programme_id
    )
    return session.execute(found).one_or_none() is not None
