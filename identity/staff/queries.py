"""Reads of a body's staff and its invitations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.accounts.models import Account
from identity.accounts.queries import get_profile
from identity.accounts.vault import Vault
from identity.organisations.models import Organisation, StaffMember
from identity.organisations.rules import OWNER
from identity.staff.models import Invitation
from identity.staff.rules import EMAIL_RECORD
from shared.crypto import hash_token

_MOST_SEARCHED = 2000
_OWNERS = text(
    "SELECT count(*) FROM staff_member WHERE organisation = :slug AND :owner = ANY (roles)"
)


@dataclass(frozen=True)
class Colleague:
    """One member of a body's staff, as an owner sees them."""

    account_id: UUID
    name: str
    email: str
    roles: tuple[str, ...]
    since: datetime


@dataclass(frozen=True)
class InvitationView:
    """One invitation; ``is_over`` when its link no longer works."""

    id: UUID
    organisation: str
    organisation_name: str
    email: str
    roles: tuple[str, ...]
    created_at: datetime
    valid_until: datetime
    is_over: bool


def list_colleagues(session: Session, vault: Vault, slug: str, words: str = "") -> list[Colleague]:
    """Return the staff of a body by name; names and addresses are sealed, so search opens them."""
    rows = session.execute(
        select(StaffMember.account_id, StaffMember.roles, StaffMember.created_at)
        .where(StaffMember.organisation == slug)
        .limit(_MOST_SEARCHED)
    ).all()
    found = [
        colleague
        for row in rows
        if (colleague := _colleague(session, vault, row)) is not None
        and words.lower() in f"{colleague.name} {colleague.email}".lower()
    ]
    return sorted(found, key=lambda one: (one.name.lower(), one.email))


def _colleague(
    session: Session, vault: Vault, row: Row[UUID, list[str], datetime]
) -> Colleague | None:
    profile = get_profile(session, row.account_id, vault.sealer)
    if profile is None:
        return None
    return Colleague(
        row.account_id,
        profile.display_name,
        profile.email,
        tuple(sorted(row.roles)),
        row.created_at,
    )


def get_colleague(session: Session, vault: Vault, slug: str, account_id: UUID) -> Colleague | None:
    """Return one member of a body's staff, None where they are not one."""
    row = session.execute(
        select(StaffMember.account_id, StaffMember.roles, StaffMember.created_at).where(
            StaffMember.organisation == slug, StaffMember.account_id == account_id
        )
    ).one_or_none()
    return None if row is None else _colleague(session, vault, row)


def count_owners(session: Session, slug: str) -> int:
    """Return how many people may manage a body's staff."""
    return int(session.execute(_OWNERS, {"slug": slug, "owner": OWNER}).scalar_one())


def count_staff(session: Session, slug: str) -> int:
    """Return how many people work for a body here."""
    statement = select(func.count()).where(StaffMember.organisation == slug)
    return int(session.execute(statement).scalar_one())


_COLUMNS = (
    Invitation.id,
    Invitation.organisation,
    Organisation.name.label("organisation_name"),
    Invitation.email_sealed,
    Invitation.roles,
    Invitation.created_at,
    Invitation.valid_until,
)
_OPEN = (Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None))


def _view(vault: Vault, row: Row[*tuple[object, ...]], now: datetime) -> InvitationView:
    return InvitationView(
        id=row.id,
        organisation=row.organisation,
        organisation_name=row.organisation_name,
        email=vault.open(bytes(row.email_sealed), EMAIL_RECORD, row.id),
        roles=tuple(sorted(row.roles)),
        created_at=row.created_at,
        valid_until=row.valid_until,
        is_over=row.valid_until <= now,
    )


def list_invitations(
    session: Session, vault: Vault, slug: str, now: datetime
) -> list[InvitationView]:
    """Return the invitations of a body that nobody took up or withdrew, the newest first."""
    rows = session.execute(
        select(*_COLUMNS)
        .join(Organisation, Organisation.slug == Invitation.organisation)
        .where(Invitation.organisation == slug, Invitation.expires_at > now, *_OPEN)
        .order_by(Invitation.created_at.desc())
    )
    return [_view(vault, row, now) for row in rows]


def list_own_invitations(
    session: Session, vault: Vault, account_id: UUID, now: datetime
) -> list[InvitationView]:
    """Return the invitations that wait for the confirmed address of an account."""
    rows = session.execute(
        select(*_COLUMNS)
        .join(Organisation, Organisation.slug == Invitation.organisation)
        .join(Account, Account.email_index == Invitation.email_index)
        .where(Account.id == account_id, Invitation.valid_until > now, *_OPEN)
        .order_by(Organisation.name)
    )
    return [_view(vault, row, now) for row in rows]


def find_by_token(
    session: Session, vault: Vault, token: str, now: datetime
) -> InvitationView | None:
    """Return the invitation of a link, None for one that is over, taken up or unknown."""
    row = session.execute(
        select(*_COLUMNS)
        .join(Organisation, Organisation.slug == Invitation.organisation)
        .where(Invitation.token_hash == hash_token(token), Invitation.valid_until > now, *_OPEN)
    ).one_or_none()
    return None if row is None else _view(vault, row, now)
