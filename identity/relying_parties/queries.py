"""Reading the registered clients."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.caching.versioned import VersionedCache
from identity.relying_parties.rules import RelyingParty, import_public_key

CACHE_NAME = "relying_party"
_ALL = text("SELECT * FROM relying_party")


@dataclass(frozen=True)
class Clients:
    """Every registered client, by its id."""

    by_id: Mapping[str, RelyingParty]


class ClientCache:
    """The registered clients in process memory."""

    def __init__(self) -> None:
        self._cache: VersionedCache[Clients] = VersionedCache(CACHE_NAME, list_clients)

    def find(self, session: Session, client_id: str) -> RelyingParty | None:
        """Return a client; one that is not known is looked for again 0.2 seconds later."""
        found = self._cache.get(session).by_id.get(client_id)
        return found or self._cache.get_fresh(session).by_id.get(client_id)


def list_clients(session: Session) -> Clients:
    """Return every registered client with its keys imported."""
    return Clients({row.client_id: _client(row) for row in session.execute(_ALL)})


def _client(row: Row[tuple[object, ...]]) -> RelyingParty:
    return RelyingParty(
        client_id=row.client_id,
        name=row.name,
        organisation=row.organisation,
        profile=row.profile,
        auth_method=row.auth_method,
        first_party=row.first_party,
        secret_hash=row.secret_hash,
        keys=tuple(import_public_key(jwk) for jwk in row.jwks),
        redirect_uris=tuple(row.redirect_uris),
        post_logout_uris=tuple(row.post_logout_uris),
        backchannel_logout_uri=row.backchannel_logout_uri,
        scopes=tuple(row.scopes),
        grant_types=tuple(row.grant_types),
        subject_type=row.subject_type,
        sector=row.sector,
        pkce=row.pkce,
        landing_page=row.landing_page,
        id_token_alg=row.id_token_alg,
    )
