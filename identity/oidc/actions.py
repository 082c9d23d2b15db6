"""What the protocol writes; each single use is decided by one statement."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from identity.oidc.authorisations import COLUMNS, Authorisation, authorisation_of
from identity.oidc.rfc7523_client_assertions import AssertionUse
from shared.crypto import hash_token
from shared.quick import Executor

# Writes the assertion's single use and says whether it was the first (RFC 7523, section 3).
_USE = """
    used AS (
      INSERT INTO used_assertion (client_id, jti_hash, expires_at)
      SELECT :client_id, :jti_hash, :jti_until WHERE cast(:jti_hash AS bytea) IS NOT NULL
      ON CONFLICT DO NOTHING RETURNING true
    )
"""
_FIRST_USE = "(cast(:jti_hash AS bytea) IS NULL OR EXISTS (SELECT FROM used))"
_NEXT = """
    fresh AS (
      INSERT INTO refresh_token (token_hash, authorisation_id, created_at, expires_at)
      SELECT :refresh_hash, id, :now, :refresh_until FROM spent
       WHERE cast(:refresh_hash AS bytea) IS NOT NULL
    )
"""
_ANSWER = f"SELECT {_FIRST_USE} AS first_use, spent.* FROM (SELECT) one LEFT JOIN spent ON true"
_QUALIFIED = ", ".join(f"a.{name.strip()}" for name in COLUMNS.split(","))
# A token is bound to the key that its request showed; what was bound once stays bound, and a public
# client's refresh token to the very key (RFC 9449, section 5).
_CONFIRMED = "coalesce(cast(:confirmation AS jsonb), a.confirmation)"
_STAYS_BOUND = """
    (a.confirmation IS NULL OR (cast(:confirmation AS jsonb) IS NOT NULL
      AND (NOT :same_key OR a.confirmation = cast(:confirmation AS jsonb))))
"""
_REDEEM = text(
    f"""
    WITH {_USE}, spent AS (
      UPDATE authorisation a SET code_consumed_at = :now,
             access_token_hash = cast(:access_hash AS bytea),
             access_token_until = :access_until,
             expires_at = greatest(expires_at, :expires_at), confirmation = {_CONFIRMED}
       WHERE code_hash = :code_hash AND client_id = :client_id AND redirect_uri = :redirect_uri
         AND code_challenge IS NOT DISTINCT FROM cast(:challenge AS text)
         AND code_consumed_at IS NULL AND revoked_at IS NULL AND code_expires_at > :now
         AND (asked ->> 'jkt' IS NULL
              OR asked ->> 'jkt' = cast(:confirmation AS jsonb) ->> 'jkt')
         AND {_FIRST_USE}
      RETURNING {_QUALIFIED}
    ), {_NEXT} {_ANSWER}
    """
)
_TURNED = f"""
      FROM authorisation a
       WHERE r.token_hash = :token_hash AND r.consumed_at IS NULL AND r.expires_at > :now
         AND a.id = r.authorisation_id AND a.client_id = :client_id AND a.revoked_at IS NULL
         AND cast(:scopes AS text[]) <@ a.scopes AND {_STAYS_BOUND} AND {_FIRST_USE}
      RETURNING {_QUALIFIED}
    ), spent AS (
      UPDATE authorisation a SET expires_at = greatest(a.expires_at, :expires_at),
             confirmation = {_CONFIRMED}
        FROM turned WHERE a.id = turned.id RETURNING {_QUALIFIED}
    )
"""
_REFRESH = text(
    f"WITH {_USE}, turned AS (UPDATE refresh_token r SET consumed_at = :now {_TURNED}, {_NEXT}"
    f" {_ANSWER}"
)
# The same where refresh tokens are not turned but last, as FAPI 2.0 wants.
_REUSE = text(
    f"WITH {_USE}, turned AS (UPDATE refresh_token r SET expires_at = :refresh_until {_TURNED}"
    f" {_ANSWER}"
)
# What the statements of the further grants are made of.
USE, FIRST_USE, CONFIRMED, NEXT_TOKEN = _USE, _FIRST_USE, _CONFIRMED, _NEXT
ANSWER_COLUMNS = _QUALIFIED
_SPEND = text(f"WITH {_USE} SELECT {_FIRST_USE}")
_REVOKE_BY_CODE = text(
    "UPDATE authorisation SET revoked_at = :now WHERE code_hash = :hash"
    " AND client_id = :client_id AND code_consumed_at IS NOT NULL AND revoked_at IS NULL"
    " RETURNING id"
)
_REVOKE_BY_REFRESH = text(
    """
    UPDATE authorisation a SET revoked_at = :now FROM refresh_token r
     WHERE r.token_hash = :hash AND a.id = r.authorisation_id AND a.client_id = :client_id
       AND (r.consumed_at IS NOT NULL OR NOT :only_spent) AND a.revoked_at IS NULL
    RETURNING a.id
    """
)
_REVOKE_ACCESS = text(
    "INSERT INTO revoked_access_token (jti, expires_at) VALUES (:jti, :expires_at)"
    " ON CONFLICT DO NOTHING"
)

_OF_BODIES = ("invitation", "client_draft", "client_trial", "client_refusal", "upstream_attempt")
_SHORT_LIVED = (
    "flow",
    "authorisation",
    "used_assertion",
    "used_proof",
    "pushed_request",
    "polled_request",
    "revoked_access_token",
    "sandbox_plan",
    "sandbox_wait",
    *_OF_BODIES,
    "used_challenge",
    "known_browser",
    "initial_access_token",
    "logout_delivery",
    "contact_check",
    "account_change",
    "kept_evidence",
)
# By index and by place: a join on `ctid` would read the whole table for every batch.
_FORGET = tuple(
    text(
        f"""
        DELETE FROM {table} WHERE ctid = ANY (ARRAY(
          SELECT ctid FROM {table} WHERE expires_at < :now ORDER BY expires_at LIMIT :batch))
        """
    )
    for table in _SHORT_LIVED
)


@dataclass(frozen=True)
class Spent:
    """What a single-use statement decided.

    ``authorisation`` is None when the code or token was not good; ``first_use`` is False when the
    client assertion had been seen before.
    """

    first_use: bool
    authorisation: Authorisation | None


@dataclass(frozen=True)
class Lives:
    """How long what is issued now will live."""

    access_token_seconds: int
    refresh_token_seconds: int

    def keep_until(self, now: datetime) -> datetime:
        """Return until when the authorisation's row is of use."""
        longest = max(self.access_token_seconds, self.refresh_token_seconds)
        return now + timedelta(seconds=longest)


def redeem_code(
    session: Executor,
    *,
    code: str,
    client_id: str,
    redirect_uri: str,
    challenge: str | None,
    refresh_token: str | None,
    use: AssertionUse | None,
    lives: Lives,
    now: datetime,
    access_token: str | None = None,
    confirmation: Mapping[str, str] | None = None,
) -> Spent:
    """Spend a code and its assertion, and write the tokens down: all or nothing.

    A code that fails here was not spent by this call.
    """
    return _spend(
        session,
        _REDEEM,
        {
            "code_hash": hash_token(code),
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "challenge": challenge,
            "access_hash": hash_token(access_token) if access_token else None,
            "access_until": (
                now + timedelta(seconds=lives.access_token_seconds) if access_token else None
            ),
            "confirmation": _as_json(confirmation),
            **_refresh_values(refresh_token, lives, now),
            **_use_values(use),
        },
    )


def turn_refresh_token(
    session: Executor,
    *,
    token: str,
    client_id: str,
    scopes: tuple[str, ...],
    next_token: str | None,
    use: AssertionUse | None,
    lives: Lives,
    now: datetime,
    confirmation: Mapping[str, str] | None = None,
    same_key: bool = False,
) -> Spent:
    """Spend a refresh token and write its successor; refuses scopes that were not granted.

    Without ``next_token`` it is not spent but lives on. With ``same_key`` a bound one is good with
    its own key only.
    """
    return _spend(
        session,
        _REUSE if next_token is None else _REFRESH,
        {
            "token_hash": hash_token(token),
            "client_id": client_id,
            "scopes": list(scopes),
            "confirmation": _as_json(confirmation),
            "same_key": same_key,
            **_refresh_values(next_token, lives, now),
            **_use_values(use),
        },
    )


def spend_assertion(session: Executor, use: AssertionUse) -> bool:
    """Write an assertion's single use down; False when it had been used."""
    values = {"client_id": use.client_id} | _use_values(use)
    return bool(session.execute(_SPEND, values).scalar_one())


def revoke_by_code(session: Session, code: str, client_id: str, now: datetime) -> bool:
    """Revoke everything issued from a code that was spent before (RFC 6749, section 4.1.2)."""
    values = {"hash": hash_token(code), "client_id": client_id, "now": now}
    return session.execute(_REVOKE_BY_CODE, values).one_or_none() is not None


def revoke_by_refresh_token(
    session: Session, token: str, client_id: str, now: datetime, *, only_spent: bool
) -> bool:
    """Revoke the family of a refresh token; ``only_spent``: if it was used before."""
    values = {"hash": hash_token(token), "client_id": client_id, "now": now}
    found = session.execute(_REVOKE_BY_REFRESH, values | {"only_spent": only_spent})
    return found.one_or_none() is not None


def revoke_access_token(session: Session, jti: str, expires_at: datetime) -> None:
    """Make one access token worthless until it would have expired."""
    session.execute(_REVOKE_ACCESS, {"jti": jti, "expires_at": expires_at})


def forget_expired(session: Session, now: datetime, *, batch: int = 5000) -> bool:
    """Delete one batch of what has expired from each short-lived table; tells if more is left."""
    counts = [
        int(session.execute(statement, {"now": now, "batch": batch}).rowcount)  # type: ignore[attr-defined]  # a DELETE has a row count
        for statement in _FORGET
    ]
    return max(counts) == batch


def _spend(session: Executor, statement: TextClause, values: dict[str, object]) -> Spent:
    row = session.execute(statement, values).mappings().one()
    first_use = bool(row["first_use"])
    return Spent(first_use, None if row["id"] is None else authorisation_of(row))


def spend_values(
    token: str | None, use: AssertionUse | None, bound: object, lives: Lives, now: datetime
) -> dict[str, object]:
    """Return what the names above are filled with; ``bound`` is the ``cnf`` of the new token."""
    values = _refresh_values(token, lives, now) | _use_values(use)
    return values | {"confirmation": json.dumps(bound) if bound else None}


def _refresh_values(token: str | None, lives: Lives, now: datetime) -> dict[str, object]:
    return {
        "refresh_hash": hash_token(token) if token else None,
        "refresh_until": now + timedelta(seconds=lives.refresh_token_seconds),
        "expires_at": lives.keep_until(now),
        "now": now,
    }


def _as_json(confirmation: Mapping[str, str] | None) -> str | None:
    return None if confirmation is None else json.dumps(dict(confirmation))


def _use_values(use: AssertionUse | None) -> dict[str, object]:
    if use is None:
        return {"jti_hash": None, "jti_until": None}
    return {"jti_hash": use.jti_hash, "jti_until": use.keep_until}
