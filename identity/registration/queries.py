"""Reads of registration tokens and pictures."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from identity.registration.models import ClientLogo, InitialAccessToken
from shared.crypto import hash_token


@dataclass(frozen=True)
class InitialRight:
    """What an initial access token allows.

    ``certification``: the client may leave out what only the conformance plans leave out (Q1).
    """

    id: UUID
    label: str
    organisation: str
    certification: bool


@dataclass(frozen=True)
class Registered:
    """A client that registered itself, as its own token opens it."""

    client_id: str
    certification: bool
    jwks: list[dict[str, object]]
    secret_hash: bytes | None
    organisation: str
    issued_at: datetime


@dataclass(frozen=True)
class Picture:
    """A logo as browsers get it."""

    media_type: str
    content: bytes


_REGISTERED = text(
    """
    SELECT r.client_id, t.certification, r.jwks, r.secret_hash, r.organisation, r.created_at
      FROM registration_access_token t JOIN relying_party r USING (client_id)
     WHERE t.client_id = :client_id AND t.token_hash = :hash AND r.profile = :profile
       FOR UPDATE OF t
    """
)


def find_initial_right(session: Session, token: str, now: datetime) -> InitialRight | None:
    """Return what a token allows; None when it is unknown, used up or over."""
    row = session.execute(
        select(
            InitialAccessToken.id,
            InitialAccessToken.label,
            InitialAccessToken.organisation,
            InitialAccessToken.certification,
        ).where(
            InitialAccessToken.token_hash == hash_token(token),
            InitialAccessToken.uses_left > 0,
            InitialAccessToken.expires_at > now,
        )
    ).one_or_none()
    return None if row is None else InitialRight(*row)


def find_registered(
    session: Session, profile: str, client_id: str, token: str
) -> Registered | None:
    """Return the client that this very token was issued for, None for every other pair.

    Until the transaction ends the client can be neither changed nor deleted by anybody else.
    """
    row = session.execute(
        _REGISTERED, {"client_id": client_id, "hash": hash_token(token), "profile": profile}
    ).one_or_none()
    if row is None:
        return None
    return Registered(
        client_id=row.client_id,
        certification=row.certification,
        jwks=row.jwks,
        secret_hash=None if row.secret_hash is None else bytes(row.secret_hash),
        organisation=row.organisation,
        issued_at=row.created_at,
    )


def find_picture(session: Session, client_id: str) -> Picture | None:
    """Return the picture of a client, None where there is none."""
    row = session.execute(
        select(ClientLogo.media_type, ClientLogo.content).where(ClientLogo.client_id == client_id)
    ).one_or_none()
    return None if row is None else Picture(row.media_type, bytes(row.content))
