"""Making, rotating and retiring signing keys."""

import json
import secrets
from datetime import datetime

from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.caching.versioned import VersionedCache, bump_version
from identity.keys.keyring import KeyRing
from identity.keys.queries import load_key_ring
from identity.keys.rules import ALGORITHMS, KEPT, OVERLAP, RSA_BITS, is_rotation_due
from shared import audit
from shared.actors import SYSTEM, Actor
from shared.crypto import Sealer

CACHE_NAME = "signing_key"
_SALT_BYTES = 32

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('identity.signing_key'))")
_STATES = text("SELECT algorithm, state FROM signing_key WHERE state IN ('active', 'next')")
_ADD = text(
    """
    INSERT INTO signing_key (kid, algorithm, state, public_jwk, private_sealed, created_at,
                             activated_at)
    VALUES (:kid, :algorithm, :state, cast(:public_jwk AS jsonb), :sealed, :now, :activated_at)
    """
)
_SALT = text(
    "INSERT INTO subject_salt (id, sealed, created_at) VALUES (1, :sealed, :now)"
    " ON CONFLICT DO NOTHING"
)
_RETIRE = text(
    "UPDATE signing_key SET state = 'retired', retired_at = :now"
    " WHERE state = 'retiring' AND retiring_at <= :before RETURNING kid"
)
_DROP = text("DELETE FROM signing_key WHERE state = 'retired' AND retired_at <= :before")
_OLDEST = text("SELECT min(activated_at) FROM signing_key WHERE state = 'active'")
_STEP_DOWN = text(
    "UPDATE signing_key SET state = 'retiring', retiring_at = :now, private_sealed = NULL"
    " WHERE state = 'active' RETURNING kid"
)
_STEP_UP = text(
    "UPDATE signing_key SET state = 'active', activated_at = :now WHERE state = 'next'"
    " RETURNING kid"
)


class KeyCache:
    """The keys in process memory; makes the first ones where there are none."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._cache: VersionedCache[KeyRing | None] = VersionedCache(
            CACHE_NAME, lambda session: load_key_ring(session, sealer)
        )

    def peek(self) -> KeyRing | None:
        """Return the keys if they were looked at in the last five seconds."""
        return self._cache.peek()

    def get_fresh(self, session: Session) -> KeyRing | None:
        """Return the keys as they were at most 0.2 seconds ago: for a key that is not known."""
        return self._cache.get_fresh(session)

    def get(self, session: Session, now: datetime) -> KeyRing:
        """Return the keys as they were at most five seconds ago."""
        ring = self._cache.get(session)
        if ring is None:
            ensure_keys(session, self._sealer, now)
            ring = load_key_ring(session, self._sealer)
        if ring is None:
            raise LookupError("there are no signing keys although they were just made")
        return ring


def ensure_keys(session: Session, sealer: Sealer, now: datetime) -> None:
    """Make the keys that are missing: one active and one next of each algorithm, and the salt."""
    session.execute(_LOCK)
    present = {(row.algorithm, row.state) for row in session.execute(_STATES)}
    wanted = [(algorithm, state) for state in ("active", "next") for algorithm in ALGORITHMS]
    missing = [pair for pair in wanted if pair not in present]
    for algorithm, state in missing:
        _add_key(session, sealer, algorithm, state, now)
    sealed = sealer.seal(secrets.token_bytes(_SALT_BYTES), b"subject_salt")
    session.execute(_SALT, {"sealed": sealed, "now": now})
    if missing:
        bump_version(session, CACHE_NAME)


def tend_keys(session: Session, sealer: Sealer, every_days: int, now: datetime) -> list[str]:
    """Do what is due: forget the oldest keys, retire, rotate; returns the ids now active."""
    ensure_keys(session, sealer, now)
    session.execute(_DROP, {"before": now - KEPT})
    retired = session.execute(_RETIRE, {"now": now, "before": now - OVERLAP}).scalars().all()
    if retired:
        bump_version(session, CACHE_NAME)
        audit.record(
            session,
            SYSTEM,
            "identity.keys.retired",
            "signing_key",
            retired[0],
            {"retired": list(retired)},
        )
    oldest = session.execute(_OLDEST).scalar_one()
    if not is_rotation_due(oldest, every_days, now):
        return []
    return rotate_keys(session, sealer, SYSTEM, now)


def rotate_keys(session: Session, sealer: Sealer, actor: Actor, now: datetime) -> list[str]:
    """Let the next keys sign from now on and make new next ones; returns the ids now active.

    What signed so far stays published for thirty days, without its private part.
    """
    ensure_keys(session, sealer, now)
    session.execute(_RETIRE, {"now": now, "before": now - OVERLAP})
    retiring = session.execute(_STEP_DOWN, {"now": now}).scalars().all()
    active = list(session.execute(_STEP_UP, {"now": now}).scalars().all())
    for algorithm in ALGORITHMS:
        _add_key(session, sealer, algorithm, "next", now)
    bump_version(session, CACHE_NAME)
    audit.record(
        session,
        actor,
        "identity.keys.rotated",
        "signing_key",
        active[0],
        {"active": active, "retiring": list(retiring)},
    )
    return active


def _generate(algorithm: str) -> ECKey | OKPKey | RSAKey:
    if algorithm == "ES256":
        return ECKey.generate_key("P-256")
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519")
    return RSAKey.generate_key(RSA_BITS)


def _add_key(session: Session, sealer: Sealer, algorithm: str, state: str, now: datetime) -> None:
    key = _generate(algorithm)
    kid = key.thumbprint()
    public = key.as_dict(private=False) | {"kid": kid, "use": "sig", "alg": algorithm}
    session.execute(
        _ADD,
        {
            "kid": kid,
            "algorithm": algorithm,
            "state": state,
            "public_jwk": json.dumps(public),
            "sealed": sealer.seal(key.as_bytes(private=True), kid.encode()),
            "now": now,
            "activated_at": now if state == "active" else None,
        },
    )
