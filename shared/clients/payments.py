"""The payments service, as the other services call it."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.clients.base import ServiceClient
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
        body = {"organisation": organisation, **details}
        answer = self.call("POST", "/confirmation-of-payee", "payees.check", body=body)
        return CheckedPayee(
            check_id=str(answer["check_id"]),
            outcome=str(answer["outcome"]),
            reason_code=str(answer.get("reason_code") or ""),
            matched_name=str(answer.get("matched_name") or ""),
            explanation=str(answer.get("explanation") or ""),
        )

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
        replaces: str = "",
    ) -> Payment:
        """Ask for one payment in pounds; the same key asks for it once.

        ``replaces`` names a payment that came back, of the same amount, which this one is instead
        of.
        """
        answer = self.call(
            "POST",
            "/payments",
            "payments.write",
            body=({"replaces": replaces} if replaces else {})
            | {
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
