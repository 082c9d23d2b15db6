"""Confirmation of Payee over HTTP in the shape of the UK scheme (payments contract 5.1)."""

import json
from functools import lru_cache
from pathlib import Path

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, Key
from pydantic import BaseModel, Field, ValidationError

from payments.payees.provider import NameAnswer, NameQuestion, NoAnswerError
from shared.http import make_http
from shared.logs import get_logger
from shared.tokens import load_private_key

_ATTEMPTS = 2
_MAXIMUM_RULE = 200


class _Report(BaseModel):
    matched: bool = Field(alias="Matched")
    reason_code: str | None = Field(None, alias="ReasonCode")
    name: str | None = Field(None, alias="Name")


class _Data(BaseModel):
    report: _Report = Field(alias="VerificationReport")


class _Meta(BaseModel):
    rule: str = Field("", alias="Rule")


class _Answer(BaseModel):
    data: _Data = Field(alias="Data")
    meta: _Meta = Field(default_factory=_Meta, alias="Meta")


class OpenBankingNames:
    """Asks a responder over HTTP; one time-out or server error is tried again, once."""

    def __init__(
        self,
        address: str,
        *,
        timeout_seconds: float,
        financial_id: str,
        token: str = "",
        private_key_file: Path | None = None,
        http: httpx.Client | None = None,
    ) -> None:
        self._address = address
        self._http = http or make_http(timeout_seconds)
        self._headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
            "x-fapi-financial-id": financial_id,
        }
        self._key = load_private_key(private_key_file) if private_key_file else None

    def verify(self, question: NameQuestion) -> NameAnswer:
        """Return the responder's answer; see ``PayeeNames.verify``."""
        body = json.dumps({"Data": _data(question)}).encode()
        headers = self._headers | {"x-fapi-interaction-id": question.interaction_id}
        if self._key is not None:
            headers["x-jws-signature"] = _detached_signature(body, self._key)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._http.post(self._address, content=body, headers=headers)
            except httpx.HTTPError as error:
                reason = type(error).__name__
            else:
                reason = f"status {answer.status_code}"
                if not answer.is_server_error:
                    return self._read(answer, question)
            get_logger().warning("payee_names.no_answer", attempt=attempt, reason=reason)
        raise NoAnswerError(reason)

    def _read(self, answer: httpx.Response, question: NameQuestion) -> NameAnswer:
        if answer.status_code != httpx.codes.OK:
            get_logger().error("payee_names.refused", status=answer.status_code)
            raise NoAnswerError(f"status {answer.status_code}")
        if answer.headers.get("x-fapi-interaction-id") != question.interaction_id:
            raise NoAnswerError("the answer belongs to another question")
        try:
            read = _Answer.model_validate_json(answer.content)
        except ValidationError as error:
            raise NoAnswerError("the answer has another shape") from error
        report = read.data.report
        rule = read.meta.rule[:_MAXIMUM_RULE]
        return NameAnswer(report.matched, report.reason_code, report.name, rule)


def _data(question: NameQuestion) -> dict[str, str]:
    data = {
        "SchemeName": "SortCodeAccountNumber",
        "AccountType": question.account_type.capitalize(),
        "Identification": question.identification,
        "Name": question.name,
    }
    return data | ({"SecondaryIdentification": question.secondary} if question.secondary else {})


def _detached_signature(body: bytes, key: Key) -> str:
    """Return a detached JWS over the body (RFC 7515, appendix F)."""
    algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
    whole = jws.serialize_compact({"alg": algorithm, "kid": key.kid}, body, key)
    head, _, signature = whole.split(".")
    return f"{head}..{signature}"


@lru_cache(maxsize=4)
def open_names(
    address: str,
    timeout_seconds: float,
    financial_id: str,
    token: str,
    private_key_file: Path | None,
) -> OpenBankingNames:
    """Return the one client of a responder, so that its connections are used again."""
    return OpenBankingNames(
        address,
        timeout_seconds=timeout_seconds,
        financial_id=financial_id,
        token=token,
        private_key_file=private_key_file,
    )
