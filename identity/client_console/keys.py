"""Public keys as people paste them: PEM, certificate, JSON Web Key or key set; pure."""

import json
import re
from collections.abc import Mapping, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey

from identity.relying_parties.rules import import_public_key

MOST_KEYS = 10
_LONGEST = 60_000
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_PRIVATE = "This is a private key. Keep it secret and paste the public key that belongs to it"
_PRIVATE_KIND = "PRIVATE KEY"
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
Jwk = dict[str, object]


class KeyFault(ValueError):  # noqa: N818 - its text is an answer to a person
    """What somebody pasted is not a key that can be registered; the text says why."""


def read_keys(pasted: str) -> list[Jwk]:
    """Return the public keys in a text, each with its ``kid``.

    Raises:
        KeyFault: nothing was found, a key is private, weak or of another kind, or one is too many.
    """
    plain = pasted.strip()
    if not plain or len(plain) > _LONGEST:
        raise KeyFault("Paste at least one public key")
    found = _from_json(plain) if plain[0] in "{[" else _from_pem(plain)
    keys: dict[str, Jwk] = {}
    for jwk in found:
        ready = as_registered(jwk)
        keys[thumbprint(ready)] = ready
    if not keys:
        raise KeyFault("Paste at least one public key")
    if len(keys) > MOST_KEYS:
        raise KeyFault("Register 10 keys or fewer")
    return list(keys.values())


def as_registered(jwk: Mapping[str, object]) -> Jwk:
    """Return a public key as it is stored; refuses one that may not be registered."""
    if _PRIVATE_MEMBERS & jwk.keys():
        raise KeyFault(_PRIVATE)
    try:
        key = import_public_key(jwk)  # type: ignore[arg-type]  # it is checked there
    except ValueError as error:
        raise KeyFault("Use RSA keys of 2048 bits or more, or elliptic-curve keys") from error
    kid = jwk.get("kid")
    named = kid if isinstance(kid, str) and kid else key.thumbprint()
    return {**key.as_dict(private=False), "kid": named, "use": "sig"}


def thumbprint(jwk: Mapping[str, object]) -> str:
    """Return the RFC 7638 thumbprint by which a key is known."""
    return import_public_key(jwk).thumbprint()  # type: ignore[arg-type]  # it was registered


def tell_key(jwk: Mapping[str, object]) -> dict[str, str]:
    """Return what a person may recognise a key by."""
    key = import_public_key(jwk)  # type: ignore[arg-type]  # it was registered
    size = f"RSA {key.public_key.key_size}" if isinstance(key, RSAKey) else ""
    kind = size or f"EC {getattr(key, 'curve_name', '')}"
    return {"kid": str(jwk.get("kid", "")), "kind": kind, "thumbprint": key.thumbprint()}


def read_key_set(content: bytes) -> list[Jwk]:
    """Return the signing keys that a key set's address serves; what we cannot use is left out."""
    try:
        loaded = json.loads(content)
        listed = loaded["keys"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise KeyFault("The address does not serve a JSON Web Key Set") from error
    if not isinstance(listed, list):
        raise KeyFault("The address does not serve a JSON Web Key Set")
    good: list[Jwk] = []
    for jwk in listed[: MOST_KEYS * 2]:
        if not isinstance(jwk, dict) or jwk.get("use") == "enc":
            continue
        if _PRIVATE_MEMBERS & jwk.keys():
            raise KeyFault("The address serves a private key. Take it down and make a new one")
        try:
            good.append(as_registered(jwk))
        except KeyFault:
            continue
    if not good:
        raise KeyFault("The address serves no key that can be used")
    return good[:MOST_KEYS]


def _from_json(plain: str) -> Sequence[Mapping[str, object]]:
    try:
        loaded = json.loads(plain)
    except (ValueError, RecursionError) as error:
        raise KeyFault("This looks like JSON but cannot be read") from error
    if isinstance(loaded, dict) and isinstance(loaded.get("keys"), list):
        loaded = loaded["keys"]
    listed = loaded if isinstance(loaded, list) else [loaded]
    if not all(isinstance(one, dict) for one in listed):
        raise KeyFault("Paste JSON Web Keys")
    return listed


def _from_pem(plain: str) -> Sequence[Mapping[str, object]]:
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(plain)]
    if not blocks:
        raise KeyFault("Paste the whole key with its lines BEGIN and END")
    return [_pem(kind, block) for kind, block in blocks]


def _pem(kind: str, block: str) -> Mapping[str, object]:
    if _PRIVATE_KIND in kind:
        raise KeyFault(_PRIVATE)
    raw = block.encode()
    try:
        if kind == "CERTIFICATE":
            public = x509.load_pem_x509_certificate(raw).public_key()
            if not isinstance(public, RSAPublicKey | EllipticCurvePublicKey):
                raise KeyFault("A key must be an RSA or elliptic-curve key")
            raw = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return _import(raw).as_dict(private=False)
    except (JoseError, ValueError, TypeError) as error:
        if isinstance(error, KeyFault):
            raise
        raise KeyFault("A key cannot be read") from error


def _import(raw: bytes) -> Key:
    try:
        return ECKey.import_key(raw)
    except (JoseError, ValueError, TypeError):
        return RSAKey.import_key(raw)
