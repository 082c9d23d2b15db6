"""One trace from the request through the outbox to the worker, sent to a collector that listens."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A process of its own, because a tracer provider is set once per process and never again.
PROGRAM = """
import sys
from types import SimpleNamespace
import httpx
from opentelemetry import trace
from sqlalchemy import text
from shared import outbox, tracing
from shared.db import Database, make_engine
from shared.http import _tell_story

settings = SimpleNamespace(otlp_endpoint=sys.argv[2])
tracing.configure("gateway", settings)
database = Database(make_engine(sys.argv[1]))
seen = {}

def work(job):
    seen["worker"] = trace.get_current_span().get_span_context().trace_id

with tracing.in_span("request", None) as span:
    seen["request"] = span.get_span_context().trace_id
    call = httpx.Request("GET", "http://localhost/")
    _tell_story(call)
    seen["call"] = int(call.headers["traceparent"].split("-")[1], 16)
    with database.transaction() as session:
        job_id = outbox.enqueue(session, "gateway.test.traced", {})
with outbox.only_handlers(gateway__test__traced=work):
    outbox.run(database, settings, job_id, "gateway.test.traced")
trace.get_tracer_provider().force_flush()
print(len(set(seen.values())), len(seen))
"""


class Collector(http.server.BaseHTTPRequestHandler):
    received: list[bytes]

    def do_POST(self) -> None:
        self.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/traces"
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    received: list[bytes] = []
    handler = type("Handler", (Collector,), {"received": received})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()


def test_one_trace_from_request_to_worker(
    gateway_database: object, gateway_url: str, collector: tuple[str, list[bytes]]
) -> None:
    address, received = collector
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, gateway_url, address],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip().splitlines()[-1:] == ["1 3"], done.stderr
    sent = b"".join(received)
    assert b"work gateway.test.traced" in sent
    assert b"clachan.correlation_id" in sent
