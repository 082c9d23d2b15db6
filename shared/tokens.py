"""Signing client assertions and checking access tokens (RFC 7523, RFC 9068)."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, RSAKey

from shared.crypto import random_token
from shared.errors import Unauthorised
from shared.http import make_http

_ALGORITHMS = ["ES256", "RS256"]
_ASSERTION_SECONDS = 60
_REFETCH_SECONDS = 10.0
_REFRESH_SECONDS = 300.0
_LEEWAY_SECONDS = 10
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Claims:
    """A verified access token."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    payload: Mapping[str, object]


def load_private_key(path: Path) -> Key:
    """Return a PEM private key, elliptic or RSA, with its RFC 7638 thumbprint as ``kid``."""
    pem = path.read_bytes()
    key: Key = ECKey.import_key(pem) if b"EC PRIVATE" in pem else _import_any(pem)
    key.ensure_kid()
    return key


def _import_any(pem: bytes) -> Key:
    try:
        return ECKey.import_key(pem)
    except (ValueError, TypeError, JoseError):
        return RSAKey.import_key(pem)


def sign_assertion(key: Key, client_id: str, audience: str) -> str:
    """Return a client assertion for ``private_key_jwt`` that lives one minute (RFC 7523)."""
    algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
    issued = int(time.time())
    return jwt.encode(
        {"alg": algorithm, "kid": key.kid},
        {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": issued,
            "exp": issued + _ASSERTION_SECONDS,
            "jti": random_token(16),
        },
        key,
        algorithms=[algorithm],
    )


class KeySource:
    """The published keys of an issuer, fetched when needed and kept when a fetch fails.

    An unknown ``kid`` causes one fetch at most every ten seconds.
    """

    def __init__(self, jwks_url: str, http: httpx.Client | None = None) -> None:
        self._url = jwks_url
        self._http = http or make_http(5.0)
        self._keys: dict[str, Key] = {}
        self._fetched = 0.0
        self._tried = 0.0
        self._lock = threading.Lock()

    def find(self, kid: str) -> Key | None:
        """Return the key of that id, None when the issuer does not publish it."""
        age = time.monotonic() - self._fetched
        if kid not in self._keys or age > _REFRESH_SECONDS:
            with self._lock:
                if time.monotonic() - self._tried > _REFETCH_SECONDS or not self._keys:
                    self._fetch()
        return self._keys.get(kid)

    def _fetch(self) -> None:
        # A failed fetch counts as well: while the issuer is away nobody waits for it in a row.
        self._tried = time.monotonic()
        try:
            answer = self._http.get(self._url).raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            if not self._keys:
                raise
            return
        self._keys = {key.kid: key for key in KeySet.import_key_set(answer).keys if key.kid}
        self._fetched = time.monotonic()


class TokenVerifier:
    """Checks access tokens of one issuer for one audience."""

    def __init__(self, issuer: str, audience: str, keys: KeySource | None = None) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys or KeySource(f"{issuer}/jwks.json")

    def verify(self, token: str) -> Claims:
        """Return the claims of a good token; refuses every other (RFC 9068, section 4).

        Raises:
            Unauthorised: malformed, unsigned, wrongly signed, expired, or for somebody else.
        """
        try:
            decoded = jwt.decode(token, self._key_of, algorithms=_ALGORITHMS)
            claims = decoded.claims
            registry = jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._audience},
                exp={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError, LookupError) as error:
            raise Unauthorised("invalid_token", "The access token is not valid") from error
        except httpx.HTTPError as error:
            raise Unauthorised(
                "issuer_keys_unavailable", "The issuer's keys cannot be read now", status=503
            ) from error
        if decoded.header.get("typ", "").lower() not in ("at+jwt", "application/at+jwt"):
            raise Unauthorised("invalid_token", "This is not an access token")
        if "cnf" in claims:
            # Nobody here asks its bearer for the key, so it would count in anybody's hands.
            raise Unauthorised("invalid_token", "This API takes no tokens that are bound to a key")
        return Claims(
            subject=str(claims["sub"]),
            client_id=str(claims.get("client_id", "")),
            scopes=frozenset(str(claims.get("scope", "")).split()),
            payload=claims,
        )

    def _key_of(self, obj: object) -> Key:
        headers = obj.headers()  # type: ignore[attr-defined]  # joserfc hands a guest object
        key = self._keys.find(str(headers.get("kid", "")))
        if key is None:
            raise LookupError("unknown signing key")
        return key
