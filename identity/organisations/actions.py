"""Changes of organisations and their staff."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from identity.logout.actions import end_staff_sessions
from identity.organisations import rules
from identity.organisations.models import Organisation, StaffMember
from shared import audit
from shared.actors import Actor


def save_organisation(
    session: Session, actor: Actor, *, slug: str, name: str, now: datetime
) -> None:
    """Add an organisation, or change its name; refuses a slug that is not one."""
    session.execute(
        insert(Organisation)
        .values(slug=rules.check_slug(slug), name=name, created_at=now)
        .on_conflict_do_update(index_elements=["slug"], set_={"name": name})
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
    checked = rules.check_roles(roles)
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
