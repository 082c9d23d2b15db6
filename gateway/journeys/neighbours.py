"""The other services as journeys call them: one client of each per process."""

from pathlib import Path

from gateway.settings import GatewaySettings
from shared.clients.notifications import NotificationsClient
from shared.clients.payments import PaymentsClient
from shared.settings import ServiceSettings


class Neighbours:
    """The clients that journeys need."""

    def __init__(self, settings: GatewaySettings) -> None:
        client_id = settings.service_client_id
        self.payments = PaymentsClient(
            settings, client_id, timeout_seconds=settings.payee_check_timeout_seconds
        )
        self.notifications = NotificationsClient(settings, client_id)


_made: dict[tuple[str, Path | None], Neighbours] = {}


def neighbours_of(settings: ServiceSettings) -> Neighbours:
    """Return the clients that belong to the gateway's settings; refuses other settings."""
    if not isinstance(settings, GatewaySettings):
        raise TypeError("journeys run with the gateway's settings")
    key = (settings.public_url, settings.private_key_file)
    if key not in _made:
        _made[key] = Neighbours(settings)
    return _made[key]
