"""The authorization request: one visible table of checks.

Each row is a check, each column an endpoint that runs it: ``authorize`` for what a browser brings,
``pushed`` for requests sent ahead (RFC 9126), ``resume`` for a flow that comes back after the
person's steps, whose client may have changed meanwhile. The order matters: before client and
redirect URI are known to belong together, no refusal leads back to the client.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from identity.oidc.errors import PageError, ProtocolError
from identity.oidc.flows import FlowRequest, FlowView
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.rfc7636_pkce import check_challenge
from identity.relying_parties.rules import RelyingParty

RESPONSE_MODES = ("query", "form_post")
_PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})
_LONGEST_STATE = 4096
_CLAIM_TARGETS = ("userinfo", "id_token")


@dataclass
class Draft:
    """A request while it is checked; every check may rely on what the rows above it found."""

    call: Call
    params: Parameters
    client: RelyingParty | None = None
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = ()
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    response_mode: str = "query"
    create_account: bool = False
    claims: dict[str, object] = field(default_factory=dict)

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
        )


def check_client(draft: Draft) -> None:
    """Find the client; its absence is told on a page (RFC 6749, section 4.1.2.1)."""
    client_id = draft.params.get("client_id")
    client = draft.call.find_client(client_id) if client_id else None
    if client is None:
        raise PageError("invalid_request", "Unknown or missing client_id")
    draft.client = client


def check_redirect_uri(draft: Draft) -> None:
    """Compare the redirect URI with the registered ones, letter by letter."""
    redirect_uri = draft.params.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in draft.known_client.redirect_uris:
        raise PageError("invalid_request", "redirect_uri is missing or not registered")
    draft.redirect_uri = redirect_uri


def check_response_mode(draft: Draft) -> None:
    """Take the way the answer travels; known before any refusal travels it."""
    mode = draft.params.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        raise ProtocolError("invalid_request", "response_mode must be query or form_post")
    draft.response_mode = mode


def check_single_values(draft: Draft) -> None:
    """Refuse a parameter that was given twice; ``dis_prompt`` has a refusal of its own."""
    draft.params.check_single(but=("dis_prompt",))


def check_grant(draft: Draft) -> None:
    """Refuse a client that is registered for tokens of its own only."""
    if "authorization_code" not in draft.known_client.grant_types:
        raise ProtocolError("unauthorized_client", "This client may not sign people in")


def check_unsupported(draft: Draft) -> None:
    """Refuse request objects, which are not offered (Core, section 6)."""
    if draft.params.get("request") is not None:
        raise ProtocolError("request_not_supported", "Request objects are not supported")
    if draft.params.get("request_uri") is not None:
        raise ProtocolError("request_uri_not_supported", "request_uri is not supported")


def check_response_type(draft: Draft) -> None:
    """Refuse everything but the code flow."""
    if draft.params.require("response_type") != "code":
        raise ProtocolError("unsupported_response_type", "response_type must be code")


def check_scope(draft: Draft) -> None:
    """Take the scopes the client may have; needs ``openid``."""
    profile, client = draft.call.profile, draft.known_client
    asked = [profile.canonical_scope(scope) for scope in (draft.params.get("scope") or "").split()]
    if "openid" not in asked:
        raise ProtocolError("invalid_scope", "Invalid scope: missing scope openid")
    allowed = [scope for scope in asked if scope in profile.scopes and scope in client.scopes]
    if profile.strict_scopes and (refused := [scope for scope in asked if scope not in allowed]):
        raise ProtocolError("invalid_scope", f"Invalid scope: {refused[0][:60]}")
    draft.scopes = tuple(dict.fromkeys(allowed))


def check_state_and_nonce(draft: Draft) -> None:
    """Refuse the absence of ``state`` or ``nonce`` where the profile needs them."""
    for name in ("state", "nonce"):
        value = draft.params.get(name)
        if value is None and draft.call.profile.needs_state_and_nonce:
            raise ProtocolError("invalid_request", f"Missing parameter: {name}")
        if value is not None and len(value) > _LONGEST_STATE:
            raise ProtocolError("invalid_request", f"{name} is too long")


def check_pkce(draft: Draft) -> None:
    """Take the challenge; only a recorded exception may do without, and needs a nonce (Q1)."""
    exempt = draft.known_client.pkce == "exempt" and draft.params.get("nonce") is not None
    draft.code_challenge = check_challenge(
        draft.params.get("code_challenge"),
        draft.params.get("code_challenge_method"),
        required=not exempt,
    )


def check_prompt(draft: Draft) -> None:
    """Take ``prompt``; ``none`` goes with nothing else (Core, section 3.1.2.1)."""
    words = tuple((draft.params.get("prompt") or "").split())
    if unknown := set(words) - _PROMPTS:
        raise ProtocolError("invalid_request", f"Unknown prompt: {min(unknown)[:60]}")
    if "none" in words and len(words) > 1:
        raise ProtocolError("invalid_request", "prompt none cannot be combined")
    draft.prompt = words
    draft.create_account = "create" in words


def check_dis_prompt(draft: Draft) -> None:
    """Take ScotAccount's own prompt, which opens sign-up (S15)."""
    values = draft.params.all("dis_prompt")
    if not values or not draft.call.profile.bare_id_token:
        return
    if len(values) > 1:
        listed = ", ".join(values)[:120]
        raise ProtocolError(
            "invalid_dis_prompt", f"Invalid dis_prompt: found more than one: {listed}"
        )
    if values[0] != "create_account":
        raise ProtocolError("invalid_dis_prompt", f"Invalid dis_prompt: {values[0][:60]}")
    draft.create_account = True


def check_max_age(draft: Draft) -> None:
    """Take ``max_age`` in seconds."""
    value = draft.params.get("max_age")
    if value is None:
        return
    if not value.isascii() or not value.isdigit() or len(value) > len("2147483647"):
        raise ProtocolError("invalid_request", "max_age must be a number of seconds")
    draft.max_age_seconds = int(value)


def check_claims(draft: Draft) -> None:
    """Refuse a ``claims`` parameter of the wrong shape (Core, section 5.5)."""
    value = draft.params.get("claims")
    if value is None:
        return
    try:
        claims = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("invalid_request", "claims is not JSON") from error
    if not isinstance(claims, dict):
        raise ProtocolError("invalid_request", "claims must be an object")
    for target in _CLAIM_TARGETS:
        members = claims.get(target, {})
        if not isinstance(members, dict):
            raise ProtocolError("invalid_request", f"claims: {target} must be an object")
        if any(not isinstance(one, dict | None) for one in members.values()):
            raise ProtocolError("invalid_claims", f"claims: a member of {target} is malformed")
    draft.claims = claims


Endpoint = Literal["authorize", "pushed", "resume"]


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    check: Callable[[Draft], None]
    authorize: bool
    pushed: bool
    resume: bool


CHECKS = (
    #   check                 authorize  pushed  resume
    Row(check_client, True, True, True),
    Row(check_redirect_uri, True, True, True),
    Row(check_response_mode, True, True, True),
    Row(check_single_values, True, True, False),
    Row(check_grant, True, True, True),
    Row(check_unsupported, True, True, False),
    Row(check_response_type, True, True, False),
    Row(check_scope, True, True, True),
    Row(check_state_and_nonce, True, True, True),
    Row(check_pkce, True, True, False),
    Row(check_prompt, True, True, False),
    Row(check_dis_prompt, True, True, False),
    Row(check_max_age, True, True, False),
    Row(check_claims, True, True, False),
)


def check_request(draft: Draft, endpoint: Endpoint) -> None:
    """Run the checks of an endpoint on a draft.

    Raises:
        PageError: to be shown, because the address to go back to is not known to be right.
        ProtocolError: to be sent back to the client; the draft carries where and how.
    """
    for row in CHECKS:
        if getattr(row, endpoint):
            row.check(draft)


def draft_of(call: Call, flow: FlowView) -> Draft:
    """Return a stored flow as a draft for the checks of ``resume``."""
    request = flow.request
    pairs = {
        "client_id": flow.client_id,
        "redirect_uri": request.redirect_uri,
        "response_mode": request.response_mode,
        "scope": " ".join(request.scopes),
        "state": request.state or "",
        "nonce": request.nonce or "",
    }
    return Draft(call, Parameters.of(pairs.items()))
