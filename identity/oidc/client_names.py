"""Which client a request says it comes from, before anything of it is believed."""

import base64
import binascii
import json
from urllib.parse import unquote_plus

from identity.oidc.parameters import Parameters

_LONGEST_JWT = 16_384
_BASIC = "basic "


def name_client(params: Parameters, authorization: str | None) -> str:
    """Return the client that a parameter, a signed part or a Basic header names; empty: none."""
    named: object = params.get("client_id")
    if named is None and (assertion := params.get("client_assertion")):
        named = _part(assertion, 1).get("sub")
    if named is None and (request := params.get("request")):
        named = _part(request, 1).get("iss")
    if named is None and authorization and authorization[: len(_BASIC)].lower() == _BASIC:
        named = _basic_name(authorization[len(_BASIC) :])
    return named if isinstance(named, str) else ""


def is_signed(params: Parameters) -> bool:
    """Tell whether something in a request has to be checked with a key of the client."""
    return params.get("client_assertion") is not None or params.get("request") is not None


def name_key(params: Parameters) -> str | None:
    """Return the ``kid`` that the client says it signed with, None where it says none."""
    signed = params.get("client_assertion") or params.get("request") or ""
    kid = _part(signed, 0).get("kid")
    return kid if isinstance(kid, str) else None


def _part(token: str, number: int) -> dict[str, object]:
    parts = token.split(".")
    if len(token) > _LONGEST_JWT or len(parts) <= number:
        return {}
    try:
        found = json.loads(
            base64.urlsafe_b64decode(parts[number] + "=" * (-len(parts[number]) % 4))
        )
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _basic_name(credentials: str) -> str:
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return unquote_plus(decoded.partition(":")[0])
