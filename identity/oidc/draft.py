"""An authorization request while it is checked."""

from dataclasses import dataclass, field

from identity.oidc.asked import Asked
from identity.oidc.fetching import Fetched
from identity.oidc.flows import FlowRequest
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.relying_parties.rules import RelyingParty


@dataclass
class Draft:
    """A request while it is checked; every check may rely on what the rows above it found.

    Attributes:
        fetched: what stands at the request_uri, where that is an address of the client.
        pushed: the hash of the pushed request that this one began with (RFC 9126).
    """

    call: Call
    params: Parameters
    client: RelyingParty | None = None
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = ()
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    response_type: str = "code"
    response_mode: str = "query"
    create_account: bool = False
    hint_subject: str | None = None
    fetched: Fetched | None = None
    pushed: bytes | None = None
    asked: Asked = field(default_factory=Asked)

    @property
    def known_client(self) -> RelyingParty:
        """The client; only after its check."""
        if self.client is None:
            raise LookupError("the client is checked first")
        return self.client

    @property
    def state(self) -> str | None:
        """The client's state, to be echoed byte for byte on success and error (S9)."""
        return self.params.get("state")

    def as_request(self) -> FlowRequest:
        """Return what the checks found, to be kept with the flow."""
        if self.redirect_uri is None:
            raise LookupError("the redirect URI is checked first")
        return FlowRequest(
            redirect_uri=self.redirect_uri,
            scopes=self.scopes,
            state=self.state,
            nonce=self.params.get("nonce"),
            code_challenge=self.code_challenge,
            prompt=self.prompt,
            max_age_seconds=self.max_age_seconds,
            response_mode=self.response_mode,
            create_account=self.create_account,
            login_hint=self.params.get("login_hint"),
            ui_locales=self.params.get("ui_locales"),
            response_type=self.response_type,
            hint_subject=self.hint_subject,
            pushed=self.pushed.hex() if self.pushed else None,
            asked=self.asked,
        )
