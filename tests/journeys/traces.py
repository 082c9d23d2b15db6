"""Where a story has left its correlation id."""

import time

from tests.support.platform import Platform

PROCESSES = (
    *("gateway-web", "gateway-worker", "identity-web", "identity-worker"),
    *("payments-web", "payments-worker", "notifications-web", "notifications-worker"),
    *("envoy", "simulators"),
)
_PATIENCE_SECONDS = 20  # Envoy writes its log every few seconds
SERVICES = ("gateway", "identity", "payments", "notifications")


def silent_processes(platform: Platform, story: str) -> list[str]:
    """Return the processes whose log does not name the story, not even after some seconds."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while silent := [name for name in PROCESSES if story not in platform.log(name)]:
        if time.monotonic() > end:
            break
        time.sleep(0.5)
    return silent


def audited_actions(platform: Platform, story: str) -> dict[str, list[str]]:
    """Return what each service's audit trail tells of the story, in its order."""
    return {
        service: [
            str(row[0])
            for row in platform.rows(
                f"SELECT action FROM {service}.audit_event WHERE correlation_id = %s ORDER BY id",
                story,
            )
        ]
        for service in SERVICES
    }
