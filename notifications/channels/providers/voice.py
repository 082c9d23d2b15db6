"""Calls that read words aloud, by a small HTTP interface.

``POST /calls`` with number, language and words, the same ``Idempotency-Key`` calling once;
``GET /calls/{id}`` tells how it went.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from notifications.channels.provider import Arrival, Delivery, Receipt, Result, Spoken
from shared.http import make_http

_BUSY = 429
_SERVER = 500
_ARRIVALS: Mapping[str, Arrival] = {
    "completed": Arrival.ARRIVED,
    "busy": Arrival.MISSED,
    "no-answer": Arrival.MISSED,
    "unreachable": Arrival.IMPOSSIBLE,
}
_AT_MOST = 50


@dataclass(frozen=True)
class VoiceProvider:
    """Has a number called, and asks later whether somebody listened."""

    url: str
    key: str = field(repr=False)
    caller: str
    timeout_seconds: float = 10.0

    def send(self, spoken: Spoken) -> Receipt:
        """Try once; asked again for the same message the provider does not call again."""
        body = {
            "from": self.caller,
            "to": spoken.recipient,
            "language": spoken.language,
            "say": spoken.words,
        }
        try:
            with make_http(self.timeout_seconds, base_url=self.url) as http:
                answer = http.post(
                    "/calls",
                    json=body,
                    headers=self._headers() | {"Idempotency-Key": str(spoken.message_id)},
                )
        except httpx.TransportError as error:
            return Receipt(Result.DEFERRED, type(error).__name__)
        code = f"http {answer.status_code}"
        if answer.is_success:
            return Receipt(Result.ACCEPTED, code, _text(answer, "id"))
        if answer.status_code == _BUSY or answer.status_code >= _SERVER:
            return Receipt(Result.DEFERRED, code)
        return Receipt(Result.REFUSED, code)

    def collect(self, waiting: Sequence[str], keep: Callable[[Delivery], None]) -> None:
        """Ask for each call that has no end yet."""
        try:
            with make_http(self.timeout_seconds, base_url=self.url) as http:
                for reference in waiting[:_AT_MOST]:
                    answer = http.get(f"/calls/{reference}", headers=self._headers())
                    status = _text(answer, "status") if answer.is_success else ""
                    if status in _ARRIVALS:
                        keep(Delivery(reference, _ARRIVALS[status], status))
        except httpx.TransportError:
            # Away: the receipts are asked for again at the next turn.
            return

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def _text(answer: httpx.Response, name: str) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get(name, "")) if isinstance(body, dict) else ""
