"""Reads of organisations and their staff."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from identity.organisations.models import Organisation, StaffMember


def list_staff_roles(session: Session, account_id: UUID) -> list[dict[str, object]]:
    """Return the organisations an account works for, with its roles there; the ``staff`` claim."""
    rows = session.execute(
        select(StaffMember.organisation, StaffMember.roles)
        .where(StaffMember.account_id == account_id)
        .order_by(StaffMember.organisation)
    )
    return [{"organisation": row.organisation, "roles": sorted(row.roles)} for row in rows]


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
