"""`python -m deploy.compose prepare|check`: secrets for docker-compose.yml, and a look at the file.

The settings are those of `make run` with other addresses: one table (`deploy.local.environment`)
serves both, so a setting that is added there is here as well.
"""

import json
import sys
from pathlib import Path

import yaml

from deploy.database.names import DATABASE, LOGINS, MIGRATOR, SERVICES
from deploy.local.credentials import load_credentials
from deploy.local.environment import (
    Installation,
    glenmore_environment,
    service_environment,
    simulators_environment,
)
from deploy.local.home import ROOT, Home
from deploy.local.keys import make_client_keys
from deploy.local.ports import DEFAULTS, Ports

_FOLDER = ROOT / ".clachan" / "compose"
_PROCESSES = {
    "postgres",
    "valkey",
    "simulators",
    "envoy",
    "glenmore-app",
    *(f"{service}-{kind}" for service in SERVICES for kind in ("web", "worker")),
}
_ONLY_HERE = {"network", "setup"}


def prepare(folder: Path = _FOLDER) -> None:
    """Write the environment files of the containers; keeps the secrets that are there."""
    home = Home(folder)
    home.keys.mkdir(parents=True, exist_ok=True)
    credentials = load_credentials(home)
    place = Installation(
        home,
        Ports({**DEFAULTS, "POSTGRES": 5432, "VALKEY": 6379}),
        credentials,
        {
            "CLACHAN_DATABASE_URL": f"postgresql://postgres:{credentials['postgres']}@postgres:5432",
            "CLACHAN_BROKER_URL": "redis://valkey:6379/0",
        },
    )
    settings: dict[str, str] = {}
    for service in SERVICES:
        settings |= _own(service_environment(service, place), service.upper())
    settings |= _own(simulators_environment(place), "SIMULATORS")
    settings |= {
        "GATEWAY_PUBLIC_HOST": "0.0.0.0",  # noqa: S104 - inside the container's own network
        "SIMULATORS_HOST": "0.0.0.0",  # noqa: S104 - as above
        **{f"{service.upper()}_ASSETS_DIR": "/srv/assets" for service in SERVICES},
        "SIMULATORS_STATE_DIR": "/srv/state",
        "PAYMENTS_LEDGER_CHECKPOINT_FOLDER": "/srv/state/checkpoints",
        "CLACHAN_ADMIN_URL": f"{place.admin_url}/postgres",
        "CLACHAN_ROLES_FILE": "/srv/keys/roles.json",
        "MIGRATION_URL": place.database_url(MIGRATOR),
    }
    settings = {name: _inside(value, home) for name, value in settings.items()}
    _write(folder / "settings.env", settings)
    _write(folder / "postgres.env", {"POSTGRES_PASSWORD": credentials["postgres"]})
    glenmore = _own(glenmore_environment(place), "") | {"HOST": "0.0.0.0"}  # noqa: S104 - as above
    _write(
        folder / "glenmore.env", {name: _inside(value, home) for name, value in glenmore.items()}
    )
    roles = {role: credentials[f"role_{role}"] for role in LOGINS}
    (home.keys / "roles.json").write_text(json.dumps(roles))
    make_client_keys(home.keys)
    # The folder above is closed to others; inside, the containers' own user must be able to read.
    folder.chmod(0o700)
    for path in home.keys.iterdir():
        path.chmod(0o644)
    print(f"wrote {folder}; database {DATABASE}; now: docker compose up --build")


def _own(environment: dict[str, str], prefix: str) -> dict[str, str]:
    skipped = {"PATH", "HOME", "USER", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(prefix) and name not in skipped
    }


def _inside(value: str, home: Home) -> str:
    """Return a value with the folders as the containers see them."""
    for path, inside in ((home.keys, "/srv/keys"), (home.envoy, "/srv/envoy")):
        value = value.replace(str(path), inside)
    return value.replace(str(home.simulators), "/srv/state")


def _write(path: Path, values: dict[str, str]) -> None:
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in sorted(values.items())))


def check() -> list[str]:
    """Return what is wrong with docker-compose.yml; an empty list when nothing is."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = document["services"]
    faults = [f"missing process {name}" for name in sorted(_PROCESSES - set(services))]
    faults += [
        f"unknown process {name}" for name in sorted(set(services) - _PROCESSES - _ONLY_HERE)
    ]
    for name, service in services.items():
        image = str(service.get("image", ""))
        if ":" not in image or image.endswith(":latest"):
            faults.append(f"{name}: image without a fixed version")
        faults += [
            f"{name}: port {port} is not on the loopback address"
            for port in service.get("ports", [])
            if not str(port).startswith("127.0.0.1:")
        ]
    return faults


def main() -> int:
    """Run the command that the first argument names."""
    if sys.argv[1:] == ["prepare"]:
        prepare()
        return 0
    faults = check()
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
