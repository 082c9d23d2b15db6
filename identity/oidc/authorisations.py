"""What a person allowed a client, as it is read back when something is issued from it."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import RowMapping

from identity.oidc.asked import Asked

_UUID_BYTES = 16
_JTI_RANDOM_BYTES = 9


@dataclass(frozen=True)
class Authorisation:
    """One answer to a client, from which codes and tokens come.

    ``confirmation`` is the ``cnf`` that binds every token to a key: ``jkt`` (RFC 9449) or
    ``x5t#S256`` (RFC 8705).
    """

    id: UUID
    client_id: str
    account_id: UUID
    session_id: UUID
    flow_id: UUID
    subject: str
    scopes: tuple[str, ...]
    shared_scopes: tuple[str, ...]
    nonce: str | None
    authenticated_at: datetime
    methods: tuple[str, ...]
    level: str
    created_at: datetime
    asked: Asked
    confirmation: Mapping[str, str] | None


COLUMNS = (
    "id, client_id, account_id, session_id, flow_id, subject, scopes, shared_scopes, nonce,"
    " authenticated_at, methods, level, created_at, asked, confirmation"
)


def authorisation_of(row: RowMapping | Mapping[str, Any]) -> Authorisation:
    """Return a row of ``COLUMNS`` as an authorisation."""
    members = {name: row[name] for name in Authorisation.__dataclass_fields__}
    lists = ("scopes", "shared_scopes", "methods")
    members |= {name: tuple(members[name]) for name in lists}
    return Authorisation(**members | {"asked": Asked.from_json(members["asked"])})


def make_jti(authorisation_id: UUID) -> str:
    """Return the id of a new access token, from which its authorisation can be read.

    So a token is known to be revoked without a row of its own for every token.
    """
    raw = authorisation_id.bytes + secrets.token_bytes(_JTI_RANDOM_BYTES)
    return base64.urlsafe_b64encode(raw).decode()


def authorisation_id_of(jti: object) -> UUID | None:
    """Return the authorisation that an access token came of; None for a service account's."""
    if not isinstance(jti, str):
        return None
    try:
        raw = base64.urlsafe_b64decode(jti)
    except ValueError:
        return None
    well_formed = len(raw) == _UUID_BYTES + _JTI_RANDOM_BYTES
    return UUID(bytes=raw[:_UUID_BYTES]) if well_formed else None
