"""RFC 8693, token exchange: https://www.rfc-editor.org/rfc/rfc8693
Implemented: sections 2.1 to 2.2, 4.1 (`act`), 4.4 (`may_act`), for access tokens of this issuer.
Left out: impersonation, as a token always says who acts; other kinds and issuers of tokens.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

from collections.abc import Mapping
from dataclasses import dataclass

from identity.oidc.actions import spend_assertion
from identity.oidc.authorisations import make_jti
from identity.oidc.confirmation import confirm_sender, token_type_of
from identity.oidc.errors import ProtocolError, invalid_client
from identity.oidc.parameters import Parameters
from identity.oidc.provider import Call
from identity.oidc.queries import find_authorisation, is_access_token_revoked
from identity.oidc.rfc6749_client_authentication import Authenticated, refuse_public
from identity.oidc.rfc8707_resource_indicators import audience_of, is_meant_for
from identity.oidc.rfc9068_access_tokens import TYPE, AccessToken, read_access_token
from identity.oidc.rfc9396_authorization_details import take_typed_details
from identity.relying_parties.rules import RelyingParty, is_resource

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a name
_ACCEPTED = (ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt")
_CARRIED = ("auth_time", "acr")
_LONGEST_CHAIN = 5


@dataclass(frozen=True)
class _Wanted:
    """What the new token is to be."""

    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    details: object
    act: Mapping[str, object] | None
    confirmation: Mapping[str, str] | None


def exchange_token(call: Call, params: Parameters, caller: Authenticated) -> dict[str, object]:
    """Return a token that can do less, elsewhere, and says who uses it for whom.

    Nothing is stored for it: it is revoked with what the subject's token came of.

    Raises:
        ProtocolError: ``invalid_request`` for tokens that are not good, ``invalid_target``,
            ``invalid_scope``, or ``unauthorized_client``.
    """
    client = caller.client
    refuse_public(client)
    if caller.use is not None and caller.use.needs_second_secret:
        raise invalid_client("The client assertion needs iat and a life of at most an hour")
    if params.get("requested_token_type") not in (None, *_ACCEPTED):
        raise ProtocolError("invalid_request", "Only access tokens are issued")
    subject = _read(call, params, "subject_token")
    if subject is None or subject.authorisation_id is None:
        raise ProtocolError("invalid_request", "subject_token must speak for a person")
    actor = _read(call, params, "actor_token")
    confirmation = confirm_sender(call, client)
    if confirmation is None and "cnf" in subject.claims:
        raise ProtocolError("invalid_request", "A bound token is exchanged for a bound one only")
    wanted = _Wanted(
        audiences=_audiences(params, client, subject),
        scopes=_scopes(params, subject),
        details=_details(params, client, subject),
        act=_act(client, subject, actor),
        confirmation=confirmation,
    )
    if caller.use is not None and not spend_assertion(call.session, caller.use):
        raise invalid_client("The client assertion was used before")
    if find_authorisation(call.session, subject.authorisation_id, subject.jti) is None:
        raise ProtocolError("invalid_request", "subject_token was revoked")
    if actor is not None and not _is_live(call, actor):
        raise ProtocolError("invalid_request", "actor_token was revoked")
    issued = int(call.now.timestamp())
    expires = min(subject.expires_at, issued + call.profile.access_token_seconds)
    return {
        "access_token": _make(call, client, subject, wanted, issued, expires),
        "issued_token_type": ACCESS_TOKEN,
        "token_type": token_type_of(confirmation),
        "expires_in": expires - issued,
        "scope": " ".join(wanted.scopes),
    }


def _read(call: Call, params: Parameters, name: str) -> AccessToken | None:
    token, kind = params.get(name), params.get(f"{name}_type")
    if token is None and kind is None and name == "actor_token":
        return None
    if token is None or kind not in _ACCEPTED:
        raise ProtocolError("invalid_request", f"{name} and its type access_token are needed")
    try:
        return read_access_token(call, token)
    except ProtocolError as error:
        raise ProtocolError("invalid_request", f"{name} is not good here") from error


def _is_live(call: Call, access: AccessToken) -> bool:
    if access.authorisation_id is None:
        return not is_access_token_revoked(call.session, access.jti)
    return find_authorisation(call.session, access.authorisation_id, access.jti) is not None


def _audiences(params: Parameters, client: RelyingParty, subject: AccessToken) -> tuple[str, ...]:
    """Return where the new token is good: registered for the client, or where the old one was."""
    aud = subject.claims.get("aud")
    before = tuple(map(str, aud)) if isinstance(aud, list) else (str(aud),) if aud else ()
    asked = tuple(dict.fromkeys((*params.all("resource"), *params.all("audience"))))
    offered = {*client.options.resources, *before}
    for one in asked:
        if not is_resource(one) or one not in offered:
            raise ProtocolError("invalid_target", f"Not registered: {one[:100]}")
    if asked:
        return asked
    if subject.client_id == client.client_id and before:
        return before
    if len(client.options.resources) == 1:
        return client.options.resources
    raise ProtocolError("invalid_target", "Say with resource where the token will be used")


def _scopes(params: Parameters, subject: AccessToken) -> tuple[str, ...]:
    asked = tuple(dict.fromkeys((params.get("scope") or "").split()))
    if refused := [scope for scope in asked if scope not in subject.scopes]:
        raise ProtocolError("invalid_scope", f"Invalid scope: {refused[0][:60]}")
    return asked or subject.scopes


def _details(params: Parameters, client: RelyingParty, subject: AccessToken) -> object:
    granted = subject.claims.get("authorization_details") or []
    wanted = take_typed_details(client, params)
    if not isinstance(granted, list) or any(one not in granted for one in wanted):
        raise ProtocolError(
            "invalid_authorization_details", "authorization_details go beyond subject_token's"
        )
    return list(wanted) or granted


def _act(
    client: RelyingParty, subject: AccessToken, actor: AccessToken | None
) -> Mapping[str, object] | None:
    """Return ``act`` of the new token, the earlier actors nested inside (section 4.1).

    A client that only narrows its own token does not act for anybody.

    Raises:
        ProtocolError: the caller may not act on this token, or not in the actor's name.
    """
    before = subject.claims.get("act")
    holder = subject.client_id == client.client_id
    may_act = subject.claims.get("may_act")
    if actor is None and holder and may_act is None:
        return before if isinstance(before, Mapping) else None
    named: dict[str, object] = {"sub": client.client_id}
    if actor is not None:
        if actor.client_id != client.client_id:
            raise _forbidden("actor_token is another client's")
        named = {"sub": actor.subject, "client_id": actor.client_id}
        if actor.authorisation_id is not None and may_act is None:
            raise _forbidden("subject_token does not say that this person may act")
    if may_act is not None:
        if not isinstance(may_act, Mapping) or not _is_named(may_act, named, subject):
            raise _forbidden("subject_token does not name this actor in may_act")
    elif not holder and not is_meant_for(subject.claims.get("aud"), *client.options.serves):
        raise _forbidden("subject_token is not meant for this client")
    if isinstance(before, Mapping):
        if _depth(before) >= _LONGEST_CHAIN:
            raise _forbidden("subject_token went through too many hands")
        named["act"] = before
    return named


def _is_named(
    may_act: Mapping[str, object], named: Mapping[str, object], subject: AccessToken
) -> bool:
    """Tell whether ``may_act`` means the actor: every member it has must fit (section 4.4)."""
    facts = {**named, "iss": subject.claims.get("iss")}
    return "sub" in may_act and all(facts.get(name) == may_act[name] for name in may_act)


def _depth(act: Mapping[str, object]) -> int:
    inner = act.get("act")
    return 1 + (_depth(inner) if isinstance(inner, Mapping) else 0)


def _make(
    call: Call,
    client: RelyingParty,
    subject: AccessToken,
    wanted: _Wanted,
    issued: int,
    expires: int,
) -> str:
    if subject.authorisation_id is None:
        raise LookupError("only a person's token is exchanged")
    claims: dict[str, object] = {
        "iss": call.issuer.url,
        "sub": subject.subject,
        "aud": audience_of(wanted.audiences, call.issuer.url),
        "client_id": client.client_id,
        "scope": " ".join(wanted.scopes),
        "iat": issued,
        "exp": expires,
        "jti": make_jti(subject.authorisation_id),
    }
    claims |= {name: subject.claims[name] for name in _CARRIED if name in subject.claims}
    if wanted.act is not None:
        claims["act"] = wanted.act
    if wanted.confirmation is not None:
        claims["cnf"] = dict(wanted.confirmation)
    if wanted.details:
        claims["authorization_details"] = wanted.details
    return call.keys.sign(call.profile.access_token_algorithm, claims, typ=TYPE)


def _forbidden(why: str) -> ProtocolError:
    return ProtocolError("unauthorized_client", why)
