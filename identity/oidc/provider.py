"""The provider as its functions see it: issuers with their addresses, clients, keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from identity.keys.actions import KeyCache
from identity.keys.keyring import KeyRing
from identity.oidc.sender import NO_SENDER, Sender
from identity.relying_parties.profiles import PROFILES, Profile
from identity.relying_parties.queries import ClientCache
from identity.relying_parties.rules import RelyingParty
from identity.settings import IdentitySettings
from shared.crypto import Sealer


@dataclass(frozen=True)
class Issuer:
    """A profile at its public addresses; ``url`` has no slash at the end (S1)."""

    profile: Profile
    url: str
    mtls_url: str | None = None
    takes_certificates: bool = False

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
        return f"{self.url}/token"

    @property
    def attributes_url(self) -> str:
        """The address of the attributes endpoint of ScotAccount."""
        return f"{self.url}/attributes/values"

    @property
    def assertion_audiences(self) -> tuple[str, ...]:
        """What a client assertion may be addressed to (S6; RFC 9126, section 2); best first."""
        return (self.url, self.token_url, f"{self.url}/", f"{self.url}/par")


class Provider:
    """Made once in a process; its copies of clients and keys follow the database in seconds."""

    def __init__(self, settings: IdentitySettings, sealer: Sealer) -> None:
        self.settings = settings
        self.sealer = sealer
        self.clients = ClientCache()
        self.outbound = settings.make_outbound()
        self._keys = KeyCache(sealer)
        self.issuers: Mapping[str, Issuer] = {
            profile.name: Issuer(
                profile,
                f"{settings.public_url}{profile.path}",
                mtls_url=f"{settings.mtls_url}{profile.path}" if settings.mtls_url else None,
                takes_certificates=bool(settings.client_certificate_header),
            )
            for profile in PROFILES.values()
        }

    def keys(self, session: Session, now: datetime) -> KeyRing:
        """Return the signing keys."""
        return self._keys.get(session, now)

    def find_client(
        self, session: Session, profile: Profile, client_id: str
    ) -> RelyingParty | None:
        """Return a client of this profile; those of other profiles do not exist here."""
        found = self.clients.find(session, client_id)
        return found if found is not None and found.profile == profile.name else None


@dataclass(frozen=True)
class Call:
    """What every protocol function is handed: who is asked, in which transaction, and when."""

    provider: Provider
    issuer: Issuer
    session: Session
    now: datetime
    sender: Sender = NO_SENDER

    @property
    def profile(self) -> Profile:
        """The profile of the issuer that is asked."""
        return self.issuer.profile

    @property
    def keys(self) -> KeyRing:
        """The signing keys."""
        return self.provider.keys(self.session, self.now)

    def find_client(self, client_id: str) -> RelyingParty | None:
        """Return a client of this issuer."""
        return self.provider.find_client(self.session, self.profile, client_id)
