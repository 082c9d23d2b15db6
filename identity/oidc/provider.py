"""The provider as its functions see it: issuers with their addresses, clients, keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from identity.keys.actions import KeyCache
from identity.keys.identity_keys import IdentityKeyCache
from identity.keys.keyring import KeyRing, SigningKey
from identity.oidc.client_keys import RemoteKeys
from identity.oidc.limits import ClientLimits
from identity.oidc.sender import NO_SENDER, Sender
from identity.relying_parties.profiles import PROFILES, Profile
from identity.relying_parties.queries import ClientCache
from identity.relying_parties.rules import RelyingParty
from identity.settings import IdentitySettings
from shared.crypto import Sealer
from shared.quick import Executor


@dataclass(frozen=True)
class Issuer:
    """A profile at its public addresses.

    ``url`` is its name, letter by letter (S1); ``base`` is what its endpoints' addresses begin
    with. They differ only where the profile's name ends with a slash. ``vocabulary`` is what the
    names of identity claims begin with.
    """

    profile: Profile
    url: str
    vocabulary: str = ""
    attributes_host: str = ""
    mtls_url: str | None = None
    takes_certificates: bool = False

    @property
    def base(self) -> str:
        """What the addresses of endpoints begin with; never ends with a slash."""
        return self.url.rstrip("/")

    @property
    def attributes_base(self) -> str:
        """What the addresses of the attributes host begin with, which may be a host of its own."""
        return self.attributes_host or self.base

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where programs reach it: its own address, and the one for certificates (RFC 8705, 5)."""
        return (self.url,) if self.mtls_url is None else (self.url, self.mtls_url)

    @property
    def auth_methods(self) -> tuple[str, ...]:
        """How clients may prove who they are here; certificates only where they arrive."""
        return tuple(
            method
            for method in self.profile.auth_methods
            if self.takes_certificates or "tls_" not in method
        )

    @property
    def token_url(self) -> str:
        """The address of the token endpoint."""
        return f"{self.base}/token"

    @property
    def attributes_url(self) -> str:
        """The address of the attributes endpoint of ScotAccount."""
        return f"{self.attributes_base}/attributes/values"

    @property
    def assertion_audiences(self) -> tuple[str, ...]:
        """What a client assertion may be addressed to (S6; RFC 9126, section 2); best first."""
        return (
            self.url,
            self.token_url,
            f"{self.base}/",
            f"{self.base}/par",
            f"{self.base}/bc-authorize",
        )


class Provider:
    """Made once in a process; its copies of clients and keys follow the database in seconds."""

    def __init__(self, settings: IdentitySettings, sealer: Sealer) -> None:
        self.settings = settings
        self.sealer = sealer
        self.clients = ClientCache()
        self.outbound = settings.make_outbound()
        self.remote_keys = RemoteKeys(self.outbound)
        self.limits = ClientLimits(settings.client_requests_per_minute)
        self.visitors = ClientLimits(settings.sign_ins_per_minute)
        self._keys = KeyCache(sealer)
        self.identity_keys = IdentityKeyCache(sealer)
        self.issuers: Mapping[str, Issuer] = {
            profile.name: Issuer(
                profile,
                f"{settings.public_url}{profile.path}" + ("/" if profile.issuer_slash else ""),
                vocabulary=settings.onelogin_vocabulary,
                attributes_host=settings.scotaccount_attributes_url.rstrip("/"),
                mtls_url=f"{settings.mtls_url}{profile.path}" if settings.mtls_url else None,
                takes_certificates=bool(settings.client_certificate_header),
            )
            for profile in PROFILES.values()
        }

    def keys(self, session: Session, now: datetime) -> KeyRing:
        """Return the signing keys."""
        return self._keys.get(session, now)

    def find_new_key(self, session: Session, kid: str) -> SigningKey | None:
        """Return a key that began to sign a moment ago, in another process."""
        ring = self._keys.get_fresh(session)
        return None if ring is None else ring.find(kid)

    def peek_keys(self) -> KeyRing | None:
        """Return the signing keys where that takes no statement."""
        return self._keys.peek()

    def find_client(
        self, session: Session, profile: Profile, client_id: str
    ) -> RelyingParty | None:
        """Return a client of this profile; others, and those switched off, do not exist here."""
        found = self.clients.find(session, client_id)
        return None if found is None else self.as_client_of(profile, found)

    def as_client_of(self, profile: Profile, found: RelyingParty) -> RelyingParty | None:
        """Return a client if it is one of this profile, with the keys that it has now.

        Those of a ``jwks_uri`` were read there before the request.
        """
        if found.profile != profile.name or found.options.disabled_by:
            return None
        published = found.options.jwks_uri
        if published is None:
            return found
        return replace(found, keys=self.remote_keys.known(published))


class Call:
    """What every protocol function is handed: who is asked, in which transaction, and when.

    Args:
        provider: clients, keys and settings of this process.
        issuer: the profile that is asked, at its addresses.
        session: the transaction, or what begins it; asked for only by what really needs it.
        now: the time of the request.
        quick: runs a single statement that is the whole of what is written.
        sender: what the request shows of the keys that its sender holds.
    """

    def __init__(
        self,
        provider: Provider,
        issuer: Issuer,
        session: Session | Callable[[], Session],
        now: datetime,
        quick: Executor | None = None,
        sender: Sender = NO_SENDER,
    ) -> None:
        self.provider = provider
        self.issuer = issuer
        self.now = now
        self.sender = sender
        self._session = session
        self._quick = quick

    @property
    def session(self) -> Session:
        """The request's one transaction, begun when it is first asked for."""
        if not isinstance(self._session, Session):
            self._session = self._session()
        return self._session

    @property
    def quick(self) -> Executor:
        """What runs a single statement: at once, or within the transaction where one began."""
        if self._quick is None or isinstance(self._session, Session):
            return self.session
        return self._quick

    @property
    def profile(self) -> Profile:
        """The profile of the issuer that is asked."""
        return self.issuer.profile

    @property
    def keys(self) -> KeyRing:
        """The signing keys."""
        return self.provider.peek_keys() or self.provider.keys(self.session, self.now)

    def find_key(self, kid: str) -> SigningKey | None:
        """Return the published key of that id, however new it is."""
        return self.keys.find(kid) or self.provider.find_new_key(self.session, kid)

    def find_client(self, client_id: str) -> RelyingParty | None:
        """Return a client of this issuer."""
        found = self.provider.clients.peek(client_id)
        if found is not None:
            return self.provider.as_client_of(self.profile, found)
        return self.provider.find_client(self.session, self.profile, client_id)
