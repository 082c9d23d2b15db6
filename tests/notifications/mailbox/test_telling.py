from uuid import UUID

import pytest

from notifications.mailbox import tasks
from shared.clients.base import ServiceUnavailableError
from shared.clients.gateway import GatewayClient
from tests.notifications.conftest import Deliver, Service


class _Gateway(GatewayClient):
    """A gateway that is away the first time and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, dict[str, object]]] = []
        self.is_away = True

    def send_event(  # type: ignore[override]  # a double with what it needs only
        self, *, event_id: str, event_type: str, occurred_at: str, data: dict[str, object]
    ) -> None:
        if self.is_away:
            self.is_away = False
            raise ServiceUnavailableError("gateway")
        self.told.append((event_id, event_type, occurred_at, data))


def test_the_gateway_is_told_of_the_first_opening(
    service: Service, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = _Gateway()
    monkeypatch.setattr(tasks, "gateway_of", lambda _settings: gateway)
    message_id = deliver(tell_opened=True)
    service.sign_in("sub-morag")
    for _ in range(2):
        service.client.get(f"/notifications/mailbox/{message_id}")
    service.work()
    assert gateway.told == []
    service.work()
    ((event_id, event_type, occurred_at, data),) = gateway.told
    assert UUID(event_id)
    assert event_type == "notifications.mailbox.opened"
    assert occurred_at.endswith("+00:00")
    assert data == {"message_id": str(message_id), "case_reference": "SWH-7K3M-9QPX"}
