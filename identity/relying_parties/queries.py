"""Reading the registered clients."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from identity.caching.versioned import VersionedCache
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.rules import RelyingParty, import_public_key

CACHE_NAME = "relying_party"
_ONE = text("SELECT * FROM relying_party WHERE client_id = :client_id")
_USED = text(
    """
    SELECT DISTINCT r.client_id, r.name FROM authorisation a JOIN relying_party r USING (client_id)
     WHERE a.session_id = :session_id AND a.revoked_at IS NULL
       AND (r.landing_page <> '' OR r.options ? 'initiate_login_uri')
     ORDER BY r.name LIMIT 20
    """
)
_MOST_KEPT = 2000


class ClientCache:
    """The clients that were asked for lately, in process memory with their keys imported.

    A registration that changes anywhere empties it within five seconds, so what one sign-in costs
    does not depend on how many clients there are.
    """

    def __init__(self) -> None:
        self._cache: VersionedCache[dict[str, RelyingParty]] = VersionedCache(
            CACHE_NAME, lambda _session: {}
        )

    def peek(self, client_id: str) -> RelyingParty | None:
        """Return a client where that takes no statement."""
        known = self._cache.peek()
        return None if known is None else known.get(client_id)

    def find(self, session: Session, client_id: str) -> RelyingParty | None:
        """Return a client; one that is not known is looked for each time."""
        known = self._cache.get(session)
        found = known.get(client_id)
        if found is None and (found := get_client(session, client_id)) is not None:
            if len(known) >= _MOST_KEPT:
                known.clear()
            known[client_id] = found
        return found


def list_services_in_use(session: Session, session_id: UUID) -> list[tuple[str, str]]:
    """Return id and name of the services that a session was used for and that can be shown."""
    rows = session.execute(_USED, {"session_id": session_id})
    return [(row.client_id, row.name) for row in rows]


def get_client(session: Session, client_id: str) -> RelyingParty | None:
    """Return a registered client with its keys imported, None where there is none."""
    row = session.execute(_ONE, {"client_id": client_id}).one_or_none()
    return None if row is None else _client(row)


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
        options=ClientOptions.from_json(row.options),
    )
