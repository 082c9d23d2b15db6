"""Signing in with a factor, and proving more in a session that is there already."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from identity.accounts import limits, passwords
from identity.accounts.actions import citizen, tell_owner
from identity.accounts.queries import get_password_hash
from identity.accounts.vault import Vault
from identity.factors.ceremonies import Challenges
from identity.factors.checks import use_answer
from identity.oidc import flows
from identity.signin import rules
from identity.signin.actions import SignedIn, Visitor, open_session, worth_of
from identity.signin.attempts import finish_attempt
from identity.signin.models import SignInSession
from identity.signin.queries import SignedInSession
from shared import audit
from shared.crypto import random_token
from shared.db import Database


def finish_with_factor(
    session: Session,
    visitor: Visitor,
    *,
    attempt_id: UUID,
    proved: str,
    flow_id: UUID | None,
    now: datetime,
) -> SignedIn | None:
    """Open the session of a sign-in whose second factor was proved; None when it was over."""
    account_id = finish_attempt(
        session, attempt_id=attempt_id, browser_hash=visitor.browser_hash, now=now
    )
    if account_id is None:
        return None
    factors = ("password", proved)
    opened = open_session(session, visitor, account_id=account_id, now=now, factors=factors)
    if flow_id is not None:
        flows.record_sign_in(session, flow_id, account_id, opened.session_id, now)
    return opened


def strengthen_session(
    session: Session, visitor: Visitor, person: SignedInSession, proved: str, now: datetime
) -> SignedIn | None:
    """Note a further or repeated proof in a live session, under a new cookie; None if it ended.

    The session keeps its id and what was proved before; its level can only grow.
    """
    cookie = random_token()
    factors = tuple(dict.fromkeys((*person.factors, proved)))
    kept = session.execute(
        update(SignInSession)
        .where(SignInSession.id == person.id, SignInSession.ended_at.is_(None))
        .values(
            **worth_of(cookie, factors, now),
            last_seen_at=now,
            idle_at=now + rules.SESSION_IDLE,
            ends_at=now + rules.SESSION_LIFE,
        )
        .returning(SignInSession.level)
    ).one_or_none()
    if kept is None:
        return None
    audit.record(
        session,
        citizen(person.account_id),
        "session.confirmed",
        "account",
        person.account_id,
        {"session_id": person.id, "factor": proved, "device": visitor.device},
    )
    return SignedIn(cookie, person.id, person.account_id)


def sign_in_with_passkey(
    session: Session,
    vault: Vault,
    visitor: Visitor,
    *,
    origin: str,
    answer: str,
    flow_id: UUID | None,
    now: datetime,
) -> SignedIn | None:
    """Open the session of whoever's passkey answered; None for any answer that is no good.

    Wrong passwords do not pause this: a passkey cannot be guessed.
    """
    known = use_answer(
        session,
        vault,
        Challenges(vault, "sign_in", visitor.browser_hash),
        answer,
        origin=origin,
        account_id=None,
        now=now,
    )
    if known is None:
        return None
    account_id = known.account_id
    opened = open_session(session, visitor, account_id=account_id, now=now, factors=(known.proves,))
    if flow_id is not None:
        flows.record_sign_in(session, flow_id, account_id, opened.session_id, now)
    return opened


def is_own_password(
    database: Database, vault: Vault, person: SignedInSession, password: str, now: datetime
) -> bool:
    """Tell whether a password is that of the person who is signed in.

    Counted for this session alone, before the password is looked at: strangers' wrong passwords
    do not keep its owner from confirming, and a borrowed browser does not pause signing in. No
    connection is held while the password is hashed.
    """
    key = vault.counter_key("password.session", person.id.bytes)
    with database.transaction() as session:
        stored = get_password_hash(session, person.account_id)
        tries = limits.take(session, key, rules.PASSWORD_TRIES, rules.PASSWORD_PAUSE, now)
    right = passwords.matches(stored, password) and tries <= rules.PASSWORD_TRIES
    with database.transaction() as session:
        if right:
            limits.clear(session, key)
        elif tries == rules.PASSWORD_TRIES:
            tell_owner(session, person.account_id, "confirming_paused")
    return right
