"""RFC 9449, Demonstrating Proof of Possession: https://www.rfc-editor.org/rfc/rfc9449
Implemented: sections 4 to 10: proofs, server nonces, bound codes, access and refresh tokens.
Left out: section 9's nonces of resource servers elsewhere, which those make themselves.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import hashlib
import hmac
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from identity.oidc.client_signatures import fits
from identity.oidc.errors import ProtocolError
from identity.oidc.provider import Call
from identity.oidc.secured import spend_proof
from identity.relying_parties.profiles import Profile
from identity.relying_parties.rules import import_public_key

TYPE = "dpop+jwt"
_MAXIMUM_LENGTH = 8_192
_LONGEST_JTI = 256
_AHEAD_SECONDS = 30
_OLDEST_SECONDS = 45
_KEPT_SECONDS = _AHEAD_SECONDS + _OLDEST_SECONDS
_NONCE_SECONDS = 120
_NONCE_BYTES = 20
_FOREIGN_KEYS = frozenset({"jku", "x5u", "x5c", "crit"})
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class _Registry(jws.JWSRegistry):
    """Allows the header to carry an RSA key, which is larger than joserfc expects."""

    max_header_length = 4_096


@dataclass(frozen=True)
class Proof:
    """A good proof: its key's thumbprint, and its single use."""

    jkt: str
    proof_hash: bytes
    keep_until: datetime


def algorithms_of(profile: Profile) -> tuple[str, ...]:
    """Return what proofs may be signed with: asymmetric algorithms only."""
    return profile.request_object_algorithms


def take_proof(call: Call, *, access_token: str | None = None) -> Proof | None:
    """Return the proof of a request and spend it; None where none was sent.

    Args:
        call: who is asked, and what the sender showed.
        access_token: at resources, the token that the proof must be made for (``ath``).

    Raises:
        ProtocolError: ``invalid_dpop_proof``, or ``use_dpop_nonce`` where a fresh nonce is needed.
    """
    proofs = call.sender.proofs
    if not proofs:
        return None
    if len(proofs) > 1 or len(proofs[0]) > _MAXIMUM_LENGTH:
        raise _invalid("There must be one DPoP header with one proof")
    key, claims = _verify(proofs[0], algorithms_of(call.profile))
    _check_request(call, claims)
    _check_times(claims, call.now)
    if access_token is not None and claims.get("ath") != _hash(access_token):
        raise _invalid("ath of the DPoP proof is not the hash of the access token")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise _invalid("The DPoP proof has no jti, or one that is too long")
    _check_nonce(call, claims.get("nonce"))
    jkt = key.thumbprint()
    until = datetime.fromtimestamp(call.now.timestamp() + _KEPT_SECONDS, UTC)
    proof = Proof(jkt, hashlib.sha256(f"{jkt}.{jti}".encode()).digest(), until)
    if not spend_proof(call.quick, proof.proof_hash, proof.keep_until):
        raise _invalid("The DPoP proof was used before")
    return proof


def check_jkt(value: str | None) -> str | None:
    """Return the ``dpop_jkt`` of a request (section 10); refuses what is not a thumbprint."""
    if value is not None and not _THUMBPRINT.fullmatch(value):
        raise ProtocolError("invalid_request", "dpop_jkt is not a SHA-256 in base64url")
    return value


def make_nonce(secret: str, now: datetime) -> str:
    """Return the nonce of these two minutes; every process makes and knows the same (section 8)."""
    return _nonce_of(secret, int(now.timestamp()) // _NONCE_SECONDS)


def challenge(call: Call, error: str, description: str) -> str:
    """Return the challenge for the scheme DPoP (section 7.1)."""
    parts = [f'error="{error}"', f'error_description="{description}"'] if error else []
    parts.append(f'algs="{" ".join(algorithms_of(call.profile))}"')
    return f"DPoP {', '.join(parts)}"


def _nonce_of(secret: str, slot: int) -> str:
    message = struct.pack(">Q", slot)
    digest = hmac.new(f"dpop-nonce:{secret}".encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_NONCE_BYTES]).rstrip(b"=").decode()


def _check_nonce(call: Call, nonce: object) -> None:
    if nonce is None and not call.profile.requires_dpop_nonce:
        return
    secret = call.provider.settings.secret_key
    slot = int(call.now.timestamp()) // _NONCE_SECONDS
    known = [_nonce_of(secret, one) for one in (slot, slot - 1)]
    if not isinstance(nonce, str) or not any(
        hmac.compare_digest(nonce.encode(), one.encode()) for one in known
    ):
        raise ProtocolError("use_dpop_nonce", "The DPoP proof needs the nonce of this answer")


def _verify(token: str, algorithms: tuple[str, ...]) -> tuple[Key, Mapping[str, object]]:
    """Return key and claims of a proof whose signature is good."""
    try:
        parsed = jws.extract_compact(token.encode(), registry=_Registry(strict_check_header=False))
        header, claims = parsed.headers(), json.loads(parsed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise _invalid("The DPoP proof is not a signed JWT") from error
    algorithm, jwk = header.get("alg"), header.get("jwk")
    if header.get("typ") != TYPE or _FOREIGN_KEYS & header.keys():
        raise _invalid("typ of the DPoP proof must be dpop+jwt, and its only key jwk")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise _invalid("The DPoP proof is signed with an algorithm not offered here")
    if not isinstance(jwk, dict) or not isinstance(claims, dict):
        raise _invalid("The DPoP proof has no jwk, or no claims")
    try:
        key = import_public_key(jwk)
    except ValueError as error:
        raise _invalid(f"jwk of the DPoP proof {error}") from error
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    try:
        if not fits(key, algorithm):
            raise ValueError(algorithm)  # noqa: TRY301 - one answer for every bad signature
        jws.deserialize_compact(token, key, algorithms=[algorithm], registry=registry)
    except (JoseError, ValueError) as error:
        raise _invalid("The DPoP proof was not signed with its jwk") from error
    return key, claims


def _check_request(call: Call, claims: Mapping[str, object]) -> None:
    if claims.get("htm") != call.sender.method:
        raise _invalid("htm of the DPoP proof is not the method of this request")
    target = claims.get("htu")
    places = [f"{base}{call.sender.path}" for base in call.issuer.addresses]
    if not isinstance(target, str) or _normal(target) not in {_normal(one) for one in places}:
        raise _invalid("htu of the DPoP proof is not the address of this request")


def _normal(url: str) -> str:
    """Return an address without query, fragment, default port and needless escapes (4.3)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = (parts.hostname or "").lower()
    scheme = parts.scheme.lower()
    shown = "" if port in (None, _DEFAULT_PORTS.get(scheme)) else f":{port}"
    return f"{scheme}://{host}{shown}{quote(unquote(parts.path)) or '/'}"


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    instant = now.timestamp()
    issued = _seconds(claims.get("iat"))
    if issued is None or not -_OLDEST_SECONDS <= issued - instant <= _AHEAD_SECONDS:
        raise _invalid("iat of the DPoP proof is missing, too old or in the future")
    if "nbf" in claims:
        not_before = _seconds(claims["nbf"])
        if not_before is None or not_before > instant + _AHEAD_SECONDS:
            raise _invalid("The DPoP proof is not valid yet")
    if "exp" in claims:
        expires = _seconds(claims["exp"])
        if expires is None or expires <= instant - _AHEAD_SECONDS:
            raise _invalid("The DPoP proof has expired")


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _hash(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _invalid(description: str) -> ProtocolError:
    return ProtocolError("invalid_dpop_proof", description)
