"""Changes of organisations, their services and their staff."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert as plain_insert
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from identity.caching.versioned import bump_version
from identity.logout.actions import end_staff_sessions
from identity.organisations import rules
from identity.organisations.models import BodyService, Organisation, StaffMember
from identity.relying_parties.queries import CACHE_NAME
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

_MOST_APPLICATIONS = 3
_MOST_SERVICES = 200
# Clients that their own staff switched off stay off when the body comes back.
_SWITCH_CLIENTS = text(
    """
    UPDATE relying_party SET updated_at = :now, options = CASE
             WHEN :off THEN options || '{"disabled_by": "operator"}'
             ELSE options - 'disabled_by' END
     WHERE organisation = :slug
       AND coalesce(options->>'disabled_by', '') = CASE WHEN :off THEN '' ELSE 'operator' END
    """
)


def save_organisation(
    session: Session, actor: Actor, *, slug: str, name: str, now: datetime, kind: str = "other"
) -> None:
    """Add an organisation, or change its name; refuses a slug that is not one."""
    session.execute(
        insert(Organisation)
        .values(slug=rules.check_slug(slug), name=name, kind=kind, created_at=now)
        .on_conflict_do_update(index_elements=["slug"], set_={"name": name, "kind": kind})
    )
    audit.record(session, actor, "organisation.saved", "organisation", slug, {"name": name})


def apply_for_body(
    session: Session, actor: Actor, account_id: UUID, *, name: str, kind: str, now: datetime
) -> str:
    """Let a person apply for a body, whose owner they become; returns its slug.

    An operator approves it before anything can be registered.

    Raises:
        Invalid: no good name or kind, or the name is taken.
        Conflict: the person has three applications waiting already.
    """
    name, kind = rules.check_name(name), rules.check_kind(kind)
    slug = rules.slug_of(name)
    if not rules.is_free_slug(slug):
        raise Invalid(FieldError("name", "Enter the organisation's full name"))
    waiting = session.execute(
        select(Organisation.slug).where(
            Organisation.applied_by == account_id, Organisation.status == "applied"
        )
    ).all()
    if len(waiting) >= _MOST_APPLICATIONS:
        raise Conflict(
            "too_many_applications",
            "You have three applications waiting",
            detail="We tell you as soon as they are decided.",
        )
    made = session.execute(
        insert(Organisation)
        .values(
            slug=slug, name=name, kind=kind, status="applied", applied_by=account_id, created_at=now
        )
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Organisation.slug)
    ).one_or_none()
    if made is None:
        raise Invalid(
            FieldError("name", "This organisation is here already. Ask its owner to invite you")
        )
    session.execute(
        plain_insert(StaffMember).values(
            account_id=account_id, organisation=slug, roles=[rules.OWNER], created_at=now
        )
    )
    audit.record(session, actor, "organisation.applied", "organisation", slug, {"name": name})
    return slug


def decide_body(
    session: Session, actor: Actor, slug: str, *, status: str, reason: str, now: datetime
) -> None:
    """Approve, refuse or suspend a body; its clients work only while it is not suspended."""
    changed = session.execute(
        update(Organisation)
        .where(Organisation.slug == slug, Organisation.status != status)
        .values(status=status, status_reason=reason)
        .returning(Organisation.slug)
    ).one_or_none()
    if changed is None:
        raise Conflict("decided_already", "This was decided already")
    off = status in ("suspended", "refused")
    session.execute(_SWITCH_CLIENTS, {"slug": slug, "off": off, "now": now})
    bump_version(session, CACHE_NAME)
    audit.record(session, actor, f"organisation.{status}", "organisation", slug, {"reason": reason})


def rename_body(session: Session, actor: Actor, slug: str, *, name: str, kind: str) -> None:
    """Change what a body is called."""
    session.execute(
        update(Organisation)
        .where(Organisation.slug == slug)
        .values(name=rules.check_name(name), kind=rules.check_kind(kind))
    )
    audit.record(session, actor, "organisation.saved", "organisation", slug, {"name": name})


def set_staff_roles(
    session: Session,
    actor: Actor,
    *,
    account_id: UUID,
    organisation: str,
    roles: list[str],
    now: datetime,
) -> None:
    """Give an account its roles at an organisation, instead of those it had there.

    Refuses unknown roles, and uploading and approving in one hand. Consoles that know other roles
    end their sessions of the person.
    """
    checked = rules.check_roles(roles, organisation)
    before = session.execute(
        select(StaffMember.roles)
        .where(StaffMember.account_id == account_id, StaffMember.organisation == organisation)
        .with_for_update()
    ).scalar_one_or_none()
    session.execute(
        insert(StaffMember)
        .values(account_id=account_id, organisation=organisation, roles=checked, created_at=now)
        .on_conflict_do_update(
            index_elements=["account_id", "organisation"], set_={"roles": checked}
        )
    )
    if sorted(before or ()) != checked:
        end_staff_sessions(session, account_id, now)
    audit.record(
        session,
        actor,
        "staff.roles_set",
        "account",
        account_id,
        {"organisation": organisation, "roles": checked},
    )


def add_service(
    session: Session, actor: Actor, slug: str, *, name: str, purpose: str, now: datetime
) -> UUID:
    """Add a service to a body and return its id; its sandbox is open at once."""
    count = len(
        session.execute(select(BodyService.id).where(BodyService.organisation == slug)).all()
    )
    if count >= _MOST_SERVICES:
        raise Conflict("too_many_services", "This organisation has as many services as it may have")
    service_id = new_id()
    session.execute(
        plain_insert(BodyService).values(
            id=service_id,
            organisation=slug,
            name=rules.check_name(name),
            purpose=rules.check_text(purpose, "purpose", "Say what people use the service for"),
            live_state="none",
            live_note="",
            created_at=now,
        )
    )
    audit.record(session, actor, "service.added", "service", service_id, {"name": name})
    return service_id


def change_service(
    session: Session, actor: Actor, service_id: UUID, *, name: str, purpose: str
) -> None:
    """Change what a service is called and what it is for."""
    session.execute(
        update(BodyService)
        .where(BodyService.id == service_id)
        .values(
            name=rules.check_name(name),
            purpose=rules.check_text(purpose, "purpose", "Say what people use the service for"),
        )
    )
    audit.record(session, actor, "service.changed", "service", service_id, {"name": name})


def request_live(
    session: Session, actor: Actor, service_id: UUID, account_id: UUID, *, note: str, now: datetime
) -> None:
    """Ask an operator to let real people use a service."""
    note = rules.check_text(note, "note", "Say how the service was tested")
    asked = session.execute(
        update(BodyService)
        .where(BodyService.id == service_id, BodyService.live_state.in_(("none", "refused")))
        .values(
            live_state="requested",
            live_note=note,
            live_requested_at=now,
            live_requested_by=account_id,
            live_decided_at=None,
        )
        .returning(BodyService.id)
    ).one_or_none()
    if asked is None:
        raise Conflict("requested_already", "This was asked for already")
    audit.record(session, actor, "service.live_requested", "service", service_id, {"note": note})


def decide_live(
    session: Session, actor: Actor, service_id: UUID, *, approve: bool, note: str, now: datetime
) -> None:
    """Answer a request to go live; refuses when there is none."""
    state = "approved" if approve else "refused"
    decided = session.execute(
        update(BodyService)
        .where(BodyService.id == service_id, BodyService.live_state == "requested")
        .values(live_state=state, live_note=note, live_decided_at=now)
        .returning(BodyService.id)
    ).one_or_none()
    if decided is None:
        raise Conflict("decided_already", "This was decided already")
    audit.record(session, actor, f"service.live_{state}", "service", service_id, {"note": note})
