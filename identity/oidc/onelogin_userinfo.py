"""GOV.UK One Login UserInfo and identity: https://docs.sign-in.service.gov.uk/
Implemented: UserInfo with `coreIdentityJWT`, addresses, passport, driving licence, return codes.
Left out: `validFrom` of names and addresses, which our checks do not establish.
By: ourselves on joserfc.
"""  # noqa: D205 - four lines of facts, docs/standards.md is made of them

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from joserfc import jwt
from sqlalchemy import text

from identity.accounts.queries import EMAIL_RECORD
from identity.oidc.authorisations import COLUMNS, Authorisation, authorisation_of
from identity.oidc.consent import shares_claim, short_name
from identity.oidc.did_document import did_of, identity_base
from identity.oidc.errors import ProtocolError, invalid_token
from identity.oidc.onelogin_id_token import trustmark_url
from identity.oidc.onelogin_identity import CORE, RETURN_CODE
from identity.oidc.provider import Call
from identity.oidc.rfc6750_bearer_tokens import take_bearer_token
from identity.oidc.rfc8485_vectors_of_trust import reached_identity, wants_identity
from identity.safe.queries import aad_of
from identity.safe.rules import (
    ADDRESS_SCOPE,
    FAILED,
    GPG45_SCOPE,
    PASSPORT_SCOPE,
    PERMIT_SCOPE,
    Item,
    claims_of,
    outcome_of,
)
from identity.sandbox.faults import find_error, spoil_kid, spoil_token
from shared.crypto import hash_token

_CORE_LIFE = timedelta(minutes=30)
_COUNTRY = "GB"
_QUALIFIED = ", ".join(f"a.{name.strip()}" for name in COLUMNS.split(","))
# Token, account, what the safe holds and how the check went, in one statement.
_FIND = text(
    f"""
    SELECT {_QUALIFIED}, p.email_sealed,
           (SELECT v.failure FROM verification v
             WHERE v.account_id = a.account_id AND v.flow_id = a.flow_id AND v.state = 'failed'
             ORDER BY v.created_at DESC LIMIT 1) AS failure,
           (SELECT coalesce(json_agg(json_build_object(
                     'scope', s.scope, 'sealed', encode(s.sealed, 'base64'))
                     ORDER BY s.is_verified, s.flow_id IS NOT NULL, s.scope), '[]')
              FROM safe_item s
             WHERE s.account_id = a.account_id
               AND (s.flow_id IS NULL OR s.flow_id = a.flow_id)) AS items
      FROM authorisation a JOIN account p ON p.id = a.account_id
     WHERE a.access_token_hash = :hash AND a.access_token_until > :now
       AND a.profile = :profile AND a.revoked_at IS NULL
       AND NOT EXISTS (SELECT FROM revoked_access_token WHERE jti = :jti)
    """
)


@dataclass(frozen=True)
class _Known:
    """What one statement found."""

    authorisation: Authorisation
    email: str
    failure: str
    items: Mapping[str, Item]

    def claims(self, scope: str) -> dict[str, object]:
        item = self.items.get(scope)
        return claims_of(item) if item is not None and outcome_of(item) != FAILED else {}


def answer_trust_userinfo(call: Call, authorization: str | None) -> dict[str, object]:
    """Return what scopes and claims of the request stand for and the person agreed to show.

    Raises:
        ProtocolError: 401 with the challenge of RFC 6750.
    """
    known = _find(call, take_bearer_token(authorization))
    asked, shared = known.authorisation.asked, known.authorisation.shared_scopes
    refuse_if_ordered(asked.faults)
    answer = {"sub": known.authorisation.subject} | _details(call, known)
    members = asked.claims.get("userinfo")
    for name in members if isinstance(members, Mapping) else ():
        short = short_name(name)
        make = _MAKERS.get(short)
        if make is not None and shares_claim(shared, name):
            value = make(call, known)
            if value is not None:
                answer[name] = value
    return answer


def refuse_if_ordered(faults: Collection[str]) -> None:
    """Refuse a good token, where a sandbox client ordered that."""
    error = find_error(faults, "userinfo")
    if error == "invalid_token":
        raise invalid_token("The sandbox was asked to refuse this token")
    if error is not None:
        raise ProtocolError(error, "The sandbox was asked to fail", status=500)


def _find(call: Call, token: str) -> _Known:
    hashed = hash_token(token)
    values = {
        "hash": hashed,
        "jti": hashed.hex(),
        "profile": call.profile.name,
        "now": call.now,
    }
    row = call.session.execute(_FIND, values).mappings().one_or_none()
    if row is None:
        raise invalid_token("The access token is unknown, expired or revoked")
    account_id: UUID = row["account_id"]
    sealer = call.provider.sealer
    email = sealer.open(
        bytes(row["email_sealed"]), f"identity.{EMAIL_RECORD}:{account_id}".encode()
    )
    items: dict[str, Item] = {}
    # Later ones win: first failures, then what is stored, then this flow's successes.
    for one in row["items"]:
        sealed = base64.b64decode(one["sealed"])
        items[one["scope"]] = json.loads(sealer.open(sealed, aad_of(account_id, one["scope"])))
    return _Known(authorisation_of(row), email.decode(), row["failure"] or "", items)


def _details(call: Call, known: _Known) -> dict[str, object]:
    scopes = known.authorisation.scopes
    details: dict[str, object] = {}
    if "email" in scopes:
        details |= {"email": known.email, "email_verified": True}
    if "wallet-subject-id" in scopes:
        details["wallet_subject_id"] = _wallet_subject(call, known.authorisation.account_id)
    return details


def _wallet_subject(call: Call, account_id: UUID) -> str:
    digest = hmac.new(call.keys.salt, b"wallet\0" + account_id.bytes, hashlib.sha256).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return call.provider.settings.onelogin_wallet_prefix + encoded


def _core_identity(call: Call, known: _Known) -> object:
    claims = known.claims(GPG45_SCOPE)
    level = reached_identity(known.authorisation.asked.vtr)
    if not claims or level is None:
        return None
    settings, issued = call.provider.settings, int(call.now.timestamp())
    signer = call.provider.identity_keys.get(call.session, call.now)[0]
    if signer.private is None:
        raise LookupError("the active identity key has no private part")
    payload: dict[str, object] = {
        "sub": known.authorisation.subject,
        "iss": f"{identity_base(settings, call.issuer)}/",
        "aud": known.authorisation.client_id,
        "nbf": issued,
        "iat": issued,
        "exp": issued + int(_CORE_LIFE.total_seconds()),
        "vot": level,
        "vtm": trustmark_url(call.issuer),
        "vc": {
            "type": ["VerifiableCredential", "VerifiableIdentityCredential"],
            "credentialSubject": _subject(claims),
        },
    }
    faults = known.authorisation.asked.faults
    kid = spoil_kid(f"{did_of(settings, call.issuer)}#{signer.kid}", faults, "identity")
    header = {"alg": signer.algorithm, "kid": kid}
    token = jwt.encode(
        header | {"typ": "JWT"}, payload, signer.private, algorithms=[signer.algorithm]
    )
    return spoil_token(token, faults, "identity")


def _subject(claims: Mapping[str, object]) -> dict[str, object]:
    parts = [
        {"type": kind, "value": part}
        for kind, name in (("GivenName", "given_name"), ("FamilyName", "family_name"))
        for part in _name_parts(kind, str(claims[name]))
    ]
    return {"name": [{"nameParts": parts}], "birthDate": [{"value": str(claims["birth_date"])}]}


def _name_parts(kind: str, name: str) -> Sequence[str]:
    """Return given names one by one; a family name of several words is one name."""
    return name.split() if kind == "GivenName" else [name]


def _address(_call: Call, known: _Known) -> object:
    address = known.claims(ADDRESS_SCOPE).get("address")
    if not isinstance(address, Mapping):
        return None
    members: dict[str, object] = {**address, "addressCountry": _COUNTRY}
    uprn = members.pop("uprn", None)
    if isinstance(uprn, str) and uprn.isdigit():
        members["uprn"] = int(uprn)
    return [members]


def _document(scope: str) -> Callable[[Call, _Known], object]:
    def make(_call: Call, known: _Known) -> object:
        claims = known.claims(scope)
        return [claims] if claims else None

    return make


def _return_code(call: Call, known: _Known) -> object:
    asked = known.authorisation.asked
    if not wants_identity(asked.vtr) or _has_identity(known):
        return None
    codes = call.provider.settings.onelogin_return_codes
    if reached_identity(asked.vtr) is None:
        reason = "level_not_offered"
    elif known.claims(GPG45_SCOPE):
        reason = "not_shared"
    else:
        reason = known.failure or "not_confirmed"
    return [{"code": codes.get(reason, codes["not_confirmed"])}]


def _has_identity(known: _Known) -> bool:
    """Tell whether this client is shown a proved identity."""
    asked = known.authorisation.asked
    given = bool(known.claims(GPG45_SCOPE)) and reached_identity(asked.vtr) is not None
    return given and not asked.identity_given_up


_MAKERS: Mapping[str, Callable[[Call, _Known], object]] = {
    CORE: _core_identity,
    "address": _address,
    "passport": _document(PASSPORT_SCOPE),
    "drivingPermit": _document(PERMIT_SCOPE),
    RETURN_CODE: _return_code,
}
