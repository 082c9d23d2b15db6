"""Decentralised identifiers, method web: https://w3c-ccg.github.io/did-method-web/
Implemented: the document of the identity host, with the keys that sign `coreIdentityJWT`.
Left out: resolving anybody else's document, services and other verification methods.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from identity.keys.keyring import SigningKey
from identity.oidc.provider import Issuer
from identity.settings import IdentitySettings

CACHE_SECONDS = 3600


def identity_base(settings: IdentitySettings, issuer: Issuer) -> str:
    """Return the address of the identity host, without a slash at the end."""
    return settings.onelogin_identity_url.rstrip("/") or issuer.base


def did_of(settings: IdentitySettings, issuer: Issuer) -> str:
    """Return the identifier; a host of its own has none of the path's parts in it."""
    parts = urlsplit(identity_base(settings, issuer))
    return ":".join(
        ["did", "web", quote(parts.netloc, safe=""), *filter(None, parts.path.split("/"))]
    )


def make_did_document(did: str, keys: Sequence[SigningKey]) -> dict[str, object]:
    """Return the document; a next key stands in it before it signs."""
    return {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": did,
        "assertionMethod": [
            {
                "type": "JsonWebKey",
                "id": f"{did}#{key.kid}",
                "controller": did,
                "publicKeyJwk": {name: key.public_jwk[name] for name in ("kty", "crv", "x", "y")}
                | {"alg": key.algorithm},
            }
            for key in keys
        ],
    }
