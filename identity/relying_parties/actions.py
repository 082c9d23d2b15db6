"""Registering clients."""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.caching.versioned import bump_version
from identity.relying_parties.queries import CACHE_NAME
from identity.relying_parties.rules import RelyingParty
from shared import audit
from shared.actors import Actor

_COLUMNS = (
    "name",
    "organisation",
    "profile",
    "first_party",
    "auth_method",
    "secret_hash",
    "jwks",
    "redirect_uris",
    "post_logout_uris",
    "backchannel_logout_uri",
    "scopes",
    "grant_types",
    "subject_type",
    "sector",
    "pkce",
    "landing_page",
    "id_token_alg",
    "options",
)
_JSON = ("jwks", "options")
_NAMES = ", ".join(_COLUMNS)
_VALUES = ", ".join(f"cast(:{name} AS jsonb)" if name in _JSON else f":{name}" for name in _COLUMNS)
_EXCLUDED = ", ".join(f"excluded.{name}" for name in _COLUMNS)
_OLD = ", ".join(f"relying_party.{name}" for name in _COLUMNS)
_UPSERT = text(
    f"""
    INSERT INTO relying_party (client_id, {_NAMES}, created_at, updated_at)
    VALUES (:client_id, {_VALUES}, :now, :now)
    ON CONFLICT (client_id) DO UPDATE
       SET ({_NAMES}, updated_at) = ROW ({_EXCLUDED}, excluded.updated_at)
     WHERE ({_OLD}) IS DISTINCT FROM ({_EXCLUDED})
    RETURNING (xmax = 0) AS is_new
    """
)


def register_relying_party(
    session: Session,
    party: RelyingParty,
    jwks: list[Mapping[str, object]],
    actor: Actor,
    now: datetime,
) -> str:
    """Register a client or bring it up to date; returns ``added``, ``changed`` or ``unchanged``.

    The party must have passed ``check_relying_party``; ``jwks`` are its keys as registered.
    """
    lists = ("redirect_uris", "post_logout_uris", "scopes", "grant_types")
    values = {name: getattr(party, name) for name in _COLUMNS if name not in _JSON}
    values |= {name: list(values[name]) for name in lists}
    row = session.execute(
        _UPSERT,
        values
        | {
            "client_id": party.client_id,
            "jwks": json.dumps(jwks),
            "options": json.dumps(party.options.as_json(), sort_keys=True),
            "now": now,
        },
    ).one_or_none()
    if row is None:
        return "unchanged"
    bump_version(session, CACHE_NAME)
    done = "added" if row.is_new else "changed"
    audit.record(
        session,
        actor,
        f"identity.relying_party.{done}",
        "relying_party",
        party.client_id,
        {"name": party.name, "profile": party.profile},
    )
    return done
