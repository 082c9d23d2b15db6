"""RFC 8485, vectors of trust: https://www.rfc-editor.org/rfc/rfc8485
Implemented: sections 3 and 4 with the components `Cl`, `Cm` and `P0` to `P3` of GOV.UK One Login.
Left out: other components; `vot` of an ID token tells the credential part only, as One Login does.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import json
from collections.abc import Sequence

from identity.oidc.errors import ProtocolError

Vector = tuple[str, ...]

DEFAULT: tuple[Vector, ...] = (("Cl", "Cm"),)
CREDENTIALS = ("Cl", "Cl.Cm")
IDENTITIES = ("P0", "P1", "P2", "P3")
# What our own checks of identity reach: medium (GPG 45), and with it everything below.
HIGHEST_IDENTITY = "P2"
_INVALID = "Request vtr not valid"
_MOST_VECTORS = 10


def read_vtr(value: str | None) -> tuple[Vector, ...]:
    """Return the vectors of a ``vtr`` parameter, their components in one order.

    Raises:
        ProtocolError: not a JSON array of vectors, an unknown or repeated component, or an identity
            level without two factors.
    """
    if value is None:
        return DEFAULT
    try:
        vectors = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _invalid() from error
    if not isinstance(vectors, list) or not 0 < len(vectors) <= _MOST_VECTORS:
        raise _invalid()
    found = tuple(_vector(vector) for vector in vectors)
    if len({identity_of(vector) != "P0" for vector in found}) > 1:
        # Whether somebody's identity is proved must not be left to chance.
        raise _invalid()
    return found


def _vector(value: object) -> Vector:
    if not isinstance(value, str):
        raise _invalid()
    parts = value.split(".")
    identities = [part for part in parts if part in IDENTITIES]
    credentials = {part for part in parts if part not in IDENTITIES}
    if len(parts) != len(set(parts)) or len(identities) > 1:
        raise _invalid()
    if credentials not in ({"Cl"}, {"Cl", "Cm"}, set()):
        raise _invalid()
    identity = identities[0] if identities else "P0"
    # A vector of an identity level alone means what the default credential level is.
    names = ("Cl", "Cm") if credentials != {"Cl"} else ("Cl",)
    if identity != "P0" and "Cm" not in credentials:
        raise _invalid()
    return names if identity == "P0" else (*names, identity)


def _invalid() -> ProtocolError:
    return ProtocolError("invalid_request", _INVALID)


def credential_of(vector: Vector) -> str:
    """Return the credential part as ``vot`` writes it, such as ``Cl.Cm``."""
    return ".".join(part for part in vector if part not in IDENTITIES)


def identity_of(vector: Vector) -> str:
    """Return the identity level of a vector, ``P0`` where it names none."""
    return next((part for part in vector if part in IDENTITIES), "P0")


def wants_identity(vectors: Sequence[Vector]) -> bool:
    """Tell whether somebody's identity is to be proved."""
    return any(identity_of(vector) != "P0" for vector in vectors)


def needs_two_factors(vectors: Sequence[Vector]) -> bool:
    """Tell whether every vector needs two factors, so that no weaker sign-in will do."""
    return bool(vectors) and all("Cm" in vector for vector in vectors)


def reached_identity(vectors: Sequence[Vector]) -> str | None:
    """Return the level that a proved identity of ours answers, None when all ask for more."""
    levels = [identity_of(vector) for vector in vectors]
    reached = [level for level in levels if "P0" < level <= HIGHEST_IDENTITY]
    return max(reached, default=None)


def reached_credential(level: str) -> str:
    """Return the vector of a sign-in: two factors are ``Cl.Cm`` (GPG 44, medium)."""
    return "Cl" if level == "low" else "Cl.Cm"
