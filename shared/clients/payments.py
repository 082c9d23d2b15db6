"""The payments service, as the other services call it."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from shared.clients.base import ServiceClient, ServiceUnavailableError
from shared.errors import FieldError, Problem
from shared.settings import ServiceSettings

# The service asks the scheme twice with a time-out of its own before it says "unable to check".
_CHECK_TIMEOUT_SECONDS = 12.0


@dataclass(frozen=True)
class CheckedPayee:
    """What Confirmation of Payee said about a name and an account."""

    check_id: str
    outcome: str
    reason_code: str
    matched_name: str
    explanation: str


@dataclass(frozen=True)
class Payment:
    """A payment that the service has taken over."""

    payment_id: str
    state: str


class PaymentsClient(ServiceClient):
    """Calls the payments service.

    Every method raises ``Problem`` when it refuses and ``ServiceUnavailableError`` when it does not
    answer. Asking for a payment is idempotent under its key, checks may be repeated.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        client_id: str,
        *,
        timeout_seconds: float = _CHECK_TIMEOUT_SECONDS,
    ) -> None:
        super().__init__("payments", settings, client_id, timeout_seconds=timeout_seconds)

    def check_payee(self, *, organisation: str, details: Mapping[str, str]) -> CheckedPayee:
        """Check that a name belongs to an account; refuses malformed details with their fields."""
        answer = self._ask_scheme({"organisation": organisation, **details})
        return CheckedPayee(
            check_id=str(answer["check_id"]),
            outcome=str(answer["outcome"]),
            reason_code=str(answer.get("reason_code") or ""),
            matched_name=str(answer.get("matched_name") or ""),
            explanation=str(answer.get("explanation") or ""),
        )

    def _ask_scheme(self, body: Mapping[str, str]) -> dict[str, object]:
        """Call the check; unlike other calls its refusal names the fields, for a person's form."""
        headers = {"Authorization": f"Bearer {self._tokens.get('payees.check')}"}
        try:
            answer = self._http.post(
                f"{self._base}/confirmation-of-payee", json=dict(body), headers=headers
            )
        except httpx.HTTPError as error:
            raise ServiceUnavailableError("payments") from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
            raise ServiceUnavailableError(f"payments answered {answer.status_code}")
        content = dict(answer.json()) if answer.content else {}
        if answer.is_error:
            faults = content.get("fields") or []
            raise Problem(
                str(content.get("code", "refused")),
                str(content.get("title", "The check was refused")),
                status=answer.status_code,
                fields=tuple(FieldError(str(f["field"]), str(f["message"])) for f in faults),
            )
        return content

    def make_payment(
        self,
        *,
        organisation: str,
        programme: str,
        subject: str,
        payee: Mapping[str, str],
        check_id: str,
        amount_pence: int,
        reference: str,
        case_reference: str,
        idempotency_key: str,
    ) -> Payment:
        """Ask for one payment in pounds; the same key asks for it once."""
        answer = self.call(
            "POST",
            "/payments",
            "payments.write",
            body={
                "organisation": organisation,
                "programme": programme,
                "subject": subject,
                "payee": dict(payee),
                "check_id": check_id,
                "amount_pence": amount_pence,
                "currency": "GBP",
                "reference": reference,
                "case_reference": case_reference,
            },
            idempotency_key=idempotency_key,
        )
        return Payment(str(answer["payment_id"]), str(answer["state"]))
