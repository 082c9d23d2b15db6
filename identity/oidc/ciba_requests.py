"""Signed requests of CIBA (section 7.1.1) and the members of any request; pure."""

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from identity.oidc.client_signatures import Unverified, check_signature, read_unverified
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.oidc.rfc7523_client_assertions import AssertionUse
from identity.relying_parties.rules import RelyingParty

HINTS = ("login_hint", "id_token_hint", "login_hint_token")
_SKEW_SECONDS = 30
_LONGEST_SECONDS = 3600
_LAST = 1e11  # no date can hold what lies behind it
_OUTSIDE = frozenset(
    {"request", "client_id", "client_secret", "client_assertion", "client_assertion_type"}
)
_ENVELOPE = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})
_LONGEST_MESSAGE = 100
_LONGEST_TOKEN = 1024
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SECONDS = re.compile(r"[1-9][0-9]{0,8}")


def algorithms_of(offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return what signs requests: FAPI-CIBA takes no PKCS #1 v1.5 signatures."""
    return tuple(name for name in offered if not name.startswith("RS"))


def read_signed_request(
    params: Parameters,
    client: RelyingParty,
    issuer: str,
    algorithms: tuple[str, ...],
    now: datetime,
) -> tuple[Parameters, AssertionUse]:
    """Return the parameters inside a signed request, and its single use, to be spent.

    Raises:
        ProtocolError: ``invalid_request``: not good, or parameters stand beside it.
    """
    outside = {name for name, _ in params.pairs} - _OUTSIDE
    if outside:
        raise _refused(f"stands beside a parameter: {min(outside)[:60]}")
    request = _read(params.require("request"))
    registered = client.options.backchannel_authentication_request_signing_alg
    allowed = (registered,) if registered else algorithms
    try:
        check_signature(request, client, tuple(one for one in allowed if one in algorithms))
    except ValueError as error:
        raise _refused(str(error)) from error
    claims = request.claims
    audience = claims.get("aud")
    if issuer not in (audience if isinstance(audience, list) else [audience]):
        raise _refused("needs aud, this issuer")
    if claims.get("iss") != client.client_id:
        raise _refused("needs iss, the client's id")
    if claims.get("client_id") not in (None, client.client_id):
        raise _refused("names another client")
    use = AssertionUse(client.client_id, _jti(claims), _check_times(claims, now), False)
    return _parameters(claims), use


def _read(token: str) -> Unverified:
    try:
        return read_unverified(token)
    except ValueError as error:
        raise _refused(str(error)) from error


def _jti(claims: Mapping[str, object]) -> bytes:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise _refused("needs jti")
    # Apart from the jti of client assertions, which a client may count on its own.
    return sha256(b"ciba request\0" + jti.encode()).digest()


def _check_times(claims: Mapping[str, object], now: datetime) -> datetime:
    """Return until when the jti is kept."""
    instant = now.timestamp()
    expires, issued, not_before = (_time(claims, name) for name in ("exp", "iat", "nbf"))
    if expires <= instant - _SKEW_SECONDS or expires > instant + _LONGEST_SECONDS + _SKEW_SECONDS:
        raise _refused("has expired or lives longer than an hour")
    if not instant - _LONGEST_SECONDS <= not_before <= instant + _SKEW_SECONDS:
        raise _refused("has an nbf that is in the future or more than an hour old")
    if not instant - _LONGEST_SECONDS <= issued <= instant + _SKEW_SECONDS:
        raise _refused("has an iat that is in the future or more than an hour old")
    return datetime.fromtimestamp(expires, UTC) + timedelta(seconds=_SKEW_SECONDS)


def _time(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LAST:
        raise _refused(f"needs {name}, a number of seconds")
    return float(value)


def _parameters(claims: Mapping[str, object]) -> Parameters:
    pairs: list[tuple[str, str]] = []
    for name, value in claims.items():
        if name in _ENVELOPE:
            continue
        if name == "resource" and isinstance(value, list):
            pairs += [(name, str(one)) for one in value]
        else:
            pairs.append((name, value if isinstance(value, str) else json.dumps(value)))
    return Parameters.of(pairs)


def check_binding_message(message: str | None) -> str:
    """Return the words that both devices show, empty where there are none.

    Raises:
        ProtocolError: ``invalid_binding_message``: long, or with signs that cannot be shown.
    """
    if message is None:
        return ""
    kinds = {unicodedata.category(letter)[0] for letter in message}
    if len(message) > _LONGEST_MESSAGE or "C" in kinds or not message.strip():
        raise ProtocolError(
            "invalid_binding_message",
            f"binding_message must be at most {_LONGEST_MESSAGE} letters that can be shown",
        )
    return message


def check_expiry(value: str | None, default: int, longest: int) -> int:
    """Return for how many seconds the request waits; JSON may bring a number or a string."""
    if value is None:
        return default
    if not _SECONDS.fullmatch(value):
        raise ProtocolError("invalid_request", "requested_expiry must be a positive number")
    return min(int(value), longest)


def check_notification_token(value: str | None) -> str:
    """Return the token with which a client wants to be told (section 7.1)."""
    if value is None or len(value) > _LONGEST_TOKEN or not _BEARER.fullmatch(value):
        raise ProtocolError("invalid_request", "client_notification_token is missing or malformed")
    return value


def find_hint(params: Parameters) -> tuple[str, str]:
    """Return the one hint about the person, by name.

    Raises:
        ProtocolError: ``invalid_request``: none, several, or a kind that is not offered.
    """
    given = [(name, value) for name in HINTS if (value := params.get(name)) is not None]
    if len(given) != 1:
        raise ProtocolError("invalid_request", "Exactly one hint about the person is needed")
    if given[0][0] == "login_hint_token":
        raise ProtocolError("invalid_request", "login_hint_token is not offered here")
    return given[0]


def _refused(fault: str) -> ProtocolError:
    return ProtocolError("invalid_request", f"request {fault}")
