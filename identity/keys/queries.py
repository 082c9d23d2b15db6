"""Reading the keys of the issuers."""

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.keys.keyring import KeyRing, SigningKey
from identity.keys.rules import ALGORITHMS, publish_order
from shared.crypto import Sealer

_PUBLISHED = text(
    "SELECT kid, algorithm, state, public_jwk, private_sealed, activated_at FROM signing_key"
    " WHERE state IN ('active', 'next', 'retiring')"
)
_SALT = text("SELECT sealed FROM subject_salt")


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
    return KeyRing(keys, sealer.open(sealed_salt, b"subject_salt"))


def get_subject_salt(session: Session, sealer: Sealer) -> bytes:
    """Return the secret of pairwise subjects, for work that names a person outside a request.

    Raises:
        sqlalchemy.exc.NoResultFound: no key was ever made in this installation.
    """
    return sealer.open(session.execute(_SALT).scalar_one(), b"subject_salt")


def _import(algorithm: str, value: bytes | dict[str, str | list[str]]) -> Key:
    kinds: dict[str, type[ECKey | OKPKey]] = {"ES256": ECKey, "EdDSA": OKPKey}
    return kinds.get(algorithm, RSAKey).import_key(value)


def _open(algorithm: str, kid: str, sealed: bytes | None, sealer: Sealer) -> Key | None:
    if sealed is None:
        return None
    return _import(algorithm, sealer.open(sealed, kid.encode()))
