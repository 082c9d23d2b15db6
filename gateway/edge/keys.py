"""The issuer's keys for the edge: fetched by us, kept on disk, pushed to Envoy as a file.

Envoy never fetches keys itself, so a failed fetch changes nothing and never turns into a 401.
"""

import json
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from gateway.edge.files import write_files
from gateway.edge.policy import ROUTES, SERVICES, Edge, Issuer, Upstream
from gateway.settings import GatewaySettings
from shared.http import make_http
from shared.logs import get_logger

_EVERY_SECONDS = 30.0
_UNTIL_FIRST_SECONDS = 1.0


def keys_file(settings: GatewaySettings) -> Path:
    """Return where the last good key set is kept."""
    return settings.envoy_dir / "platform.jwks"


def make_edge(settings: GatewaySettings) -> Edge:
    """Return the edge's policy with the keys that are on disk."""
    ports = {
        "identity": settings.identity_port,
        "payments": settings.payments_port,
        "notifications": settings.notifications_port,
        "gateway": settings.gateway_web_port,
    }
    kept = keys_file(settings)
    collector = urlsplit(settings.otlp_endpoint or "")
    return Edge(
        listen_host=settings.public_host,
        listen_port=settings.public_port,
        admin_port=settings.envoy_admin_port,
        upstreams=tuple(Upstream(name, settings.host, ports[name]) for name in SERVICES),
        routes=ROUTES,
        issuer=Issuer(
            issuer=f"{settings.public_url}/identity/oidc",
            audience=settings.public_url,
            jwks=kept.read_text() if kept.exists() else None,
        ),
        requests_per_second=settings.edge_requests_per_second,
        otlp_host=collector.hostname,
        otlp_port=collector.port or 4318,
        govstack_port=settings.govstack_port,
    )


def refresh_keys(settings: GatewaySettings, http: httpx.Client) -> bool:
    """Fetch the issuer's keys and push them when they changed; tells whether keys are in place."""
    address = f"http://{settings.host}:{settings.identity_port}/identity/oidc/jwks.json"
    log = get_logger()
    try:
        answer = http.get(address).raise_for_status().json()
        _check_usable(answer)
    except (httpx.HTTPError, ValueError, JoseError) as error:
        log.warning("edge.keys_not_fetched", reason=type(error).__name__)
        return keys_file(settings).exists()
    fresh = json.dumps(answer, sort_keys=True)
    kept = keys_file(settings)
    if not kept.exists() or kept.read_text() != fresh:
        settings.envoy_dir.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(".new")
        new.write_text(fresh)
        new.rename(kept)
    changed = write_files(make_edge(settings), settings.envoy_dir)
    if changed:
        log.info("edge.files_written", files=changed)
    return True


def _check_usable(jwks: KeySetSerialization) -> None:
    if not KeySet.import_key_set(jwks).keys:
        raise ValueError("an empty key set")


class KeyKeeper:
    """A thread of the gateway's worker that keeps the edge's keys fresh."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._http = make_http(5.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="edge-keys", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop.set()

    def _loop(self) -> None:
        wait = 0.0
        while not self._stop.wait(wait):
            there = refresh_keys(self._settings, self._http)
            wait = _EVERY_SECONDS if there else _UNTIL_FIRST_SECONDS
