"""The table of processes of the whole platform.

Compose and Kubernetes run the same names with the same commands.
"""

import signal
import sys
from pathlib import Path

from deploy.database.names import SERVICES
from deploy.local.environment import (
    Installation,
    base_environment,
    glenmore_environment,
    service_environment,
    simulators_environment,
)
from deploy.local.first_steps import ROLES_FILE, make_steps
from deploy.local.home import ROOT, write_json, write_private
from deploy.local.plan import Plan, Process
from deploy.local.postgres import Postgres
from deploy.local.probes import http, redis, tcp
from deploy.local.programs import ProgramMissingError, find_envoy, find_node, find_valkey

_PYTHON = (sys.executable, "-m")
_VALKEY_FILE = "valkey.conf"
_FRONT_PATHS = ("/", "/identity/oidc/.well-known/openid-configuration")


def make_plan(place: Installation) -> Plan:
    """Return everything to run; ``prepare_files`` must have been called once before.

    Raises:
        PostgresError, ProgramMissingError: a program is missing.
    """
    stores = [*_postgres(place), *_valkey(place)]
    store_names = tuple(process.name for process in stores)
    return Plan(
        processes=(
            *stores,
            _simulators(place),
            _envoy(place),
            *(part for service in SERVICES for part in _service(service, place, store_names)),
            _glenmore(place),
        ),
        steps=make_steps(place, store_names),
        front_port=place.ports["PUBLIC"],
        front_paths=_FRONT_PATHS,
    )


def prepare_files(place: Installation) -> None:
    """Write what programs start from: the database's folder, the broker's and roles' settings.

    Raises:
        PostgresError: ``initdb`` refused.
    """
    if not place.environ.get("CLACHAN_DATABASE_URL"):
        _server(place).initialise()
    settings = {
        "port": str(place.ports["VALKEY"]),
        "bind": "127.0.0.1",
        "requirepass": place.credentials["valkey"],
        "dir": f'"{place.home.valkey}"',
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory": "128mb",
        "maxmemory-policy": "noeviction",
    }
    lines = "".join(f"{name} {value}\n" for name, value in settings.items())
    write_private(place.home.valkey / _VALKEY_FILE, lines)
    write_json(place.home.run / ROLES_FILE, dict(place.credentials.role_passwords()))


def _server(place: Installation) -> Postgres:
    return Postgres(place.home.postgres, place.ports["POSTGRES"], place.credentials["postgres"])


def _postgres(place: Installation) -> list[Process]:
    if place.environ.get("CLACHAN_DATABASE_URL"):
        return []
    server = _server(place)
    return [
        Process(
            name="postgres",
            command=tuple(server.command()),
            ready=lambda running: server.is_ready(running.pid),
            environment=base_environment(place.environ),
            directory=Path("/"),
            stop_signal=signal.SIGINT,
            stop_timeout_seconds=30,
            start_timeout_seconds=300,  # a killed server reads its log through first
            address=f"127.0.0.1:{server.port}",
        )
    ]


def _valkey(place: Installation) -> list[Process]:
    if place.environ.get("CLACHAN_BROKER_URL"):
        return []
    port = place.ports["VALKEY"]
    return [
        Process(
            name="valkey",
            command=(str(find_valkey()), str(place.home.valkey / _VALKEY_FILE)),
            ready=redis(port, place.credentials["valkey"]),
            environment=base_environment(place.environ),
            address=f"127.0.0.1:{port}",
        )
    ]


def _simulators(place: Installation) -> Process:
    return Process(
        name="simulators",
        command=(*_PYTHON, "deploy.simulators"),
        ready=tcp(place.ports["INBOX"]),
        environment=simulators_environment(place),
        address=place.local_url("INBOX"),
    )


def _envoy(place: Installation) -> Process:
    bootstrap = place.home.envoy / "bootstrap.json"
    command = (str(find_envoy()), "-c", str(bootstrap), "--disable-hot-restart")
    return Process(
        name="envoy",
        command=(*command, "--concurrency", "1", "--log-level", "warning"),
        ready=http(place.ports["ENVOY_ADMIN"], "/ready"),
        needs=("edge-files",),
        environment=base_environment(place.environ),
        address=place.ports.public_url,
    )


def _service(service: str, place: Installation, stores: tuple[str, ...]) -> list[Process]:
    needs = (*stores, f"seed-{service}")
    environment = service_environment(service, place)
    port, worker_port = place.ports[service.upper()], place.ports[f"{service.upper()}_WORKER"]
    return [
        Process(
            name=f"{service}-web",
            command=(*_PYTHON, service, "web"),
            ready=http(port, "/health/ready"),
            needs=(*needs, "assets"),
            environment=environment,
            address=f"http://127.0.0.1:{port}",
        ),
        Process(
            name=f"{service}-worker",
            command=(*_PYTHON, service, "worker"),
            ready=http(worker_port, "/health/ready"),
            needs=needs,
            environment=environment,
            address=f"http://127.0.0.1:{worker_port}",
            stop_timeout_seconds=20,
        ),
    ]


def _glenmore(place: Installation) -> Process:
    node = find_node()
    if node is None:
        raise ProgramMissingError("no Node 20 or newer found: run make setup")
    return Process(
        name="glenmore-app",
        command=(str(node), str(ROOT / "deploy" / "demo" / "glenmore" / "app.js")),
        ready=tcp(place.ports["GLENMORE"]),
        # Modules are looked for from the file's folder upwards, and then here.
        environment=glenmore_environment(place)
        | {"NODE_PATH": str(ROOT / "deploy" / "node" / "node_modules")},
        address=f"http://localhost:{place.ports['GLENMORE']}",
    )
