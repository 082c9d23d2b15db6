"""A whole platform of its own for a test: own folder, own ports, stopped at the end."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg

from deploy.database.names import DATABASE

ROOT = Path(__file__).resolve().parents[2]
_PORTS = (
    *("PUBLIC", "POSTGRES", "VALKEY", "ENVOY_ADMIN", "IDENTITY", "PAYMENTS", "NOTIFICATIONS"),
    *("GATEWAY", "BANK", "PAYEE_NAMES", "DOCUMENT_CHECK", "SMTP", "INBOX", "GLENMORE"),
    *("SMPP", "VOICE", "GOVSTACK", "BANK_SFTP"),
    *("IDENTITY_WORKER", "PAYMENTS_WORKER", "NOTIFICATIONS_WORKER", "GATEWAY_WORKER"),
)


class Platform:
    """A running platform: its addresses, its processes, its stand-in inbox and bank."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment
        self.values = self._values()
        self.url = self.values["CLACHAN_PUBLIC_URL"]
        self._used_codes: set[str] = set()

    def _values(self) -> dict[str, str]:
        lines = self.command("deploy.local", "env").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def command(self, *arguments: str, **extra: str) -> str:
        """Run a command of the platform and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self.environment | extra,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def next_bank_day(self) -> str:
        """Move the simulated bank to its next day and fetch what it answers."""
        return self.command("deploy.local", "do", "payments", "next-bank-day")

    @property
    def demo_password(self) -> str:
        """The password of every demonstration person."""
        return self._private("secrets.json")["demo_password"]

    def code_for(self, address: str, timeout_seconds: float = 30) -> str:
        """Return the newest one-time code that was mailed to an address, once each."""
        end = time.monotonic() + timeout_seconds
        while time.monotonic() < end:
            for mail in self.mails(address):
                key = f"{address} {mail['id']}"
                digits = [word.strip(".,") for word in str(mail["text"]).split()]
                codes = [word for word in digits if len(word) == 6 and word.isdigit()]
                if key not in self._used_codes and codes:
                    self._used_codes.add(key)
                    return codes[0]
            time.sleep(0.2)
        raise TimeoutError(f"no code for {address}")

    def mails(self, address: str) -> list[dict[str, object]]:
        """Return the mails to an address, newest first."""
        answer = httpx.get(
            f"{self.values['CLACHAN_INBOX_URL']}/api/messages", params={"to": address}
        )
        body = answer.raise_for_status().json()
        found: list[dict[str, object]] = body["messages"] if isinstance(body, dict) else body
        return found

    def log(self, process: str) -> str:
        """Return everything that a process has logged."""
        return (self.home / "logs" / f"{process}.log").read_text(errors="replace")

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Ask the platform's database past all roles; tables are named with their schema."""
        with psycopg.connect(self._database_url(), autocommit=True) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def marks(self, *tables: str) -> dict[str, tuple[object, ...]]:
        """Return for each table what is different as soon as one of its rows is written."""
        query = "SELECT count(*), sum(xmin::text::bigint), max(ctid::text) FROM {}"
        return {table: self.rows(query.format(table))[0] for table in tables}

    def _database_url(self) -> str:
        given = self.environment.get("CLACHAN_DATABASE_URL", "")
        if given:
            return given.rsplit("/", 1)[0] + f"/{DATABASE}"
        word = self._private("secrets.json")["postgres"]
        port = self._private("ports.json")["POSTGRES"]
        return f"postgresql://postgres:{word}@127.0.0.1:{port}/{DATABASE}"

    def _private(self, name: str) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / name).read_text())
        return found


@contextmanager
def running_platform(home: Path) -> Iterator[Platform]:
    """Start a platform in ``home`` on free ports, yield it, and stop it whatever happens."""
    environment = dict(os.environ) | {"CLACHAN_HOME": str(home)}
    environment |= {f"CLACHAN_PORT_{name}": "0" for name in _PORTS}
    start = [sys.executable, "-m", "deploy.local", "start"]
    started = subprocess.run(
        start, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    try:
        assert started.returncode == 0, f"{started.stdout}\n{started.stderr}"
        yield Platform(home, environment)
    finally:
        subprocess.run(
            [sys.executable, "-m", "deploy.local", "stop"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            check=False,
            timeout=120,
        )
