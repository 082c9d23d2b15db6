"""Sealing what is personal, and finding it again without opening it."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from shared.crypto import SealBrokenError, Sealer
from shared.db import Database

_LOOKUP_RECORD = b"notifications.lookup_key"
_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = b"\x01"


class OwnerKey:
    """The key of one person's mailbox; without it nothing in the mailbox can be read again.

    AES-256-GCM with a random nonce; associated data binds a value to mailbox, record and field.
    """

    def __init__(self, key: bytes, owner: UUID) -> None:
        self._cipher = AESGCM(key)
        self._owner = owner

    def seal(self, plain: bytes, field: str, record: UUID) -> bytes:
        """Return a value sealed for a field of a record in this mailbox."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, self._aad(field, record))

    def open(self, sealed: bytes, field: str, record: UUID) -> bytes:
        """Return what was sealed; refuses changed bytes and another place (SealBrokenError)."""
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION:
            raise SealBrokenError("sealed in a way that this version does not know")
        try:
            return self._cipher.decrypt(nonce, body, self._aad(field, record))
        except InvalidTag as error:
            raise SealBrokenError("the sealed value does not belong here") from error

    def _aad(self, field: str, record: UUID) -> bytes:
        return f"notifications.{field}:{self._owner}:{record}".encode()


@dataclass(frozen=True)
class Vault:
    """Seals values for their record and makes keyed hashes; a stolen table tells nothing."""

    sealer: Sealer
    lookup_key: bytes

    def index(self, purpose: str, value: bytes) -> bytes:
        """Return the keyed hash under which a value is found, different for each purpose."""
        message = purpose.encode() + b"\0" + value
        return hmac.new(self.lookup_key, message, hashlib.sha256).digest()

    def seal(self, plain: str, field: str, record: UUID) -> bytes:
        """Return a text sealed for a field of a record."""
        return self.sealer.seal(plain.encode(), _aad(field, record))

    def open(self, sealed: bytes, field: str, record: UUID) -> str:
        """Return a sealed text; refuses another field or record (SealBrokenError)."""
        return self.sealer.open(sealed, _aad(field, record)).decode()

    def new_owner_key(self, owner: UUID) -> bytes:
        """Return a fresh mailbox key, sealed for its mailbox."""
        return self.sealer.seal(secrets.token_bytes(_KEY_BYTES), _aad("owner_key", owner))

    def owner_key(self, sealed: bytes, owner: UUID) -> OwnerKey:
        """Return the key of a mailbox; refuses one of another mailbox (SealBrokenError)."""
        return OwnerKey(self.sealer.open(sealed, _aad("owner_key", owner)), owner)


def _aad(field: str, record: UUID) -> bytes:
    return f"notifications.{field}:{record}".encode()


@lru_cache(maxsize=4)
def open_vault(database: Database, sealer: Sealer) -> Vault:
    """Return the vault of a database; the first call ever makes its look-up key.

    The key is committed on its own before anything is hashed with it, so that no failed request
    can leave hashes whose key was rolled back.
    """
    fresh = sealer.seal(secrets.token_bytes(_KEY_BYTES), _LOOKUP_RECORD)
    with database.transaction() as session:
        session.execute(
            text("INSERT INTO lookup_key (id, sealed) VALUES (1, :sealed) ON CONFLICT DO NOTHING"),
            {"sealed": fresh},
        )
        sealed = session.execute(text("SELECT sealed FROM lookup_key WHERE id = 1")).scalar_one()
    return Vault(sealer, sealer.open(bytes(sealed), _LOOKUP_RECORD))


@lru_cache(maxsize=4)
def sealer_of(key_file: Path) -> Sealer:
    """Return the sealer of a key file, read once; for workers and commands."""
    return Sealer(key_file)
