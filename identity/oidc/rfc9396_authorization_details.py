"""RFC 9396, rich authorization requests: https://www.rfc-editor.org/rfc/rfc9396
Implemented: sections 2 to 9; types are data in `authorization_detail_types.json`.
Left out: details in a client_credentials request, as every type needs a person who agrees.
By: ourselves.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import cast

from identity.oidc.authorisations import Authorisation
from identity.oidc.errors import ProtocolError
from identity.oidc.parameters import Parameters
from identity.relying_parties.rules import RelyingParty

Detail = Mapping[str, object]
Details = tuple[Detail, ...]

_FILE = Path(__file__).with_name("authorization_detail_types.json")
_LONGEST = 8192
_MOST = 10


@lru_cache
def detail_types() -> Mapping[str, Mapping[str, object]]:
    """Return the types that the platform knows, by name."""
    return cast("Mapping[str, Mapping[str, object]]", json.loads(_FILE.read_text()))


def take_typed_details(client: RelyingParty, params: Parameters) -> Details:
    """Return the typed permissions a client asks for, checked member by member.

    Raises:
        ProtocolError: ``invalid_authorization_details`` (section 5).
    """
    value = params.get("authorization_details")
    if value is None:
        return ()
    if len(value) > _LONGEST:
        raise _invalid("is too long")
    try:
        listed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _invalid("is not JSON") from error
    if not isinstance(listed, list) or not listed or len(listed) > _MOST:
        raise _invalid(f"must be an array of one to {_MOST} objects")
    return tuple(_check(client, one) for one in listed)


def _check(client: RelyingParty, detail: object) -> Detail:
    if not isinstance(detail, dict):
        raise _invalid("must be an array of objects")
    name = detail.get("type")
    if not isinstance(name, str) or name not in detail_types():
        raise _invalid("has an object of an unknown type")
    if name not in client.options.authorization_details_types:
        raise _invalid(f"has a type that this client may not use: {name}")
    kind = detail_types()[name]
    rules = cast("Mapping[str, Mapping[str, object]]", kind["members"])
    members = {key: value for key, value in detail.items() if key != "type"}
    if unknown := sorted(members.keys() - rules.keys()):
        raise _invalid(f"has an unknown member: {unknown[0][:60]!r}")
    if missing := sorted({*cast("list[str]", kind["required"])} - members.keys()):
        raise _invalid(f"lacks a member: {missing[0]}")
    for key, value in members.items():
        if not fits(value, rules[key]):
            raise _invalid(f"has a malformed member: {key}")
    return detail


def fits(value: object, rule: Mapping[str, object]) -> bool:
    """Tell whether a value keeps a rule of the types' file, a small part of JSON Schema."""
    return _KINDS[str(rule["type"])](value, rule)


def _fits_string(value: object, rule: Mapping[str, object]) -> bool:
    if not isinstance(value, str):
        return False
    listed = rule.get("enum")
    if isinstance(listed, list):
        return value in listed
    return re.fullmatch(str(rule["pattern"]), value) is not None


def _fits_integer(value: object, rule: Mapping[str, object]) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return cast("int", rule["minimum"]) <= value <= cast("int", rule["maximum"])


def _fits_array(value: object, rule: Mapping[str, object]) -> bool:
    if not isinstance(value, list):
        return False
    if not cast("int", rule.get("minimum", 0)) <= len(value) <= cast("int", rule["maximum"]):
        return False
    inner = cast("Mapping[str, object]", rule["items"])
    return all(fits(item, inner) for item in value)


_KINDS: Mapping[str, Callable[[object, Mapping[str, object]], bool]] = {
    "string": _fits_string,
    "integer": _fits_integer,
    "array": _fits_array,
}


def youngest_sign_in(details: Details) -> int | None:
    """Return how many seconds old the sign-in may be that agrees to these; None for any age."""
    limits = [detail_types()[str(one["type"])].get("max_age_seconds") for one in details]
    return min((limit for limit in limits if isinstance(limit, int)), default=None)


def narrow_details(params: Parameters, client: RelyingParty, found: Authorisation) -> Authorisation:
    """Return an authorisation with those of its details that a token request names (section 6)."""
    wanted = take_typed_details(client, params)
    if not wanted:
        return found
    granted = found.asked.authorization_details
    if any(one not in granted for one in wanted):
        raise _invalid("goes beyond what was granted")
    return replace(found, asked=replace(found.asked, authorization_details=wanted))


def refuse_details(params: Parameters) -> None:
    """Refuse details where nobody can agree to them."""
    if params.all("authorization_details"):
        raise _invalid("needs a person who agrees")


def _invalid(fault: str) -> ProtocolError:
    return ProtocolError("invalid_authorization_details", f"authorization_details {fault}")
