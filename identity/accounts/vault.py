"""Keys of the people side: sealing what is personal, finding it again without opening it."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from shared.crypto import Sealer
from shared.db import Database

_KEY_RECORD = b"identity.lookup_key"
_KEY_BYTES = 32


@dataclass(frozen=True)
class Vault:
    """Seals values for their owner and makes keyed hashes; a stolen table tells nothing."""

    sealer: Sealer
    lookup_key: bytes

    def email_index(self, email: str) -> bytes:
        """Return the keyed hash under which a normalised address is found."""
        return self._hash("email", email.encode())

    def counter_key(self, name: str, subject: bytes) -> bytes:
        """Return the key of a rate counter; names neither addresses nor people."""
        return self._hash(f"counter.{name}", subject)

    def code_hash(self, attempt_id: UUID, code: str) -> bytes:
        """Return the keyed hash of a one-time code, which belongs to one attempt."""
        return self._hash("one_time_code", attempt_id.bytes + code.encode())

    def keyed_hash(self, purpose: str, message: bytes) -> bytes:
        """Return a keyed hash that no other purpose can make."""
        return self._hash(purpose, message)

    def seal(self, plain: str, record: str, owner: UUID) -> bytes:
        """Return a text sealed for a record of an owner."""
        return self.sealer.seal(plain.encode(), _aad(record, owner))

    def open(self, sealed: bytes, record: str, owner: UUID) -> str:
        """Return a sealed text; refuses another record or owner (SealBrokenError)."""
        return self.sealer.open(sealed, _aad(record, owner)).decode()

    def _hash(self, purpose: str, message: bytes) -> bytes:
        return hmac.new(
            self.lookup_key, purpose.encode() + b"\0" + message, hashlib.sha256
        ).digest()


def _aad(record: str, owner: UUID) -> bytes:
    return f"identity.{record}:{owner}".encode()


@lru_cache(maxsize=4)
def open_vault(database: Database, sealer: Sealer) -> Vault:
    """Return the vault of a database; the first call ever makes its key.

    The key is committed on its own before anything is hashed with it, so that no failed request
    can leave hashes whose key was rolled back.
    """
    fresh = sealer.seal(secrets.token_bytes(_KEY_BYTES), _KEY_RECORD)
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO lookup_key (id, sealed, created_at) VALUES (1, :sealed, now())"
                " ON CONFLICT (id) DO NOTHING"
            ),
            {"sealed": fresh},
        )
        sealed = session.execute(text("SELECT sealed FROM lookup_key WHERE id = 1")).scalar_one()
    return Vault(sealer, sealer.open(bytes(sealed), _KEY_RECORD))


@lru_cache(maxsize=4)
def sealer_of(key_file: Path) -> Sealer:
    """Return the sealer of a key file, read once; for workers and commands."""
    return Sealer(key_file)
