"""Encryption to a client: which algorithms are offered, and which of its keys takes part; pure."""

from collections.abc import Iterable

from joserfc.jwk import ECKey, Key, RSAKey

from identity.relying_parties.options import ClientOptions
from shared.errors import FieldError

ENCRYPTION_ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
CONTENT_ENCRYPTIONS = ("A128CBC-HS256", "A128GCM", "A256GCM")
# What the specifications take where a registration names no ``enc``.
DEFAULT_ENCRYPTION = "A128CBC-HS256"
ENCRYPTED_ANSWERS = ("id_token", "userinfo", "authorization", "introspection")


def encryption_key(keys: Iterable[Key], algorithm: str) -> Key | None:
    """Return the key that an algorithm encrypts to: one marked for it, else one without a mark."""
    kind = RSAKey if algorithm.startswith("RSA") else ECKey
    fitting = [key for key in keys if isinstance(key, kind) and _fits(key)]
    marked = [key for key in fitting if key.get("use") == "enc"]
    return next(iter(marked or [key for key in fitting if key.get("use") is None]), None)


def _fits(key: Key) -> bool:
    return not isinstance(key, ECKey) or key.curve_name in ("P-256", "P-384", "P-521")


def check_encryption(options: ClientOptions, keys: Iterable[Key]) -> list[FieldError]:
    """Return what is wrong with the encrypted answers that a registration asks for."""
    faults = []
    known = tuple(keys)
    for answer in ENCRYPTED_ANSWERS:
        names = (f"{answer}_encrypted_response_alg", f"{answer}_encrypted_response_enc")
        alg, enc = (getattr(options, name) for name in names)
        if enc is not None and alg is None:
            faults.append(FieldError(names[1], f"needs {names[0]} beside it"))
        if alg is not None and alg not in ENCRYPTION_ALGORITHMS:
            faults.append(FieldError(names[0], "is not offered"))
        elif alg is not None and not options.jwks_uri and encryption_key(known, alg) is None:
            faults.append(FieldError(names[0], "needs a key of the client to encrypt to"))
        if enc is not None and enc not in CONTENT_ENCRYPTIONS:
            faults.append(FieldError(names[1], "is not offered"))
    return faults
