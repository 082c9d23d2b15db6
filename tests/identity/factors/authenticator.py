"""A security key made of a few lines: it answers what our pages ask, also wrongly if told to.

Written with cryptography and CBOR by hand, not with the library that checks the answers.
"""

import hashlib
import json
import os
import re
import struct
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256

from tests.identity.oidc.world import PUBLIC_URL, b64

_PRESENT, _VERIFIED, _CAN_SYNC, _BACKED_UP, _NEW_KEY = 0x01, 0x04, 0x08, 0x10, 0x40


def options_of(page: str) -> dict[str, Any]:
    """Return what a page asks the browser."""
    found = re.search(r'data-options="([^"]+)"', page)
    assert found is not None, page
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


def _head(kind: int, count: int) -> bytes:
    if count < 24:
        return bytes([kind << 5 | count])
    if count < 256:
        return bytes([kind << 5 | 24, count])
    return bytes([kind << 5 | 25]) + struct.pack(">H", count)


def cbor(value: object) -> bytes:
    """Return the CBOR of integers, byte and text strings and maps (RFC 8949)."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    assert isinstance(value, dict)
    return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


@dataclass
class Authenticator:
    """One passkey; the attributes are what it will say about itself."""

    origin: str = PUBLIC_URL
    rp_id: str = "localhost"
    count: int = 1
    is_verified: bool = True
    can_sync: bool = False
    cross_origin: bool = False
    user_handle: str | None = None
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))

    def register(self, options: dict[str, Any], kind: str = "webauthn.create") -> str:
        """Return the answer to a page that adds a passkey."""
        self.user_handle = options["user"]["id"]
        point = self.key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        cose = cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id
        data = self._data(_NEW_KEY) + attested + cose
        said: dict[str, object] = {
            "clientDataJSON": b64(self._client_data(kind, options["challenge"])),
            "attestationObject": b64(cbor({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["usb", "carrier-pigeon"],
        }
        return self._credential(said)

    def sign(self, options: dict[str, Any], kind: str = "webauthn.get") -> str:
        """Return the answer to a page that asks for a passkey; the counter moves on."""
        self.count += 1
        return self.sign_again(options, kind)

    def sign_again(self, options: dict[str, Any], kind: str = "webauthn.get") -> str:
        """Return an answer with the counter as it is, as a copy of the key would."""
        client_data = self._client_data(kind, options["challenge"])
        data = self._data(0)
        signed = data + hashlib.sha256(client_data).digest()
        said: dict[str, object] = {
            "clientDataJSON": b64(client_data),
            "authenticatorData": b64(data),
            "signature": b64(self.key.sign(signed, ECDSA(SHA256()))),
            "userHandle": self.user_handle,
        }
        return self._credential(said)

    def _data(self, more: int) -> bytes:
        flags = _PRESENT | more
        flags |= _VERIFIED if self.is_verified else 0
        flags |= _CAN_SYNC | _BACKED_UP if self.can_sync else 0
        rp_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_hash + bytes([flags]) + struct.pack(">I", self.count)

    def _client_data(self, kind: str, challenge: str) -> bytes:
        members = {
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        }
        return json.dumps(members).encode()

    def _credential(self, response: dict[str, object]) -> str:
        name = b64(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})
