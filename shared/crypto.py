"""Sealing of data at rest and hashing of secrets that only need to be recognised."""

import base64
import hashlib
import secrets
import struct
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID_BYTES = 4
_WRAPPED_BYTES = _NONCE_BYTES + _KEY_BYTES + 16


class SealBrokenError(Exception):
    """Sealed bytes were changed, belong to another record, or their key is gone."""


class Sealer:
    """Envelope encryption: each value has its own AES-256-GCM key, wrapped by a key from a file.

    The file holds one base64 key of 32 bytes per line; the last line seals, all lines open, so a
    key is rotated by adding a line. Associated data binds a value to its owner and record.
    """

    def __init__(self, key_file: Path) -> None:
        keys = [
            base64.b64decode(line) for line in key_file.read_text().splitlines() if line.strip()
        ]
        if not keys or any(len(key) != _KEY_BYTES for key in keys):
            raise ValueError("an encryption key file holds base64 lines of 32 bytes each")
        self._by_id = {hashlib.sha256(key).digest()[:_ID_BYTES]: AESGCM(key) for key in keys}
        self._current = hashlib.sha256(keys[-1]).digest()[:_ID_BYTES]

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        """Return ``plain`` sealed for the record that ``aad`` names."""
        # One draw for the key and both nonces: files of a million rows are sealed row by row.
        fresh = secrets.token_bytes(_KEY_BYTES + 2 * _NONCE_BYTES)
        data_key, nonces = fresh[:_KEY_BYTES], fresh[_KEY_BYTES:]
        wrap_nonce, nonce = nonces[:_NONCE_BYTES], nonces[_NONCE_BYTES:]
        wrapped = self._by_id[self._current].encrypt(wrap_nonce, data_key, aad)
        body = AESGCM(data_key).encrypt(nonce, plain, aad)
        return struct.pack("B", 1) + self._current + wrap_nonce + wrapped + nonce + body

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Return what was sealed; refuses changed bytes, another record and an unknown key."""
        key_id = sealed[1 : 1 + _ID_BYTES]
        wrapper = self._by_id.get(key_id)
        if sealed[:1] != b"\x01" or wrapper is None:
            raise SealBrokenError("sealed with a key that is not in the key file")
        rest = sealed[1 + _ID_BYTES :]
        wrapped, rest = rest[:_WRAPPED_BYTES], rest[_WRAPPED_BYTES:]
        try:
            data_key = wrapper.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], aad)
            return AESGCM(data_key).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], aad)
        except InvalidTag as error:
            raise SealBrokenError("the sealed value does not belong to this record") from error


def hash_token(token: str) -> bytes:
    """Return the SHA-256 under which a high-entropy token is stored."""
    return hashlib.sha256(token.encode()).digest()


def random_token(nbytes: int = 32) -> str:
    """Return an unguessable token of base64url characters."""
    return secrets.token_urlsafe(nbytes)
