"""The document-check company, over its HTTP interface with signed results."""

from datetime import UTC, date, datetime
from typing import Annotated

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from identity.verification.gpg45 import CheckDetail, ContraIndicator, IdentityCheck
from identity.verification.provider import (
    CheckResult,
    Claimed,
    ProviderResultError,
    ProviderUnavailableError,
    StartedCheck,
)
from shared.http import make_http
from shared.tokens import KeySource

AUDIENCE = "clachan-identity"
_TIMEOUT_SECONDS = 8.0
_LEEWAY_SECONDS = 30
_Score = Annotated[int, Field(ge=0, le=4)]


class _Shape(BaseModel):
    # What is wrong with a result is logged; whose result it is must not be.
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        hide_input_in_errors=True,
    )


class _Detail(_Shape):
    check_method: str = ""
    biometric_verification_process_level: int | None = Field(None, ge=2, le=3)
    fraud_check: str = ""
    data_check: str = ""


class _Indicator(_Shape):
    code: str
    mitigated: bool = False


class _Document(_Shape):
    """What stands in a passport or a driving licence, in the words of the One Login vocabulary."""

    document_number: str | None = Field(None, min_length=1, max_length=20)
    icao_issuer_code: str | None = Field(None, pattern=r"^[A-Z]{1,3}$")
    personal_number: str | None = Field(None, min_length=1, max_length=20)
    issue_number: str | None = Field(None, min_length=1, max_length=4)
    issued_by: str | None = Field(None, min_length=1, max_length=30)


class _Check(_Shape):
    type: str
    txn: str
    strength_score: _Score | None = None
    validity_score: _Score | None = None
    verification_score: _Score | None = None
    activity_history_score: _Score | None = None
    identity_fraud_score: _Score | None = None
    check_details: list[_Detail] = []
    failed_check_details: list[_Detail] = []
    ci: list[_Indicator] = []
    document_expires: date | None = None
    document: _Document | None = None


class _Address(_Shape):
    """The limits are those of the claims token."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", str_min_length=1
    )

    uprn: str | None = Field(None, pattern=r"^[0-9]{1,12}$")
    organisation_name: str | None = Field(None, max_length=60)
    department_name: str | None = Field(None, max_length=60)
    sub_building_name: str | None = Field(None, max_length=60)
    building_number: str | None = Field(None, pattern=r"^[0-9]{1,4}$")
    building_name: str | None = Field(None, max_length=50)
    dependent_street_name: str | None = Field(None, max_length=80)
    street_name: str | None = Field(None, max_length=80)
    double_dependent_address_locality: str | None = Field(None, max_length=35)
    dependent_address_locality: str | None = Field(None, max_length=35)
    address_locality: str | None = Field(None, max_length=30)
    postal_code: str | None = Field(None, max_length=8)


class _Person(_Shape):
    given_name: str
    family_name: str
    birth_date: date


class _Result(_Shape):
    sub: str
    iat: int
    person: _Person
    address: _Address | None = None
    identity_checks: list[_Check]


class HttpDocumentCheck:
    """Speaks to the provider at one address with one bearer key."""

    name = "document_check"

    def __init__(self, url: str, key: str, http: httpx.Client | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"}
        self._http = http or make_http(_TIMEOUT_SECONDS)
        self._keys = KeySource(f"{self._url}/jwks.json", self._http)

    def start(self, claimed: Claimed, *, idempotency_key: str, return_url: str) -> StartedCheck:
        """Begin a check; the same key begins one check only.

        Raises:
            ProviderUnavailableError: no answer, or any answer but success.
        """
        body: dict[str, object] = {
            "person": {
                "givenName": claimed.given_name,
                "familyName": claimed.family_name,
                "birthDate": claimed.birth_date.isoformat(),
                "addressLines": list(claimed.address_lines),
                "postcode": claimed.postcode,
            },
            "document": claimed.document,
            "returnUrl": return_url,
        }
        answer = self._ask("POST", "/checks", body=body, key=idempotency_key).json()
        return StartedCheck(str(answer["id"]), str(answer["capture_url"]))

    def collect(self, reference: str) -> CheckResult | None:
        """Return the signed result, None while the person or the provider is not done.

        Raises:
            ProviderUnavailableError: no answer, or an error.
            ProviderResultError: the result's signature, audience, subject or shape is wrong.
        """
        state = self._ask("GET", f"/checks/{reference}").json()
        if state.get("status") != "complete":
            return None
        token = self._ask("GET", f"/checks/{reference}/result").text
        return self._read(token, reference)

    def _ask(
        self, method: str, path: str, *, body: dict[str, object] | None = None, key: str = ""
    ) -> httpx.Response:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        try:
            answer = self._http.request(method, self._url + path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise ProviderUnavailableError(type(error).__name__) from error
        if not answer.is_success:
            raise ProviderUnavailableError(f"answered {answer.status_code}")
        return answer

    def _read(self, token: str, reference: str) -> CheckResult:
        try:
            claims = jwt.decode(token.strip(), self._key_of, algorithms=["ES256"]).claims
            jwt.JWTClaimsRegistry(
                leeway=_LEEWAY_SECONDS,
                iss={"essential": True, "value": self._url},
                aud={"essential": True, "value": AUDIENCE},
                sub={"essential": True, "value": reference},
                exp={"essential": True},
            ).validate(claims)
            result = _Result.model_validate(claims)
        except httpx.HTTPError as error:
            raise ProviderUnavailableError(type(error).__name__) from error
        except (JoseError, LookupError, ValidationError, ValueError) as error:
            raise ProviderResultError(str(error)) from error
        address = result.address
        return CheckResult(
            reference=result.sub,
            given_name=result.person.given_name,
            family_name=result.person.family_name,
            birth_date=result.person.birth_date,
            address=address.model_dump(by_alias=True, exclude_none=True) if address else None,
            checks=tuple(_check(check, result.iat) for check in result.identity_checks),
            documents={
                check.type: _document(check) for check in result.identity_checks if check.document
            },
        )

    def _key_of(self, guest: GuestProtocol) -> Key:
        key = self._keys.find(str(guest.headers().get("kid", "")))
        if key is None:
            raise LookupError("signed with a key that the provider does not publish")
        return key


def _check(check: _Check, issued: int) -> IdentityCheck:
    return IdentityCheck(
        type=check.type,
        txn=check.txn,
        issued_at=datetime.fromtimestamp(issued, UTC),
        strength=check.strength_score,
        validity=check.validity_score,
        verification=check.verification_score,
        activity=check.activity_history_score,
        fraud=check.identity_fraud_score,
        details=tuple(_detail(detail) for detail in check.check_details),
        failed=tuple(_detail(detail) for detail in check.failed_check_details),
        contra_indicators=tuple(ContraIndicator(ci.code, ci.mitigated) for ci in check.ci),
        document_expires=check.document_expires,
    )


def _document(check: _Check) -> dict[str, str]:
    read = check.document.model_dump(by_alias=True, exclude_none=True) if check.document else {}
    expires = check.document_expires
    return read | ({"expiryDate": expires.isoformat()} if expires else {})


def _detail(detail: _Detail) -> CheckDetail:
    return CheckDetail(
        check_method=detail.check_method,
        biometric_level=detail.biometric_verification_process_level,
        fraud_check=detail.fraud_check,
        data_check=detail.data_check,
    )
