"""Logout tokens as a relying party checks them (Back-Channel Logout, section 2.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.crypto import hash_token
from shared.errors import Problem
from shared.tokens import KeySource

EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYPE = "logout+jwt"
_ALGORITHMS = ["ES256", "RS256"]
_LEEWAY_SECONDS = 10
_OLDEST_SECONDS = 600
_LONGEST = 8192


# A session from before sessions had a `sid` ends with its person.
_END_SESSIONS = text(
    """
    WITH used AS (
      INSERT INTO used_logout_token (jti_hash, expires_at) VALUES (:jti_hash, :expires_at)
      ON CONFLICT DO NOTHING RETURNING true
    ), ended AS (
      DELETE FROM web_session WHERE EXISTS (SELECT FROM used) AND (
        sid = :sid OR subject = :subject AND (sid IS NULL OR cast(:sid AS text) IS NULL))
      RETURNING 1
    )
    SELECT EXISTS (SELECT FROM used) AS is_first, (SELECT count(*) FROM ended) AS ended
    """
)


@dataclass(frozen=True)
class LogoutToken:
    """A checked token: it ends the session ``sid``, or every session of ``subject``."""

    jti: str
    expires_at: datetime
    sid: str | None
    subject: str | None


def read_logout_token(
    token: str, keys: KeySource, issuer: str, client_id: str, now: datetime
) -> LogoutToken:
    """Return what a token ends; refuses one that is not signed by this issuer for this client.

    Raises:
        Problem: 400 for a bad token, 503 while the issuer's keys cannot be read.
    """

    def key_of(guest: GuestProtocol) -> Key:
        key = keys.find(str(guest.headers().get("kid", "")))
        if key is None:
            raise LookupError("unknown signing key")
        return key

    if len(token) > _LONGEST:
        raise _bad()
    try:
        decoded = jwt.decode(token, key_of, algorithms=_ALGORITHMS)
    except (JoseError, ValueError, LookupError, RecursionError) as error:
        raise _bad() from error
    except httpx.HTTPError as error:
        raise Problem(
            "issuer_keys_unavailable", "The issuer's keys cannot be read now", status=503
        ) from error
    claims = decoded.claims
    if decoded.header.get("typ") != _TYPE or not _is_for(claims, issuer, client_id, now):
        raise _bad()
    sid, subject = claims.get("sid"), claims.get("sub")
    return LogoutToken(
        jti=str(claims["jti"]),
        expires_at=datetime.fromtimestamp(claims["exp"] + _LEEWAY_SECONDS, UTC),
        sid=sid if isinstance(sid, str) else None,
        subject=subject if isinstance(subject, str) else None,
    )


def end_sessions(session: Session, wanted: LogoutToken) -> int:
    """End what a logout token names and return how much; refuses one that was used before.

    One statement decides, so a token that is sent twice at the same time counts once.
    """
    row = session.execute(
        _END_SESSIONS,
        {
            "jti_hash": hash_token(wanted.jti),
            "expires_at": wanted.expires_at,
            "sid": wanted.sid,
            "subject": wanted.subject,
        },
    ).one()
    if not row.is_first:
        raise Problem("logout_token_used", "The logout token was used before")
    return int(row.ended)


def _is_for(claims: Mapping[str, object], issuer: str, client_id: str, now: datetime) -> bool:
    instant = now.timestamp()
    audience, events = claims.get("aud"), claims.get("events")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        return False
    return (
        claims.get("iss") == issuer
        and client_id in (audience if isinstance(audience, list) else [audience])
        and instant - _OLDEST_SECONDS < issued <= instant + _LEEWAY_SECONDS
        and instant - _LEEWAY_SECONDS < expires <= issued + _OLDEST_SECONDS
        and isinstance(events, Mapping)
        and isinstance(events.get(EVENT), Mapping)
        and "nonce" not in claims
        and bool(claims.get("jti"))
        and isinstance(claims.get("jti"), str)
        and (isinstance(claims.get("sid"), str) or isinstance(claims.get("sub"), str))
    )


def _bad() -> Problem:
    return Problem("logout_token_bad", "The logout token is not good")
