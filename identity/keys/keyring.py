"""The keys as a process holds them: imported once, asked often."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

Claims = Mapping[str, object]

# FAPI 2.0 and every client know the name that RFC 9864 replaces; ours are Ed25519 keys only.
JWSRegistry.algorithms["EdDSA"].security_warning = None


@dataclass(frozen=True)
class SigningKey:
    """One key: ``private`` only while it signs, ``public`` as it is published."""

    kid: str
    algorithm: str
    state: str
    public: Key = field(repr=False)
    public_jwk: Mapping[str, object] = field(repr=False)
    private: Key | None = field(repr=False, default=None)


@dataclass(frozen=True)
class KeyRing:
    """Every published key in the order of publication, and the salt of subjects.

    ``retired`` keys are published no more and good for recognising an old ``id_token_hint`` only.
    """

    keys: tuple[SigningKey, ...]
    salt: bytes = field(repr=False)
    retired: tuple[SigningKey, ...] = ()

    def signer(self, algorithm: str) -> SigningKey:
        """Return the active key of an algorithm."""
        for key in self.keys:
            if key.algorithm == algorithm and key.state == "active":
                return key
        raise LookupError(f"no active {algorithm} key")

    def find(self, kid: str) -> SigningKey | None:
        """Return the published key of that id."""
        return next((key for key in self.keys if key.kid == kid), None)

    def find_retired(self, kid: str) -> SigningKey | None:
        """Return a key of that id that left the published set."""
        return next((key for key in self.retired if key.kid == kid), None)

    def as_jwks(self, algorithms: tuple[str, ...]) -> dict[str, object]:
        """Return the public key set of an issuer (RFC 7517, section 5), active keys first."""
        return {"keys": [dict(key.public_jwk) for key in self.keys if key.algorithm in algorithms]}

    def sign(self, algorithm: str, claims: Claims, *, typ: str | None = None) -> str:
        """Return a signed token with ``kid``; ``typ`` stands in the header only when given."""
        signer = self.signer(algorithm)
        if signer.private is None:
            raise LookupError(f"the active {algorithm} key has no private part")
        head = _encoded_header(algorithm, signer.kid, typ)
        body = urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode()).rstrip(b"=")
        signed = head + b"." + body
        signature = JWSRegistry.algorithms[algorithm].sign(signed, signer.private)
        return (signed + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode()


@lru_cache(maxsize=256)
def _encoded_header(algorithm: str, kid: str, typ: str | None) -> bytes:
    header = {"alg": algorithm, "kid": kid} | ({"typ": typ} if typ else {})
    return urlsafe_b64encode(json.dumps(header, separators=(",", ":")).encode()).rstrip(b"=")
