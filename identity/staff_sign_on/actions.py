"""Configuring a body's own provider, and letting its staff in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from joserfc.jwk import ECKey
from sqlalchemy import delete, insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from identity.accounts.actions import create_account
from identity.accounts.queries import find_credentials
from identity.accounts.vault import Vault
from identity.oidc.flows import record_sign_in
from identity.organisations.queries import get_roles
from identity.signin.actions import SignedIn, Visitor, open_session
from identity.staff_sign_on.models import (
    StaffDomain,
    Upstream,
    UpstreamAttempt,
    UpstreamLink,
    UpstreamSession,
)
from identity.staff_sign_on.queries import is_confirmed
from identity.staff_sign_on.rules import (
    ATTEMPT_LIFE,
    StaffIdentity,
    UpstreamPolicy,
    check_domain,
    domain_of,
)
from identity.staff_sign_on.upstream import Secrets
from shared import audit
from shared.actors import Actor
from shared.crypto import Sealer, hash_token, random_token
from shared.errors import Conflict, FieldError, Forbidden, Invalid, NotFound

# No password hash at all: nobody signs in with a password until its owner sets one.
_NO_PASSWORD = "none"  # noqa: S105 - says that there is none
_MOST_DOMAINS = 20
_CONSUME = text(
    """
    UPDATE upstream_attempt SET consumed_at = :now
     WHERE state_hash = :state_hash AND browser_hash = :browser_hash
       AND consumed_at IS NULL AND expires_at > :now
    RETURNING organisation, secrets_sealed, flow_id, account_id
    """
)
_INVITED = text(
    """
    SELECT EXISTS (SELECT FROM invitation WHERE organisation = :slug AND email_index = :email_index
                      AND accepted_at IS NULL AND withdrawn_at IS NULL AND valid_until > :now)
    """
)
_LINKED = text(
    "SELECT account_id, organisation FROM upstream_link WHERE issuer = :i AND subject = :s"
)


@dataclass(frozen=True)
class Attempt:
    """A sign-in that came back, as it began."""

    organisation: str
    kept: Secrets
    flow_id: UUID | None
    account_id: UUID | None


def new_credential(policy: UpstreamPolicy, secret: str) -> dict[str, object]:
    """Return what we prove ourselves with at a provider: the given secret, or a key just made."""
    if policy.auth_method == "private_key_jwt":
        return {"key": ECKey.generate_key("P-256").as_dict(private=True)}
    if not secret:
        raise Invalid(FieldError("secret", "Enter the secret"))
    return {"secret": secret}


def save_upstream(
    session: Session,
    sealer: Sealer,
    actor: Actor,
    policy: UpstreamPolicy,
    credential: Mapping[str, object],
    now: datetime,
) -> None:
    """Keep a body's provider; until it is switched on nobody signs in there.

    With another issuer the links to the one before end, so that no subject is mistaken.
    """
    values = {
        "shape": policy.shape,
        "issuer": policy.issuer,
        "client_id": policy.client_id,
        "auth_method": policy.auth_method,
        "credential_sealed": sealer.seal(
            json.dumps(dict(credential)).encode(), _aad("credential", policy.organisation)
        ),
        "tenant": policy.tenant,
        "medium_values": list(policy.medium_values),
        "enabled": policy.enabled,
        "enforced": policy.enforced,
        "updated_at": now,
    }
    session.execute(
        upsert(Upstream)
        .values(organisation=policy.organisation, **values)
        .on_conflict_do_update(index_elements=["organisation"], set_=values)
    )
    session.execute(
        delete(UpstreamLink).where(
            UpstreamLink.organisation == policy.organisation, UpstreamLink.issuer != policy.issuer
        )
    )
    details = {"issuer": policy.issuer, "medium": list(policy.medium_values)}
    audit.record(
        session, actor, "staff_sign_on.saved", "organisation", policy.organisation, details
    )


def open_credential(sealer: Sealer, slug: str, sealed: bytes) -> dict[str, object]:
    """Return a body's secret or private key at its provider."""
    opened: dict[str, object] = json.loads(sealer.open(sealed, _aad("credential", slug)))
    return opened


def switch_upstream(
    session: Session, actor: Actor, slug: str, *, enabled: bool, enforced: bool
) -> None:
    """Switch a body's provider on or off, and whether its staff must come from there."""
    changed = session.execute(
        update(Upstream)
        .where(Upstream.organisation == slug)
        .values(enabled=enabled, enforced=enabled and enforced)
        .returning(Upstream.organisation)
    ).one_or_none()
    if changed is None:
        raise NotFound("upstream_unknown", "Your organisation has no sign-in of its own here yet")
    details = {"enabled": enabled, "enforced": enabled and enforced}
    audit.record(session, actor, "staff_sign_on.switched", "organisation", slug, details)


def add_domain(session: Session, actor: Actor, slug: str, typed: str, now: datetime) -> None:
    """Write down that a body says a domain is its own; it counts when somebody confirmed it."""
    domain = check_domain(typed)
    count = session.execute(
        text("SELECT count(*) FROM staff_domain WHERE organisation = :slug"), {"slug": slug}
    ).scalar_one()
    if count >= _MOST_DOMAINS:
        raise Invalid(FieldError("domain", "Your organisation has as many domains as it may have"))
    session.execute(
        upsert(StaffDomain)
        .values(
            organisation=slug,
            domain=domain,
            challenge=f"clachan-domain={random_token(18)}",
            created_at=now,
        )
        .on_conflict_do_nothing()
    )
    audit.record(session, actor, "staff_domain.added", "organisation", slug, {"domain": domain})


def confirm_domain(
    session: Session, actor: Actor, slug: str, domain: str, *, by: str, now: datetime
) -> None:
    """Let a domain count as a body's own; refuses one that another body has."""
    try:
        with session.begin_nested():
            done = session.execute(
                update(StaffDomain)
                .where(StaffDomain.organisation == slug, StaffDomain.domain == domain)
                .values(confirmed_at=now, confirmed_by=by)
                .returning(StaffDomain.domain)
            ).one_or_none()
    except IntegrityError as error:
        raise Conflict(
            "domain_taken", "This domain belongs to another organisation here"
        ) from error
    if done is None:
        raise NotFound("domain_unknown", "This domain is not there")
    details = {"domain": domain, "by": by}
    audit.record(session, actor, "staff_domain.confirmed", "organisation", slug, details)


def remove_domain(session: Session, actor: Actor, slug: str, domain: str) -> None:
    """Forget a domain; people with addresses there are no longer led to the body's provider."""
    session.execute(
        delete(StaffDomain).where(StaffDomain.organisation == slug, StaffDomain.domain == domain)
    )
    audit.record(session, actor, "staff_domain.removed", "organisation", slug, {"domain": domain})


def start_attempt(
    session: Session,
    sealer: Sealer,
    policy: UpstreamPolicy,
    visitor: Visitor,
    *,
    flow_id: UUID | None,
    account_id: UUID | None,
    now: datetime,
) -> tuple[str, Secrets]:
    """Write a sign-in down and return its state and secrets, of which only seals are kept."""
    state, kept = random_token(), Secrets(random_token(), random_token(48))
    state_hash = hash_token(state)
    sealed = sealer.seal(
        json.dumps({"nonce": kept.nonce, "verifier": kept.verifier}).encode(),
        _aad("attempt", state_hash.hex()),
    )
    session.execute(
        insert(UpstreamAttempt).values(
            state_hash=state_hash,
            organisation=policy.organisation,
            browser_hash=visitor.browser_hash,
            secrets_sealed=sealed,
            flow_id=flow_id,
            account_id=account_id,
            created_at=now,
            expires_at=now + ATTEMPT_LIFE,
        )
    )
    return state, kept


def use_attempt(
    session: Session, sealer: Sealer, state: str, browser_hash: bytes, now: datetime
) -> Attempt | None:
    """Return the attempt that an answer belongs to, once and only in its own browser."""
    state_hash = hash_token(state)
    row = session.execute(
        _CONSUME, {"state_hash": state_hash, "browser_hash": browser_hash, "now": now}
    ).one_or_none()
    if row is None:
        return None
    opened = json.loads(sealer.open(bytes(row.secrets_sealed), _aad("attempt", state_hash.hex())))
    return Attempt(row.organisation, Secrets(**opened), row.flow_id, row.account_id)


def let_in(
    session: Session,
    vault: Vault,
    visitor: Visitor,
    attempt: Attempt,
    identity: StaffIdentity,
    now: datetime,
) -> SignedIn:
    """Open a session for whoever a body's provider says is there.

    Raises:
        Forbidden: nobody here belongs to this person, and they were not invited.
    """
    account_id = _account_of(session, vault, attempt, identity, now)
    opened = open_session(
        session,
        visitor,
        account_id=account_id,
        now=now,
        factors=(identity.factor,),
    )
    values = {"organisation": attempt.organisation, "authenticated_at": now}
    session.execute(
        upsert(UpstreamSession)
        .values(session_id=opened.session_id, **values)
        .on_conflict_do_update(index_elements=["session_id"], set_=values)
    )
    if attempt.flow_id is not None:
        record_sign_in(session, attempt.flow_id, account_id, opened.session_id, now)
    return opened


def _account_of(
    session: Session, vault: Vault, attempt: Attempt, identity: StaffIdentity, now: datetime
) -> UUID:
    found = session.execute(_LINKED, {"i": identity.issuer, "s": identity.subject}).one_or_none()
    if found is not None:
        if found.organisation != attempt.organisation or attempt.account_id not in (
            None,
            found.account_id,
        ):
            raise Forbidden(
                "linked_to_another", "This sign-in belongs to another account or organisation"
            )
        linked: UUID = found.account_id
        return linked
    account_id = attempt.account_id or _invited_account(session, vault, attempt, identity, now)
    if attempt.account_id is not None and not get_roles(session, account_id, attempt.organisation):
        raise _not_invited()
    session.execute(
        insert(UpstreamLink).values(
            issuer=identity.issuer,
            subject=identity.subject,
            organisation=attempt.organisation,
            account_id=account_id,
            created_at=now,
        )
    )
    actor = Actor("staff", str(account_id), attempt.organisation)
    details = {"organisation": attempt.organisation}
    audit.record(session, actor, "staff_sign_on.linked", "account", account_id, details)
    return account_id


def _invited_account(
    session: Session, vault: Vault, attempt: Attempt, identity: StaffIdentity, now: datetime
) -> UUID:
    """Return the account of an address that the body vouches for and has asked in.

    An address alone is not enough: its domain must be confirmed as the body's, and the body must
    have invited the address or have its owner on the staff.
    """
    slug, email = attempt.organisation, identity.email
    if email is None or not is_confirmed(session, slug, domain_of(email)):
        raise _not_invited()
    email_index = vault.email_index(email)
    is_invited = bool(
        session.execute(
            _INVITED, {"slug": slug, "email_index": email_index, "now": now}
        ).scalar_one()
    )
    known = find_credentials(session, email_index)
    if known is not None:
        if is_invited or get_roles(session, known.account_id, slug):
            return known.account_id
        raise _not_invited()
    if not is_invited:
        raise _not_invited()
    made = create_account(
        session,
        vault,
        email=email,
        password_hash=_NO_PASSWORD,
        language="en",
        display_name=identity.name,
        now=now,
    )
    if made is None:
        raise Conflict("try_again", "Somebody made this account a moment ago. Sign in again")
    return made


def _not_invited() -> Forbidden:
    return Forbidden(
        "not_invited",
        "Your organisation has not invited you",
        detail="Ask an owner of your organisation on this platform to invite your work address.",
    )


def _aad(record: str, owner: str) -> bytes:
    return f"identity.upstream.{record}:{owner}".encode()


def public_key_of(credential: Mapping[str, object]) -> dict[str, object] | None:
    """Return the public part of our key at a provider, None where a secret is used."""
    if "key" not in credential:
        return None
    key = ECKey.import_key(credential["key"])  # type: ignore[arg-type]  # sealed by us as a JWK
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}
