"""A YAML file of clients to register: addresses with the platform's own, keys from a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from identity.relying_parties.options import ClientOptions
from identity.relying_parties.rules import (
    RelyingParty,
    check_secret,
    default_sector,
    import_public_key,
)
from shared.crypto import hash_token
from shared.errors import FieldError, Invalid


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    client_id: str
    name: Annotated[str, Field(min_length=1, max_length=80)]
    organisation: str
    profile: str = "oidc"
    first_party: bool = False
    auth_method: Literal[
        "private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth", "none"
    ]
    redirect_uris: list[str] = []
    post_logout_uris: list[str] = []
    backchannel_logout_uri: str | None = None
    scopes: list[str] = []
    grant_types: list[str] = ["authorization_code"]
    subject_type: Literal["pairwise", "public"] = "pairwise"
    sector: str | None = None
    pkce: Literal["required", "exempt"] = "required"
    landing_page: str = ""
    id_token_alg: str = "ES256"  # noqa: S105 - an algorithm
    optional: bool = False
    options: dict[str, object] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    relying_parties: list[_Entry]


@dataclass(frozen=True)
class Registration:
    """One client of the file, with the keys as they are to be stored."""

    party: RelyingParty
    jwks: list[Mapping[str, object]]


def read_registrations(
    content: str, addresses: Mapping[str, str], keys_directory: Path | None
) -> list[Registration]:
    """Return the clients that a file names.

    ``{public_url}`` and the other ``addresses`` are filled in. Keys are the folder's
    ``<client id>.pub.pem``, secrets its ``<client id>.secret``. An entry marked ``optional`` is
    left out where the folder has neither.

    Raises:
        Invalid: not the expected shape, an unknown placeholder, or a key or secret is missing.
    """
    try:
        filled = content.format_map(addresses)
        entries = _File.model_validate(yaml.safe_load(filled)).relying_parties
    except KeyError as error:
        raise Invalid(FieldError("file", f"unknown placeholder {error}")) from error
    except (ValidationError, yaml.YAMLError) as error:
        raise Invalid(FieldError("file", str(error))) from error
    folder = keys_directory or Path()
    return [
        _registration(entry, folder)
        for entry in entries
        if not entry.optional or _has_credential(entry, folder)
    ]


def _has_credential(entry: _Entry, folder: Path) -> bool:
    return entry.auth_method in ("none", "tls_client_auth") or any(
        (folder / f"{entry.client_id}{ending}").exists() for ending in (".pub.pem", ".secret")
    )


def _registration(entry: _Entry, folder: Path) -> Registration:
    members = entry.model_dump(exclude={"optional", "sector"})
    lists = ("redirect_uris", "post_logout_uris", "scopes", "grant_types")
    members |= {name: tuple(members[name]) for name in lists}
    members["options"] = _options(entry)
    members["sector"] = entry.sector or default_sector(members["redirect_uris"])
    if not entry.auth_method.startswith("client_secret"):
        path = folder / f"{entry.client_id}.pub.pem"
        # Without a secret of their own, clients have keys only where they sign their requests.
        needs_keys = entry.auth_method == "private_key_jwt" or path.exists()
        keys = _read_keys(path) if needs_keys else ()
        jwks: list[Mapping[str, object]] = [
            {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"} for key in keys
        ]
        return Registration(RelyingParty(**members, keys=tuple(keys)), jwks)
    secret = _read(folder / f"{entry.client_id}.secret").decode().strip()
    if faults := check_secret(secret):
        raise Invalid(*faults, title=f"The secret of {entry.client_id} is too short")
    return Registration(RelyingParty(**members, secret_hash=hash_token(secret)), [])


def _options(entry: _Entry) -> ClientOptions:
    try:
        return ClientOptions.from_json(entry.options)
    except TypeError as error:
        raise Invalid(FieldError(f"{entry.client_id}: options", str(error))) from error


def _read_keys(path: Path) -> Sequence[Key]:
    """Return every public key of a PEM file; several stand in it while a client changes keys."""
    ending = b"-----END PUBLIC KEY-----"
    blocks = [part.strip() + b"\n" + ending for part in _read(path).split(ending)[:-1]]
    if not blocks:
        raise Invalid(FieldError(path.name, "holds no public key"))
    try:
        return [_import(block) for block in blocks]
    except (JoseError, ValueError, TypeError) as error:
        raise Invalid(
            FieldError(path.name, f"holds a key that is not accepted: {error}")
        ) from error


def _import(pem: bytes) -> Key:
    """Return a PEM key; refuses what may not be registered as a JSON Web Key either."""
    for kind in (ECKey, OKPKey):
        try:
            return import_public_key(kind.import_key(pem).as_dict(private=False))
        except (JoseError, ValueError, TypeError, AttributeError):
            continue
    return import_public_key(RSAKey.import_key(pem).as_dict(private=False))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(FieldError(path.name, "cannot be read from the folder of keys")) from error
