"""Initial access tokens; storing, changing and deleting clients that register themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from identity.caching.versioned import bump_version
from identity.oidc.errors import ProtocolError
from identity.oidc.openid_registration import Prepared
from identity.registration.models import ClientLogo, InitialAccessToken, RegistrationAccessToken
from identity.registration.queries import InitialRight, Picture
from identity.registration.rules import LOGO_TOPIC, LONGEST_LIFE, MOST_USES
from identity.relying_parties.actions import register_relying_party
from identity.relying_parties.queries import CACHE_NAME
from identity.relying_parties.sectors import check_sector_kept
from shared import audit
from shared.actors import Actor
from shared.crypto import hash_token, random_token
from shared.errors import FieldError, Invalid
from shared.ids import new_id
from shared.outbox import enqueue

# One statement decides, so that simultaneous registrations never share a use.
_TAKE_USE = text(
    """
    UPDATE initial_access_token SET uses_left = uses_left - 1
     WHERE token_hash = :hash AND uses_left > 0 AND expires_at > :now
    RETURNING id, label, organisation, certification
    """
)
_DELETE_CLIENT = text(
    """
    WITH gone AS (DELETE FROM relying_party WHERE client_id = :client_id RETURNING client_id),
    revoked AS (
      UPDATE authorisation SET revoked_at = :now
       WHERE client_id = :client_id AND revoked_at IS NULL
    ), consents AS (DELETE FROM remembered_consent WHERE client_id = :client_id),
    flows AS (DELETE FROM flow WHERE client_id = :client_id)
    SELECT client_id FROM gone
    """
)


@dataclass(frozen=True)
class IssuedToken:
    """A token that was just issued; its value exists nowhere else."""

    id: UUID
    token: str
    expires_at: datetime


def issue_initial_token(
    session: Session,
    actor: Actor,
    *,
    label: str,
    organisation: str,
    uses: int,
    life: timedelta,
    certification: bool,
    now: datetime,
) -> IssuedToken:
    """Allow somebody to register clients for an organisation; returns the token, shown once."""
    if not timedelta() < life <= LONGEST_LIFE:
        raise Invalid(FieldError("life", f"must be at most {LONGEST_LIFE.days} days"))
    if not 0 < uses <= MOST_USES:
        raise Invalid(FieldError("uses", f"must be 1 to {MOST_USES}"))
    issued = IssuedToken(new_id(), random_token(), now + life)
    session.execute(
        insert(InitialAccessToken).values(
            id=issued.id,
            token_hash=hash_token(issued.token),
            label=label,
            organisation=organisation,
            certification=certification,
            uses_left=uses,
            created_at=now,
            expires_at=issued.expires_at,
        )
    )
    details = {"label": label, "uses": uses, "certification": certification}
    audit.record(
        session,
        actor,
        "identity.initial_access_token.issued",
        "initial_access_token",
        issued.id,
        {**details, "organisation": organisation, "expires_at": issued.expires_at.isoformat()},
    )
    return issued


def take_use(session: Session, token: str, now: datetime) -> InitialRight | None:
    """Spend one use of an initial access token; None when there is none left."""
    row = session.execute(_TAKE_USE, {"hash": hash_token(token), "now": now}).one_or_none()
    return None if row is None else InitialRight(*row)


def store_client(session: Session, prepared: Prepared, actor: Actor, now: datetime) -> None:
    """Keep a client that registered or changed itself, and have its picture fetched."""
    party = prepared.party
    if faults := check_sector_kept(session, party):
        raise ProtocolError("invalid_client_metadata", f"sector {faults[0].message}")
    register_relying_party(session, party, list(prepared.jwks), actor, now)
    session.execute(
        delete(ClientLogo).where(
            ClientLogo.client_id == party.client_id,
            ClientLogo.logo_uri.is_distinct_from(party.options.logo_uri),
        )
    )
    if party.options.logo_uri is not None:
        enqueue(session, LOGO_TOPIC, {"client_id": party.client_id})


def issue_registration_token(
    session: Session, client_id: str, *, certification: bool, now: datetime
) -> str:
    """Return the token that opens this one client (RFC 7592, section 3)."""
    token = random_token()
    session.execute(
        insert(RegistrationAccessToken).values(
            client_id=client_id,
            token_hash=hash_token(token),
            certification=certification,
            created_at=now,
        )
    )
    return token


def delete_client(session: Session, client_id: str, actor: Actor, now: datetime) -> None:
    """Forget a client with all that it was given; its tokens are worthless from now on."""
    gone = session.execute(_DELETE_CLIENT, {"client_id": client_id, "now": now}).one_or_none()
    if gone is None:
        return
    bump_version(session, CACHE_NAME)
    audit.record(session, actor, "identity.relying_party.deleted", "relying_party", client_id)


def keep_picture(
    session: Session, client_id: str, logo_uri: str, picture: Picture, now: datetime
) -> None:
    """Keep the picture of a client, instead of one it had."""
    values = {
        "logo_uri": logo_uri,
        "media_type": picture.media_type,
        "content": picture.content,
        "fetched_at": now,
    }
    session.execute(
        upsert(ClientLogo)
        .values(client_id=client_id, **values)
        .on_conflict_do_update(index_elements=["client_id"], set_=values)
    )
