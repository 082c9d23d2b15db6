"""Kills processes of a platform, as suddenly as a power cut does, and waits until they are back."""

import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from deploy.local.credentials import load_credentials
from deploy.local.home import Home, read_json


@dataclass
class Killer:
    """Ends processes by ``kill -9``, at once or a random moment later."""

    home: Path
    seed: int
    killed: list[str] = field(default_factory=list)
    _timers: list[threading.Timer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - repeatable on purpose

    def processes(self) -> dict[str, dict[str, object]]:
        """Return what the supervisor says of each process."""
        status = json.loads((self.home / "run" / "status.json").read_text())
        return {one["name"]: one for one in status["processes"]}

    def kill(self, name: str) -> None:
        """End a process now; waits for one that is just being started."""
        end = time.monotonic() + 60
        while not (pid := int(str(self.processes()[name]["pid"]))):
            assert time.monotonic() < end, f"{name} does not come back"
            time.sleep(0.05)
        self.killed.append(name)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill_soon(self, name: str, longest_seconds: float = 0.4) -> None:
        """End a process at a random moment from now on; the caller goes on."""
        delay = self.chance.uniform(0, longest_seconds)
        timer = threading.Timer(delay, self.kill, (name,))
        self._timers.append(timer)
        timer.start()

    def flush_valkey(self) -> None:
        """Empty the broker, as soon as it is there: every message in it is lost."""
        port = read_json(self.home / "ports.json")["VALKEY"]
        word = load_credentials(Home(self.home))["valkey"]
        end = time.monotonic() + 60
        while True:
            try:
                with Redis.from_url(f"redis://:{word}@127.0.0.1:{port}/0") as broker:
                    broker.flushall()
            except RedisConnectionError:
                assert time.monotonic() < end, "valkey does not come back"
                time.sleep(0.1)
            else:
                return

    def wait_until_all_are_back(self, timeout_seconds: float = 90) -> None:
        """Wait until every planned kill has happened and every process is ready again."""
        for timer in self._timers:
            timer.join()
        self._timers.clear()
        end = time.monotonic() + timeout_seconds
        # A death is noticed within a tick of the supervisor; before that the old state stands.
        time.sleep(0.5)
        while True:
            away = {
                name: one["state"]
                for name, one in self.processes().items()
                if one["state"] != "ready" or not _is_alive(int(str(one["pid"])))
            }
            if not away:
                return
            assert time.monotonic() < end, f"not back: {away}"
            time.sleep(0.2)


def _is_alive(pid: int) -> bool:
    return pid > 0 and Path(f"/proc/{pid}").exists()


def admin_url(home: Path) -> str:
    """Return the platform's database as its administrator sees it, to look at every schema."""
    port = read_json(home / "ports.json")["POSTGRES"]
    word = load_credentials(Home(home))["postgres"]
    return urlsplit(f"postgresql://postgres:{word}@127.0.0.1:{port}/clachan").geturl()
