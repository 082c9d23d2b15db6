"""Reading the keys of the issuers."""

from dataclasses import dataclass
from datetime import datetime

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.keys.keyring import KeyRing, SigningKey
from identity.keys.rules import ALGORITHMS, OVERLAP, publish_order
from shared.crypto import Sealer

_PUBLISHED = text(
    "SELECT kid, algorithm, state, public_jwk, private_sealed, activated_at FROM signing_key"
    " WHERE state IN ('active', 'next', 'retiring')"
)
_RETIRED = text("SELECT kid, algorithm, state, public_jwk FROM signing_key WHERE state = 'retired'")
_ALL = text(
    "SELECT kid, algorithm, state, created_at, activated_at, retiring_at, retired_at"
    " FROM signing_key"
)
_SALT = text("SELECT sealed FROM subject_salt")


@dataclass(frozen=True)
class KeyStatus:
    """One key and its life so far."""

    kid: str
    algorithm: str
    state: str
    created_at: datetime
    activated_at: datetime | None
    retiring_at: datetime | None
    retired_at: datetime | None

    @property
    def published_until(self) -> datetime | None:
        """When the key leaves the published set; None while nobody knows."""
        if self.retired_at is not None:
            return self.retired_at
        return None if self.retiring_at is None else self.retiring_at + OVERLAP


def load_key_ring(session: Session, sealer: Sealer) -> KeyRing | None:
    """Return every published key, the private parts opened; None while an algorithm has none.

    Raises:
        SealBrokenError: the key-encryption key is not the one the keys were sealed with.
    """
    rows = session.execute(_PUBLISHED).all()
    sealed_salt = session.execute(_SALT).scalar_one_or_none()
    active = {row.algorithm for row in rows if row.state == "active"}
    if not active.issuperset(ALGORITHMS) or sealed_salt is None:
        return None
    ordered = sorted(
        rows, key=lambda row: (*publish_order(row.state, row.activated_at), row.algorithm)
    )
    keys = tuple(
        SigningKey(
            kid=row.kid,
            algorithm=row.algorithm,
            state=row.state,
            public=_import(row.algorithm, row.public_jwk),
            public_jwk=row.public_jwk,
            private=_open(row.algorithm, row.kid, row.private_sealed, sealer),
        )
        for row in ordered
    )
    salt = sealer.open(sealed_salt, b"subject_salt")
    return KeyRing(keys, salt, tuple(_public_only(row) for row in session.execute(_RETIRED)))


def list_keys(session: Session) -> list[KeyStatus]:
    """Return every key that is still kept: the ones that sign first, then by age."""
    rows = session.execute(_ALL).all()
    return sorted(
        (KeyStatus(*row) for row in rows),
        key=lambda key: (key.state == "retired", *publish_order(key.state, key.activated_at)),
    )


def get_subject_salt(session: Session, sealer: Sealer) -> bytes:
    """Return the secret of pairwise subjects, for work that names a person outside a request.

    Raises:
        sqlalchemy.exc.NoResultFound: no key was ever made in this installation.
    """
    return sealer.open(session.execute(_SALT).scalar_one(), b"subject_salt")


def _public_only(row: Row[tuple[object, ...]]) -> SigningKey:
    public = _import(row.algorithm, row.public_jwk)
    return SigningKey(row.kid, row.algorithm, row.state, public, row.public_jwk)


def _import(algorithm: str, value: bytes | dict[str, str | list[str]]) -> Key:
    kinds: dict[str, type[ECKey | OKPKey]] = {"ES256": ECKey, "EdDSA": OKPKey}
    return kinds.get(algorithm, RSAKey).import_key(value)


def _open(algorithm: str, kid: str, sealed: bytes | None, sealer: Sealer) -> Key | None:
    if sealed is None:
        return None
    return _import(algorithm, sealer.open(sealed, kid.encode()))
