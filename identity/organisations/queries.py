"""Reads of organisations, their services and their staff."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.organisations.models import BodyService, Organisation, StaffMember


@dataclass(frozen=True)
class Body:
    """A public body."""

    slug: str
    name: str
    kind: str
    status: str
    status_reason: str
    created_at: datetime


@dataclass(frozen=True)
class Service:
    """A service of a body; ``live_state`` says whether real people may come."""

    id: UUID
    organisation: str
    name: str
    purpose: str
    live_state: str
    live_note: str
    live_requested_at: datetime | None
    created_at: datetime


# Roles at a body that insists on its own sign-in count only in a session that came from there.
_ROLES = text(
    """
    SELECT m.organisation, m.roles FROM staff_member m
      JOIN organisation o ON o.slug = m.organisation
     WHERE m.account_id = :account_id AND o.status = 'approved'
       AND (NOT EXISTS (
              SELECT FROM upstream u WHERE u.organisation = m.organisation
                 AND u.enabled AND u.enforced)
            OR EXISTS (
              SELECT FROM upstream_session s JOIN sign_in_session n ON n.id = s.session_id
               WHERE s.organisation = m.organisation AND s.session_id = cast(:session_id AS uuid)
                 AND s.authenticated_at = n.authenticated_at))
     ORDER BY m.organisation
    """
)
_BODIES = text(
    """
    SELECT slug, name, kind, status, status_reason, created_at FROM organisation
     WHERE slug > :after AND (:status = '' OR status = :status)
       AND (:words = '' OR position(lower(:words) IN lower(name)) > 0)
     ORDER BY slug LIMIT :limit
    """
)


def list_staff_roles(
    session: Session, account_id: UUID, session_id: UUID | None = None
) -> list[dict[str, object]]:
    """Return the organisations an account works for, with its roles there; the ``staff`` claim.

    A body that is not approved gives no roles; one that insists on its own sign-in gives them only
    to a session that came from there.
    """
    rows = session.execute(_ROLES, {"account_id": account_id, "session_id": session_id})
    return [{"organisation": row.organisation, "roles": sorted(row.roles)} for row in rows]


def list_own_bodies(session: Session, account_id: UUID) -> list[tuple[Body, list[str]]]:
    """Return every body an account works for or applied for, whatever its state, with roles."""
    rows = session.execute(
        select(*_BODY, StaffMember.roles)
        .join(StaffMember, StaffMember.organisation == Organisation.slug)
        .where(StaffMember.account_id == account_id)
        .order_by(Organisation.name)
    )
    return [(_body(row), sorted(row.roles)) for row in rows]


_BODY = (
    Organisation.slug,
    Organisation.name,
    Organisation.kind,
    Organisation.status,
    Organisation.status_reason,
    Organisation.created_at,
)


def _body(row: Row[*tuple[object, ...]]) -> Body:
    return Body(row.slug, row.name, row.kind, row.status, row.status_reason, row.created_at)


def get_body(session: Session, slug: str) -> Body | None:
    """Return a body, None where there is none."""
    row = session.execute(select(*_BODY).where(Organisation.slug == slug)).one_or_none()
    return None if row is None else _body(row)


def list_bodies(
    session: Session, *, after: str = "", status: str = "", words: str = "", limit: int = 50
) -> list[Body]:
    """Return bodies by slug, beginning after one; of a status or with words in the name only."""
    values = {"after": after, "status": status, "words": words, "limit": limit}
    return [_body(row) for row in session.execute(_BODIES, values)]


def get_roles(session: Session, account_id: UUID, slug: str) -> frozenset[str]:
    """Return an account's roles at one body, none where it is not a member."""
    roles = session.execute(
        select(StaffMember.roles).where(
            StaffMember.account_id == account_id, StaffMember.organisation == slug
        )
    ).scalar_one_or_none()
    return frozenset(roles or ())


def get_organisation_name(session: Session, slug: str) -> str:
    """Return what to call an organisation; a slug that is not known here is its own name."""
    name = session.execute(
        select(Organisation.name).where(Organisation.slug == slug)
    ).scalar_one_or_none()
    return name or slug


def list_organisations(session: Session) -> dict[str, str]:
    """Return the name of every organisation by its slug."""
    rows = session.execute(select(Organisation.slug, Organisation.name).order_by(Organisation.name))
    return {row.slug: row.name for row in rows}


_SERVICE = (
    BodyService.id,
    BodyService.organisation,
    BodyService.name,
    BodyService.purpose,
    BodyService.live_state,
    BodyService.live_note,
    BodyService.live_requested_at,
    BodyService.created_at,
)


def _service(row: Row[*tuple[object, ...]]) -> Service:
    return Service(**row._asdict())


def list_services(session: Session, slug: str) -> list[Service]:
    """Return the services of a body by name."""
    rows = session.execute(
        select(*_SERVICE).where(BodyService.organisation == slug).order_by(BodyService.name)
    )
    return [_service(row) for row in rows]


def get_service(session: Session, service_id: UUID, slug: str | None = None) -> Service | None:
    """Return a service, None where there is none or it belongs to another body."""
    row = session.execute(select(*_SERVICE).where(BodyService.id == service_id)).one_or_none()
    if row is None or slug not in (None, row.organisation):
        return None
    return _service(row)


def list_live_requests(session: Session) -> list[Service]:
    """Return the services that wait for an operator, the oldest request first."""
    rows = session.execute(
        select(*_SERVICE)
        .where(BodyService.live_state == "requested")
        .order_by(BodyService.live_requested_at)
        .limit(200)
    )
    return [_service(row) for row in rows]


_MEMBERS = text(
    """
    SELECT m.account_id, m.roles FROM staff_member m JOIN organisation o ON o.slug = m.organisation
     WHERE m.organisation = :slug AND o.status = 'approved' LIMIT 10000
    """
)


def list_members(session: Session, slug: str) -> list[tuple[UUID, list[str]]]:
    """Return the accounts that work for an approved body, with their roles."""
    rows = session.execute(_MEMBERS, {"slug": slug})
    return [(row.account_id, sorted(row.roles)) for row in rows]
