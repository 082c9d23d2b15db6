"""The gateway, as the other services call it."""

from collections.abc import Mapping

from shared.clients.base import ServiceClient
from shared.settings import ServiceSettings


class GatewayClient(ServiceClient):
    """Tells the gateway what became of the cases that citizens follow.

    Every method raises ``Problem`` when it refuses and ``ServiceUnavailableError`` when it does not
    answer; the calls are idempotent, so both may be tried again.
    """

    def __init__(
        self, settings: ServiceSettings, client_id: str, *, timeout_seconds: float = 10.0
    ) -> None:
        super().__init__("gateway", settings, client_id, timeout_seconds=timeout_seconds)

    def send_event(
        self, *, event_id: str, event_type: str, occurred_at: str, data: Mapping[str, object]
    ) -> None:
        """Tell that something happened; the same id again changes nothing there."""
        self.call(
            "POST",
            "/events",
            "events.write",
            body={"id": event_id, "type": event_type, "occurred_at": occurred_at, "data": data},
            idempotency_key=event_id,
        )
