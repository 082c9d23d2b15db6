"""Health and metrics of a worker, on a small port of its own."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.db import Database
from shared.relay import Relay
from shared.settings import ServiceSettings

_STUCK_SECONDS = 60.0
_OUTBOX = text(
    """
    SELECT count(*) FILTER (WHERE done_at IS NULL AND dead_at IS NULL) AS waiting,
           count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead,
           coalesce(extract(epoch FROM clock_timestamp() - min(due_at) FILTER (
             WHERE done_at IS NULL AND dead_at IS NULL AND due_at <= clock_timestamp())), 0)
             AS oldest_seconds
      FROM outbox WHERE done_at IS NULL
    """
)
_WAITING = Gauge("clachan_outbox_waiting", "Work that is written down and not done", ["service"])
_DEAD = Gauge("clachan_outbox_dead", "Work that failed for good and needs a person", ["service"])
_OLDEST = Gauge("clachan_outbox_oldest_seconds", "Age of the oldest due work", ["service"])


class WorkerHealth:
    """Answers ``/health/live``, ``/health/ready`` and ``/metrics``; everything else is 404.

    Live means that the relay's loop turns; ready means that the database answers as well.
    """

    def __init__(
        self, service: str, settings: ServiceSettings, database: Database, relay: Relay
    ) -> None:
        self._service = service
        self._database = database
        self._relay = relay
        self._server: ThreadingHTTPServer | None = None
        self._place = (settings.host, settings.worker_port)

    def start(self) -> None:
        """Start to answer; does nothing when the settings give no port."""
        if not self._place[1]:
            return
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = health.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep probes out of the log."""

        self._server = ThreadingHTTPServer(self._place, Handler)
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Stop answering."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and body for a path."""
        if path == "/health/live":
            turns = self._relay.idle_seconds < _STUCK_SECONDS
            return (200 if turns else 503), "text/plain", b"live\n" if turns else b"stuck\n"
        if path == "/health/ready":
            state = self._state()
            ready = all(word == "ok" for word in state.values())
            return (200 if ready else 503), "application/json", json.dumps(state).encode()
        if path == "/metrics":
            self._measure()
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        return 404, "text/plain", b"not found\n"

    def _state(self) -> dict[str, str]:
        relay = "ok" if self._relay.idle_seconds < _STUCK_SECONDS else "stuck"
        try:
            self._database.is_ready()
        except SQLAlchemyError as error:
            return {"relay": relay, "database": type(error).__name__}
        return {"relay": relay, "database": "ok"}

    def _measure(self) -> None:
        with self._database.transaction() as session:
            row = session.execute(_OUTBOX).one()
        _WAITING.labels(self._service).set(row.waiting)
        _DEAD.labels(self._service).set(row.dead)
        _OLDEST.labels(self._service).set(float(row.oldest_seconds))
