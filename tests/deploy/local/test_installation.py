import base64
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.database.names import SERVICES
from deploy.local.children import start_child, stop_child
from deploy.local.clients import CLIENTS, LEDGER_SEAL_KEY
from deploy.local.credentials import load_credentials
from deploy.local.environment import Installation, service_environment
from deploy.local.home import ROOT, Home, find_home
from deploy.local.keys import make_client_keys
from deploy.local.outside import outside_values, welcome
from deploy.local.ports import DEFAULTS, Ports, choose_ports, setting_name
from deploy.local.probes import Running
from deploy.local.processes import make_plan, prepare_files

HOW_TO = ROOT / "docs" / "how-to" / "run-locally.md"


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    home = Home(tmp_path / "home")
    home.prepare()
    environ = {setting_name(name): "0" for name in DEFAULTS}
    ports = choose_ports(home, environ)
    return Installation(home, ports, load_credentials(home), environ)


def test_secrets_are_private_random_and_kept(tmp_path: Path) -> None:
    one, two = Home(tmp_path / "one"), Home(tmp_path / "two")
    for home in (one, two):
        home.prepare()
    first = load_credentials(one)
    assert load_credentials(one) == first
    assert not set(first.values.values()) & set(load_credentials(two).values.values())
    files = [path for path in one.path.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    for service in SERVICES:
        key = base64.b64decode((one.keys / f"{service}.kek").read_text())
        assert len(key) == 32


def test_client_keys_are_made_once(tmp_path: Path) -> None:
    make_client_keys(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    make_client_keys(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
    names = {name for client_ids in CLIENTS.values() for name in client_ids}
    clients = {f"{name}{end}" for name in names for end in (".pem", ".pub.pem")}
    assert set(before) == clients | {LEDGER_SEAL_KEY}
    assert before["payments-service.pem"] != before["gateway-service.pem"]


def test_a_service_knows_its_own_password_only(place: Installation) -> None:
    for service in SERVICES:
        values = " ".join(service_environment(service, place).values())
        for other in SERVICES:
            known = place.credentials[f"role_{other}"] in values
            assert known == (other == service)
        assert place.credentials["postgres"] not in values


def test_the_persons_own_setting_wins(place: Installation) -> None:
    mine = {"PAYMENTS_LOG_LEVEL": "DEBUG", "IDENTITY_LOG_LEVEL": "ERROR", "OTHER": "x"}
    place = Installation(place.home, place.ports, place.credentials, mine)
    given = service_environment("payments", place)
    assert given["PAYMENTS_LOG_LEVEL"] == "DEBUG"
    assert "IDENTITY_LOG_LEVEL" not in given
    assert "OTHER" not in given


def test_a_given_database_and_broker_are_used_and_not_started(place: Installation) -> None:
    environ = {
        "CLACHAN_DATABASE_URL": "postgresql://boss:word@db.example:6000/postgres?sslmode=require",
        "CLACHAN_BROKER_URL": "redis://cache.example:6379/3",
    }
    place = Installation(place.home, place.ports, place.credentials, environ)
    names = {process.name for process in make_plan(place).processes}
    assert not names & {"postgres", "valkey"}
    given = service_environment("identity", place)
    assert given["IDENTITY_DATABASE_URL"].startswith("postgresql+psycopg://identity:")
    assert given["IDENTITY_DATABASE_URL"].endswith("@db.example:6000/clachan?sslmode=require")
    assert given["IDENTITY_BROKER_URL"] == "redis://cache.example:6379/3"


def test_valkey_asks_for_its_password_and_keeps_what_it_was_told(place: Installation) -> None:
    prepare_files(place)
    valkey = next(item for item in make_plan(place).processes if item.name == "valkey")
    log = place.home.log("valkey")
    for _ in range(2):
        child = start_child(valkey.command, log=log, environment=valkey.environment)
        for _ in range(200):
            if valkey.ready(Running(child.pid, log, 0)):
                break
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.02)
        else:
            pytest.fail("valkey did not start")
        stop_child(child)
    assert list((place.home.valkey / "appendonlydir").glob("*.manifest"))
    assert "noeviction" in (place.home.valkey / "valkey.conf").read_text()


def test_steps_are_known_again_for_the_same_database_only(place: Installation) -> None:
    prepare_files(place)
    marks = {step.name: step.mark for step in make_plan(place).steps}
    assert {step.name: step.mark for step in make_plan(place).steps} == marks
    assert {name for name, mark in marks.items() if not mark} == {"edge-files", "seed-govstack"}
    shutil.rmtree(place.home.postgres)
    prepare_files(place)
    fresh = {step.name: step.mark for step in make_plan(place).steps}
    changed = {name for name in marks if marks[name] != fresh[name]}
    stages = {f"{stage}-{service}" for stage in ("migrate", "seed") for service in SERVICES}
    assert changed == {"database", "demo-people"} | stages


def test_the_folder_is_a_setting() -> None:
    assert find_home({}).path == ROOT / ".clachan"
    assert find_home({"CLACHAN_HOME": "/srv/clachan"}).path == Path("/srv/clachan")


def test_the_page_for_people_names_every_port_and_every_outside_value(place: Installation) -> None:
    page = HOW_TO.read_text()
    missing = [name for name in map(setting_name, DEFAULTS) if f"`{name}`" not in page]
    missing += [name for name in outside_values(place) if f"`{name}`" not in page]
    assert missing == []


def test_outsiders_are_told_no_password(place: Installation) -> None:
    told = " ".join(outside_values(place).values()) + welcome(place)
    assert not [name for name, value in place.credentials.values.items() if value in told]


def test_the_supervisor_stays_small() -> None:
    heavy = ["psycopg", "sqlalchemy", "pydantic", "cryptography", "celery", "asyncio", "ssl"]
    program = (
        "import sys, deploy.local.__main__\n"
        f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_process_has_a_port_of_its_own() -> None:
    assert len(set(DEFAULTS.values())) == len(DEFAULTS)
    assert Ports(DEFAULTS).public_url == "http://localhost:8000"
