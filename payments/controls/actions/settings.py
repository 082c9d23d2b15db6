"""An administrator's settings of a body: programmes, closing days, cut-off times, second factor."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from payments.bank.models import bank_account
from payments.controls.days import DEFAULT_CUT_OFFS
from payments.controls.models import closing_day, cut_off
from payments.controls.rules import RAILS
from payments.runs.actions.steps import MAXIMUM_REASON, check_reason, organisation_of
from payments.runs.models import body, programme
from payments.runs.rules import ADMINISTRATOR
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from shared.ids import new_id

KINDS = {"people": "People (grants, benefits, wages)", "suppliers": "Suppliers"}
RELEASES = {
    "on_approval": "As soon as it is approved",
    "on_schedule": "On its input day",
    "by_hand": "When a person releases it",
}
# The rails on which a run goes to the bank as a file.
PROGRAMME_RAILS = {name: RAILS[name] for name in ("bacs", "faster_payments", "chaps")}
_MOST_APPROVALS = 5
_MAXIMUM_NAME = 100
_MAXIMUM_GL_CODE = 60


@dataclass(frozen=True)
class ProgrammeSettings:
    """What a programme's runs are like."""

    name: str
    kind: str
    release: str
    approvals_needed: int
    rail: str
    gl_code: str
    # Why not Bacs; public money goes through Bacs unless there is a written reason.
    rail_reason: str = ""


def change_programme(
    session: Session, programme_id: UUID, wanted: ProgrammeSettings, actor: Actor, now: datetime
) -> None:
    """Change a programme from its next run on; what changed is kept with before and after.

    Raises:
        Forbidden, NotFound: not an administrator, or no such programme of this body.
        Conflict: fewer approvers than before; fewer come by a band that two people agree on.
        Invalid: names the fields at fault.
    """
    organisation = _admit(actor)
    row = session.execute(
        select(programme)
        .where(programme.c.organisation == organisation, programme.c.id == programme_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound("programme_not_found", "There is no such programme")
    _check(wanted)
    if wanted.approvals_needed < row.approvals_needed:
        raise Conflict(
            "fewer_approvals",
            "The number of approvers of a programme only grows here",
            detail="Fewer approvers weaken a control that other people rely on.",
        )
    before = {name: getattr(row, name) for name in wanted.__dict__}
    changed = {
        name: {"before": before[name], "after": value}
        for name, value in wanted.__dict__.items()
        if value != before[name]
    }
    if changed:
        session.execute(
            update(programme).where(programme.c.id == programme_id).values(**wanted.__dict__)
        )
        details = {"at": now.isoformat(), **changed}
        audit.record(
            session, actor, "payments.programme.changed", "programme", programme_id, details
        )


def open_programme(
    session: Session, slug: str, wanted: ProgrammeSettings, actor: Actor, now: datetime
) -> UUID:
    """Open a programme that pays from the body's first account that can pay.

    Raises:
        Forbidden: not an administrator.
        Invalid: names the fields at fault; a slug that is taken too.
        Conflict: ``cannot_pay``, the body has no account with a service user number.
    """
    organisation = _admit(actor)
    _check(wanted)
    if not (0 < len(slug) <= 63 and slug.replace("-", "").isalnum() and slug == slug.lower()):  # noqa: PLR2004 - what the API takes as the name of a programme
        raise Invalid(FieldError("slug", "Enter small letters, numbers and hyphens"))
    account = session.execute(
        select(bank_account.c.id)
        .where(bank_account.c.body == organisation, bank_account.c.service_user_number != "")
        .order_by(bank_account.c.code)
        .limit(1)
    ).scalar_one_or_none()
    if account is None:
        raise Conflict("cannot_pay", "No account of the organisation can pay")
    made: UUID | None = session.execute(
        upsert(programme)
        .values(
            id=new_id(),
            organisation=organisation,
            slug=slug,
            bank_account_id=account,
            created_at=now,
            **wanted.__dict__,
        )
        .on_conflict_do_nothing()
        .returning(programme.c.id)
    ).scalar_one_or_none()
    if made is None:
        raise Invalid(FieldError("slug", "Another programme has this name"))
    audit.record(session, actor, "payments.programme.opened", "programme", made, {"slug": slug})
    return made


def set_step_up(session: Session, mode: Literal["bands", "all"], actor: Actor) -> None:
    """Say which steps ask for a fresh sign-in: those of bands that say so, or all."""
    organisation = _admit(actor)
    session.execute(update(body).where(body.c.organisation == organisation).values(step_up=mode))
    audit.record(session, actor, "payments.body.step_up", "body", organisation, {"mode": mode})


def close_on(session: Session, day: date | None, reason: str, actor: Actor, now: datetime) -> None:
    """Make a day one on which the body's runs are not put in.

    Raises:
        Forbidden: not an administrator.
        Invalid: no reason, no day, or a day that has passed.
        Conflict: it is a closing day already.
    """
    organisation = _admit(actor)
    reason = check_reason(reason)
    if day is None or day < london_date(now):
        raise Invalid(FieldError("day", "Enter a day from today on"))
    statement = upsert(closing_day).values(
        id=new_id(),
        organisation=organisation,
        day=day,
        reason=reason,
        set_by_id=actor.id,
        set_by_name=actor.name,
        set_at=now,
    )
    made = session.execute(statement.on_conflict_do_nothing().returning(closing_day.c.id))
    if made.scalar_one_or_none() is None:
        raise Conflict("closed_already", "That is a closing day already")
    details = {"day": day.isoformat(), "reason": reason}
    audit.record(session, actor, "payments.calendar.closed", "body", organisation, details)


def open_on(session: Session, closing_id: UUID, actor: Actor, now: datetime) -> None:
    """Take a closing day back.

    Raises:
        Forbidden, NotFound: not an administrator, or no such day of this body.
    """
    organisation = _admit(actor)
    done = session.execute(
        update(closing_day)
        .where(
            closing_day.c.organisation == organisation,
            closing_day.c.id == closing_id,
            closing_day.c.removed_at.is_(None),
        )
        .values(removed_by_id=actor.id, removed_by_name=actor.name, removed_at=now)
        .returning(closing_day.c.day)
    ).one_or_none()
    if done is None:
        raise NotFound("closing_day_not_found", "There is no such closing day")
    details = {"day": done.day.isoformat()}
    audit.record(session, actor, "payments.calendar.opened", "body", organisation, details)


def set_cut_off(session: Session, rail: str, at: time | None, actor: Actor, now: datetime) -> None:
    """Set until when input is possible on a rail, in Europe/London; none means at any time.

    Raises:
        Forbidden: not an administrator.
        Invalid: no such rail.
    """
    organisation = _admit(actor)
    if rail not in DEFAULT_CUT_OFFS:
        raise Invalid(FieldError("rail", "Select a rail"))
    values = {"at": at, "changed_by_name": actor.name, "changed_at": now}
    statement = upsert(cut_off).values(organisation=organisation, rail=rail, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["organisation", "rail"], set_=values)
    )
    details = {"rail": rail, "at": None if at is None else at.isoformat()}
    audit.record(session, actor, "payments.cut_off.set", "body", organisation, details)


def _admit(actor: Actor) -> str:
    if ADMINISTRATOR not in actor.roles:
        raise Forbidden("role_missing", "Your role does not allow this")
    return organisation_of(actor)


def _check(wanted: ProgrammeSettings) -> None:
    faults = []
    if not 1 <= len(wanted.name) <= _MAXIMUM_NAME:
        faults.append(FieldError("name", "Enter a name of up to 100 characters"))
    if wanted.kind not in KINDS:
        faults.append(FieldError("kind", "Select who is paid"))
    if wanted.release not in RELEASES:
        faults.append(FieldError("release", "Select when runs are released"))
    if not 1 <= wanted.approvals_needed <= _MOST_APPROVALS:
        faults.append(FieldError("approvals_needed", "Enter a number of approvers from 1 to 5"))
    if wanted.rail not in PROGRAMME_RAILS:
        faults.append(FieldError("rail", "Select a rail"))
    elif wanted.rail != "bacs" and not wanted.rail_reason.strip():
        faults.append(FieldError("rail_reason", "Enter why the programme does not pay by Bacs"))
    elif len(wanted.rail_reason) > MAXIMUM_REASON:
        faults.append(FieldError("rail_reason", "Enter a reason of up to 500 characters"))
    if len(wanted.gl_code) > _MAXIMUM_GL_CODE:
        faults.append(FieldError("gl_code", "Enter up to 60 characters"))
    if faults:
        raise Invalid(*faults)
