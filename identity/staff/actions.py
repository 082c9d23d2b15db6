"""Inviting staff, changing their roles, removing them; each is in force at once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from identity.accounts.queries import find_credentials
from identity.accounts.rules import check_email
from identity.accounts.vault import Vault
from identity.logout.actions import end_staff_sessions
from identity.organisations.actions import set_staff_roles
from identity.organisations.models import StaffMember
from identity.organisations.queries import get_roles
from identity.organisations.rules import OWNER, check_roles
from identity.staff.models import Invitation
from identity.staff.queries import count_owners
from identity.staff.rules import (
    EMAIL_RECORD,
    INVITATION_KEPT,
    INVITATION_LIFE,
    MOST_OPEN,
    MOST_SENDS,
    TOKEN_RECORD,
)
from shared import audit, clock
from shared.actors import Actor
from shared.crypto import hash_token, random_token
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.ids import new_id
from shared.outbox import enqueue

SEND_TOPIC = "identity.staff.send_invitation"
_OPEN = (Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None))
_LOCK = text("SELECT FROM organisation WHERE slug = :slug FOR UPDATE")
# One statement takes an invitation up, and only for an account of the address it was sent to.
_ACCEPT = text(
    """
    UPDATE invitation i SET accepted_at = :now, token_sealed = NULL
      FROM account a, organisation o
     WHERE i.id = :id AND a.id = :account_id AND a.email_index = i.email_index
       AND o.slug = i.organisation AND o.status IN ('approved', 'applied')
       AND i.accepted_at IS NULL AND i.withdrawn_at IS NULL AND i.valid_until > :now
    RETURNING i.organisation, i.roles
    """
)


def invite(
    session: Session,
    vault: Vault,
    actor: Actor,
    slug: str,
    *,
    email: str,
    roles: list[str],
    language: str,
    invited_by: UUID,
    now: datetime,
) -> UUID:
    """Invite an address to a body; it gets a link that leads to signing in.

    Raises:
        Invalid: no good address or roles, a member already, or invited already.
        Conflict: very many invitations are open.
    """
    email, roles = check_email(email), check_roles(roles, slug)
    found = find_credentials(session, vault.email_index(email))
    if found is not None and get_roles(session, found.account_id, slug):
        raise Invalid(FieldError("email", "This person works for you here already"))
    waiting = select(func.count()).where(Invitation.organisation == slug, *_OPEN)
    if session.execute(waiting).scalar_one() >= MOST_OPEN:
        raise Conflict("too_many_invitations", "Too many invitations are open. Withdraw some first")
    invitation_id, token = new_id(), random_token()
    values = {
        "id": invitation_id,
        "organisation": slug,
        "email_index": vault.email_index(email),
        "email_sealed": vault.seal(email, EMAIL_RECORD, invitation_id),
        "roles": roles,
        "token_hash": hash_token(token),
        "token_sealed": vault.seal(token, TOKEN_RECORD, invitation_id),
        "sent_count": 1,
        "invited_by": invited_by,
        "language": language,
        "created_at": now,
        "valid_until": now + INVITATION_LIFE,
        "expires_at": now + INVITATION_KEPT,
    }
    try:
        with session.begin_nested():
            session.execute(insert(Invitation).values(values))
    except IntegrityError as error:
        raise Invalid(
            FieldError("email", "This address is invited already. You can send it again")
        ) from error
    _have_sent(session, invitation_id, 1)
    audit.record(
        session,
        actor,
        "staff.invited",
        "organisation",
        slug,
        {"invitation": invitation_id, "roles": roles},
    )
    return invitation_id


def resend(
    session: Session, vault: Vault, actor: Actor, slug: str, invitation_id: UUID, now: datetime
) -> None:
    """Send an invitation again under a new link that lives seven days; the old link ends."""
    token = random_token()
    row = session.execute(
        update(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.organisation == slug,
            Invitation.sent_count < MOST_SENDS,
            *_OPEN,
        )
        .values(
            token_hash=hash_token(token),
            token_sealed=vault.seal(token, TOKEN_RECORD, invitation_id),
            sent_count=Invitation.sent_count + 1,
            valid_until=now + INVITATION_LIFE,
            expires_at=now + INVITATION_KEPT,
        )
        .returning(Invitation.sent_count)
    ).one_or_none()
    if row is None:
        raise Conflict("invitation_over", "This invitation cannot be sent again")
    _have_sent(session, invitation_id, row.sent_count)
    audit.record(
        session, actor, "staff.invited_again", "organisation", slug, {"invitation": invitation_id}
    )


def withdraw(session: Session, actor: Actor, slug: str, invitation_id: UUID, now: datetime) -> None:
    """End an invitation; withdrawing it twice is as good as once."""
    done = session.execute(
        update(Invitation)
        .where(Invitation.id == invitation_id, Invitation.organisation == slug, *_OPEN)
        .values(withdrawn_at=now, token_sealed=None)
        .returning(Invitation.id)
    ).one_or_none()
    if done is not None:
        audit.record(
            session,
            actor,
            "staff.invitation_withdrawn",
            "organisation",
            slug,
            {"invitation": invitation_id},
        )


def accept(
    session: Session, actor: Actor, account_id: UUID, invitation_id: UUID, now: datetime
) -> str:
    """Take an invitation up and return the body; single use, and only for its own address.

    Roles a member has already stay beside the new ones where the rules allow it.

    Raises:
        NotFound: over, withdrawn, taken up, or for another address.
    """
    row = session.execute(
        _ACCEPT, {"id": invitation_id, "account_id": account_id, "now": now}
    ).one_or_none()
    if row is None:
        raise NotFound(
            "invitation_unknown",
            "This invitation is not there for you",
            detail="It was sent to another address, was used, or has run out. Ask for a new one.",
        )
    set_staff_roles(
        session,
        actor,
        account_id=account_id,
        organisation=row.organisation,
        roles=list(row.roles),
        now=now,
    )
    return str(row.organisation)


def change_roles(
    session: Session, actor: Actor, slug: str, account_id: UUID, roles: list[str], now: datetime
) -> None:
    """Give a member other roles at once; a body always keeps an owner."""
    session.execute(_LOCK, {"slug": slug})
    before = get_roles(session, account_id, slug)
    if not before:
        raise NotFound("not_a_member", "This person does not work for you here")
    if OWNER in before and OWNER not in roles:
        _keep_an_owner(session, slug)
    set_staff_roles(session, actor, account_id=account_id, organisation=slug, roles=roles, now=now)


def remove_member(session: Session, actor: Actor, slug: str, account_id: UUID) -> None:
    """Take every role at a body from somebody at once; the last owner stays."""
    session.execute(_LOCK, {"slug": slug})
    if OWNER in get_roles(session, account_id, slug):
        _keep_an_owner(session, slug)
    gone = session.execute(
        delete(StaffMember)
        .where(StaffMember.account_id == account_id, StaffMember.organisation == slug)
        .returning(StaffMember.roles)
    ).one_or_none()
    if gone is None:
        raise NotFound("not_a_member", "This person does not work for you here")
    end_staff_sessions(session, account_id, clock.now())
    audit.record(
        session,
        actor,
        "staff.removed",
        "account",
        account_id,
        {"organisation": slug, "roles": sorted(gone.roles)},
    )


def _keep_an_owner(session: Session, slug: str) -> None:
    if count_owners(session, slug) <= 1:
        raise Conflict(
            "last_owner",
            "This person is the only owner",
            detail="Make somebody else an owner first. A body always has one.",
        )


def _have_sent(session: Session, invitation_id: UUID, number: int) -> None:
    enqueue(
        session,
        SEND_TOPIC,
        {"invitation_id": str(invitation_id), "number": number},
        key=f"{invitation_id}:{number}",
    )
