"""The keys of the identity host: published as a DID document, and never used for anything else."""

import json
from datetime import datetime, timedelta

from joserfc.jwk import ECKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.caching.versioned import VersionedCache, bump_version
from identity.keys.keyring import SigningKey
from identity.keys.rules import OVERLAP
from shared import audit
from shared.actors import SYSTEM, Actor
from shared.crypto import Sealer

CACHE_NAME = "identity_key"
ALGORITHM = "ES256"
_ORDER = {"active": 0, "next": 1, "retiring": 2}

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('identity.identity_key'))")
_ALL = text("SELECT kid, state, public_jwk, private_sealed FROM identity_key")
_STATES = text("SELECT state FROM identity_key WHERE state <> 'retiring'")
_ADD = text(
    """
    INSERT INTO identity_key (kid, state, public_jwk, private_sealed, created_at, activated_at)
    VALUES (:kid, :state, cast(:public_jwk AS jsonb), :sealed, :now, :activated_at)
    """
)
_FORGET = text("DELETE FROM identity_key WHERE state = 'retiring' AND retiring_at <= :before")
_STEP_DOWN = text(
    "UPDATE identity_key SET state = 'retiring', retiring_at = :now, private_sealed = NULL"
    " WHERE state = 'active'"
)
_STEP_UP = text(
    "UPDATE identity_key SET state = 'active', activated_at = :now WHERE state = 'next'"
    " RETURNING kid"
)
_ACTIVE_SINCE = text("SELECT activated_at FROM identity_key WHERE state = 'active'")


class IdentityKeyCache:
    """The identity keys in process memory, the active one first; made where there are none."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._cache: VersionedCache[tuple[SigningKey, ...] | None] = VersionedCache(
            CACHE_NAME, lambda session: load_identity_keys(session, sealer) or None
        )

    def get(self, session: Session, now: datetime) -> tuple[SigningKey, ...]:
        """Return the keys as they were at most five seconds ago."""
        found = self._cache.get(session)
        if found is None:
            ensure_identity_keys(session, self._sealer, now)
            found = load_identity_keys(session, self._sealer)
        return found


def load_identity_keys(session: Session, sealer: Sealer) -> tuple[SigningKey, ...]:
    """Return every published identity key, the private parts opened; empty before there are any."""
    rows = sorted(session.execute(_ALL).all(), key=lambda row: (_ORDER[row.state], row.kid))
    return tuple(
        SigningKey(
            kid=row.kid,
            algorithm=ALGORITHM,
            state=row.state,
            public=ECKey.import_key(row.public_jwk),
            public_jwk=row.public_jwk,
            private=(
                ECKey.import_key(sealer.open(bytes(row.private_sealed), _aad(row.kid)))
                if row.private_sealed is not None
                else None
            ),
        )
        for row in rows
    )


def ensure_identity_keys(session: Session, sealer: Sealer, now: datetime) -> None:
    """Make the active and the next key where they are missing."""
    session.execute(_LOCK)
    present = set(session.execute(_STATES).scalars())
    for state in ("active", "next"):
        if state not in present:
            _add(session, sealer, state, now)
    if len(present) < len(("active", "next")):
        bump_version(session, CACHE_NAME)


def rotate_identity_keys(session: Session, sealer: Sealer, actor: Actor, now: datetime) -> str:
    """Let the next key sign, which was published before; returns its id.

    What signed so far stays published for thirty days, without its private part.
    """
    ensure_identity_keys(session, sealer, now)
    session.execute(_FORGET, {"before": now - OVERLAP})
    session.execute(_STEP_DOWN, {"now": now})
    active = str(session.execute(_STEP_UP, {"now": now}).scalar_one())
    _add(session, sealer, "next", now)
    bump_version(session, CACHE_NAME)
    audit.record(session, actor, "identity.identity_keys.rotated", "signing_key", active)
    return active


def rotate_when_due(session: Session, sealer: Sealer, days: int, now: datetime) -> bool:
    """Rotate when the active key has signed for so many days; tells whether it did."""
    session.execute(_LOCK)
    since = session.execute(_ACTIVE_SINCE).scalar_one_or_none()
    if since is None or now - since < timedelta(days=days):
        return False
    rotate_identity_keys(session, sealer, SYSTEM, now)
    return True


def _add(session: Session, sealer: Sealer, state: str, now: datetime) -> None:
    key = ECKey.generate_key("P-256")
    kid = key.thumbprint()
    session.execute(
        _ADD,
        {
            "kid": kid,
            "state": state,
            "public_jwk": json.dumps(key.as_dict(private=False)),
            "sealed": sealer.seal(key.as_bytes(private=True), _aad(kid)),
            "now": now,
            "activated_at": now if state == "active" else None,
        },
    )


def _aad(kid: str) -> bytes:
    return f"identity_key:{kid}".encode()
