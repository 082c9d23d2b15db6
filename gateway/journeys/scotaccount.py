"""The relying party's half of verified attributes: fetch, check, take over (ScotAccount, 1.9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key

from gateway.journeys.definition.service import Service
from gateway.journeys.dossier import Answer
from gateway.journeys.route import verified_by
from shared.errors import Problem
from shared.http import make_http
from shared.logs import get_logger
from shared.tokens import KeySource, sign_assertion

_GOOD = frozenset({"VERIFIED_SUCCESSFULLY", "VERIFIED_WITH_WARNINGS"})
_NOTHING_SHARED = frozenset({403, 404})
Item = Mapping[str, object]


@dataclass(frozen=True)
class Verified:
    """What came of a verification: the facts, and ``verified``, ``incomplete`` or ``failed``."""

    answers: dict[str, Answer]
    outcome: str


class AttributeSource:
    """Fetches the claims token of the person who has just agreed to share."""

    def __init__(
        self, *, url: str, issuer: str, client_id: str, key: Key, http: httpx.Client | None = None
    ) -> None:
        self._url = url
        self._client_id = client_id
        self._key = key
        self._http = http or make_http(10.0)
        self._keys = KeySource(f"{issuer}/jwks.json", self._http)

    def fetch(self, access_token: str, subject: str) -> list[Item]:
        """Return the items of the claims token; none when the person shares nothing.

        Raises:
            Problem: no answer (503), or a token that is not the issuer's or not this person's.
        """
        headers = {
            "Authorization": f"Bearer {access_token}",
            "DIS-Client-Assertion": sign_assertion(self._key, self._client_id, self._url),
        }
        try:
            answer = self._http.get(self._url, headers=headers)
        except httpx.HTTPError as error:
            raise _unavailable() from error
        if answer.status_code in _NOTHING_SHARED:
            return []
        if answer.status_code != httpx.codes.OK:
            get_logger().warning("attributes.refused", status=answer.status_code)
            raise _unavailable()
        return self._check(answer, subject)

    def _check(self, answer: httpx.Response, subject: str) -> list[Item]:
        def key_of(guest: GuestProtocol) -> Key:
            key = self._keys.find(str(guest.headers().get("kid", "")))
            if key is None:
                raise LookupError("unknown signing key")
            return key

        try:
            token = str(answer.json()["claimsToken"])
            claims = jwt.decode(token, key_of, algorithms=["RS256", "ES256"]).claims
        except (JoseError, ValueError, LookupError, TypeError, httpx.HTTPError) as error:
            raise _untrusted() from error
        items = claims.get("verified_claims")
        if claims.get("sub") != subject or not isinstance(items, list):
            raise _untrusted()
        return [item for item in items if isinstance(item, dict)]


def take_over(service: Service, scopes: tuple[str, ...], items: list[Item]) -> Verified:
    """Return the service's attributes out of verified items, each with its provenance.

    What is missing or malformed is left out; ``incomplete`` says that something is.
    """
    by_scope = {str(item.get("scope")): item for item in items}
    answers: dict[str, Answer] = {}
    names = verified_by(service, scopes)
    for name in names:
        attribute = service.attribute(name)
        item = by_scope.get(attribute.verified.scope) if attribute.verified else None
        if attribute.verified is None or item is None:
            continue
        value = _value(attribute.type, item, attribute.verified.claim)
        if value is not None:
            answers[name] = _answer(item, value)
    if len(answers) == len(names):
        return Verified(answers, "verified")
    outcomes = {_part(item, "verification").get("outcome") for item in items}
    return Verified(answers, "failed" if "VERIFICATION_FAILED" in outcomes else "incomplete")


def _value(kind: str, item: Item, claim: str) -> object:
    verification = _part(item, "verification")
    if verification.get("outcome") not in _GOOD or not _is_moment(verification.get("time")):
        return None
    found = _part(item, "claims").get(claim)
    if kind == "address":
        if not isinstance(found, Mapping):
            return None
        return {str(name): part for name, part in found.items() if isinstance(part, str)}
    if not isinstance(found, str) or not found:
        return None
    return found if kind != "date" or _is_date(found) else None


def _is_date(found: str) -> bool:
    try:
        return date.fromisoformat(found).isoformat() == found
    except ValueError:
        return False


def _is_moment(found: object) -> bool:
    try:
        return datetime.fromisoformat(str(found)).tzinfo is not None
    except ValueError:
        return False


def _answer(item: Item, value: object) -> Answer:
    verification = _part(item, "verification")
    return Answer(
        value,
        "verified",
        datetime.fromisoformat(str(verification.get("time"))).isoformat(),
        issuer=str(_part(verification, "verifier").get("organization", "")),
        confidence=str(verification.get("confidence_level", "")),
    )


def _part(item: Item, name: str) -> Mapping[str, object]:
    part = item.get(name)
    return part if isinstance(part, Mapping) else {}


def _unavailable() -> Problem:
    return Problem(
        "attributes_unavailable",
        "We could not get your verified details",
        detail="Your answers are kept. Try again in a few minutes.",
        status=503,
    )


def _untrusted() -> Problem:
    return Problem(
        "attributes_untrusted",
        "We could not use your verified details",
        detail="Your answers are kept. Try again, and contact us if it happens again.",
        status=502,
    )
