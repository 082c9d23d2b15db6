import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local import postgres
from deploy.local.children import start_child, stop_child
from deploy.local.postgres import Postgres, PostgresError, free_port, temporary_server


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: as nobody the server must be able to pass through the folders above.
    with tempfile.TemporaryDirectory(prefix="clachan-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def answer(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_temporary_server_forgets_and_leaves_nothing(tmp_path: Path) -> None:
    with temporary_server(tmp_path) as server:
        url = server.url()
        assert answer(url, "SHOW fsync") == "off"
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(psycopg.OperationalError):
        answer(url, "SELECT 1")


def test_a_killed_server_keeps_what_was_committed(folder: Path) -> None:
    server = Postgres(folder / "data", free_port(), "a password / with @ signs")
    server.initialise()
    log = folder / "log"
    child = start_child(server.command(), log=log, directory=Path("/"))
    wait_until_ready(server, child)
    assert answer(server.url(), "SHOW fsync") == "on"
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    stop_child(child, number=signal.SIGKILL)
    server.initialise()
    server.start()
    try:
        assert answer(server.url(), "SELECT answer FROM kept") == 42
    finally:
        server.stop()


def test_a_wrong_password_is_refused(folder: Path) -> None:
    server = Postgres(folder / "data", free_port(), "right", durable=False)
    server.initialise()
    server.start()
    try:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            answer(server.url(password="wrong"), "SELECT 1")
    finally:
        server.stop()


def test_root_becomes_nobody_where_user_namespaces_are_forbidden(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_succeeds", lambda _: False)
    postgres._ordinary_user.cache_clear()
    server = Postgres(folder / "data", free_port(), "right", durable=False)
    try:
        server.initialise()
        server.start()
        assert answer(server.url(), "SELECT 1") == 1
    finally:
        server.stop()
        postgres._ordinary_user.cache_clear()


def test_a_taken_port_is_told(folder: Path) -> None:
    with temporary_server() as other:
        server = Postgres(folder / "data", other.port, "right", durable=False)
        server.initialise()
        with pytest.raises(PostgresError, match="could not bind"):
            server.start()


def test_an_interrupted_initdb_is_begun_again(folder: Path) -> None:
    (folder / "data.new").mkdir()
    (folder / "data.new" / "PG_VERSION").write_text("18")
    server = Postgres(folder / "data", free_port(), "right", durable=False)
    server.initialise()
    assert (folder / "data" / "base").is_dir()
    assert sorted(path.name for path in folder.iterdir()) == ["data"]


def wait_until_ready(server: Postgres, child: subprocess.Popen[bytes]) -> None:
    for _ in range(500):
        if server.is_ready(child.pid):
            return
        try:
            child.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail("the server did not start")
