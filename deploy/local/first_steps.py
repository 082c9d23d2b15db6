"""What is done before the processes start: keys, database, demo data, files to serve."""

import sys

from deploy.database.names import LOGINS, SERVICES
from deploy.local.clients import CLIENTS
from deploy.local.environment import (
    Installation,
    base_environment,
    migration_environment,
    service_environment,
)
from deploy.local.home import ROOT
from deploy.local.marks import mark_of
from deploy.local.plan import Step

ROLES_FILE = "roles.json"
_PYTHON = (sys.executable, "-m")


def make_steps(place: Installation, stores: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the steps; ``stores`` are the database and broker that the platform itself runs."""
    database = _database(place, stores)
    migrations = [_migrate(service, place, database.mark) for service in SERVICES]
    seeds = [
        _seed(service, place, stores, migration.mark)
        for service, migration in zip(SERVICES, migrations, strict=True)
    ]
    return (
        _keys(place),
        _assets(place),
        _edge(place),
        database,
        *migrations,
        *seeds,
        _govstack(place),
        _people(place, seeds[0].mark),
    )


def _keys(place: Installation) -> Step:
    folder = place.home.keys
    names = [name for client_ids in CLIENTS.values() for name in client_ids]
    return Step(
        name="keys",
        command=(*_PYTHON, "deploy.local.keys", str(folder)),
        environment=base_environment(place.environ),
        mark=mark_of([ROOT / "deploy" / "local" / "keys.py"], *names),
        makes=tuple(folder / f"{name}.pem" for name in names),
    )


def _assets(place: Installation) -> Step:
    deploy = ROOT / "deploy"
    sources = [deploy / "assets.py", deploy / "node" / "package-lock.json"]
    return Step(
        name="assets",
        command=(*_PYTHON, "deploy.assets", str(place.home.assets)),
        environment=base_environment(place.environ),
        mark=mark_of([*sources, ROOT / "shared" / "web" / "assets"]),
        makes=(place.home.assets / "manifest.json",),
    )


def _edge(place: Installation) -> Step:
    return Step(
        name="edge-files",
        command=(*_PYTHON, "gateway", "edge", "write", "--out", str(place.home.envoy)),
        environment=service_environment("gateway", place),
    )


def _database(place: Installation, stores: tuple[str, ...]) -> Step:
    passwords = place.home.run / ROLES_FILE
    own = "postgres" in stores
    return Step(
        name="database",
        command=(*_PYTHON, "deploy.database"),
        needs=("postgres",) if own else (),
        environment=base_environment(place.environ)
        | {"CLACHAN_ADMIN_URL": place.admin_url, "CLACHAN_ROLES_FILE": str(passwords)},
        # Of somebody else's server nothing is known for sure, so there it is done every time.
        mark=_database_mark(place) if own else "",
    )


def _database_mark(place: Installation) -> str:
    """Return what tells this data folder, with these passwords, from any other."""
    made = (place.home.postgres / "PG_VERSION").stat()
    words = [place.credentials[f"role_{role}"] for role in LOGINS]
    return mark_of([ROOT / "deploy" / "database"], str(made.st_ino), str(made.st_mtime_ns), *words)


def _migrate(service: str, place: Installation, database_mark: str) -> Step:
    sources = [ROOT / service / "migrations", ROOT / "shared" / "migrate.py"]
    return Step(
        name=f"migrate-{service}",
        command=(*_PYTHON, service, "migrate"),
        needs=("database",),
        environment=migration_environment(service, place),
        mark=mark_of(sources, database_mark) if database_mark else "",
    )


def _seed(service: str, place: Installation, stores: tuple[str, ...], migration: str) -> Step:
    needs = (*stores, f"migrate-{service}", "keys")
    environment = service_environment(service, place)
    addresses = [value for name, value in environment.items() if name.endswith(("_URL", "_URI"))]
    content = [ROOT / service, ROOT / "services", ROOT / "deploy" / "demo"]
    return Step(
        name=f"seed-{service}",
        command=(*_PYTHON, service, "seed-demo"),
        needs=needs if service == "identity" else (*needs, "seed-identity"),
        environment=environment,
        mark=mark_of(content, migration, *sorted(addresses)) if migration else "",
    )


def _govstack(place: Installation) -> Step:
    """Return the step that sets the GovStack sandbox back, at every start."""
    return Step(
        name="seed-govstack",
        command=(*_PYTHON, "payments", "seed-govstack"),
        needs=("seed-payments",),
        environment=service_environment("payments", place),
    )


def _people(place: Installation, seed_mark: str) -> Step:
    output = place.home.run / "demo-people.txt"
    return Step(
        name="demo-people",
        command=(*_PYTHON, "identity", "demo-people"),
        needs=("seed-identity",),
        environment=service_environment("identity", place),
        mark=seed_mark,
        output=output,
        makes=(output,),
    )
