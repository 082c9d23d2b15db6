"""One platform, and foreign programs that sign people in to it."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import httpx
import pytest
import yaml
from joserfc.jwk import ECKey, RSAKey
from playwright.sync_api import Browser

from deploy.local.postgres import free_port
from deploy.local.programs import find_node
from deploy.local.setup import INTEROP_VENV
from tests.journeys.steps import Visitor
from tests.support.platform import ROOT, Platform, running_platform

PROGRAMS = Path(__file__).parent / "programs"
# By turns: one address is sent five codes an hour at most.
CITIZENS = cycle(("isla.fictional@person.example", "hamish.invented@person.example"))


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("interop") / "home") as started:
        yield started


@dataclass
class Registered:
    """A client of the platform, and where its private key lies."""

    client_id: str
    port: int
    key_file: Path

    @property
    def base(self) -> str:
        """The address of the program."""
        return f"http://localhost:{self.port}"


@dataclass
class Foreign:
    """Registers clients and runs foreign programs, which all end with the test."""

    platform: Platform
    folder: Path
    stack: ExitStack

    def register(
        self, client_id: str, callback: str, *, rsa: bool = False, **members: object
    ) -> Registered:
        """Register a client with a key of its own, as an operator does with a file."""
        key = RSAKey.generate_key(2048) if rsa else ECKey.generate_key("P-256")
        file = self.folder / f"{client_id}.pem"
        file.write_bytes(key.as_pem(private=True))
        (self.folder / f"{client_id}.pub.pem").write_bytes(key.as_pem(private=False))
        known = Registered(client_id, free_port(), file)
        entry: dict[str, object] = {
            "client_id": client_id,
            "name": "A foreign program",
            "organisation": "glenmore",
            "auth_method": "private_key_jwt",
            "redirect_uris": [f"{known.base}{callback}"],
            "post_logout_uris": [f"{known.base}/goodbye", f"{known.base}/me"],
            "scopes": ["openid", "profile", "email"],
            "grant_types": ["authorization_code", "refresh_token"],
            "landing_page": known.base,
        } | members
        listed = self.folder / f"{client_id}.yaml"
        listed.write_text(yaml.safe_dump({"relying_parties": [entry]}))
        self.platform.command(
            *("deploy.local", "do", "identity", "register-relying-parties", str(listed)),
            IDENTITY_CLIENT_KEYS_DIR=str(self.folder),
        )
        return known

    def run(self, command: list[str], known: Registered, **environment: str) -> None:
        """Start a program and wait until it answers."""
        log = self.stack.enter_context((self.folder / f"{known.client_id}.log").open("wb"))
        process = subprocess.Popen(
            command,
            cwd=ROOT / "deploy" / "node",
            env={
                "PATH": self.platform.environment["PATH"],
                "PORT": str(known.port),
                "CLIENT_ID": known.client_id,
                "KEY_FILE": str(known.key_file),
            }
            | environment,
            stdout=log,
            stderr=log,
        )
        self.stack.callback(process.wait, 10)
        self.stack.callback(process.terminate)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                httpx.get(f"http://127.0.0.1:{known.port}/goodbye", timeout=5)
            except httpx.HTTPError:
                assert process.poll() is None, self.log_of(known)
                time.sleep(0.1)
            else:
                return
        raise TimeoutError(self.log_of(known))

    def log_of(self, known: Registered) -> str:
        """Return what a program has printed."""
        return (self.folder / f"{known.client_id}.log").read_text(errors="replace")

    def node(self, program: str, known: Registered, **environment: str) -> None:
        """Start a program of Node."""
        self.run([str(find_node()), str(PROGRAMS / program)], known, **environment)

    def python(self, program: str, known: Registered, **environment: str) -> None:
        """Start a program of Python."""
        self.run([sys.executable, str(PROGRAMS / program)], known, **environment)

    def django(self, known: Registered, **environment: str) -> None:
        """Start the Django site in its own environment."""
        python = INTEROP_VENV / "bin" / "python"
        assert python.exists(), "make test-interop makes the environment of the foreign clients"
        self.run(
            [str(python), str(PROGRAMS / "onelogin_site.py")],
            known,
            KEY_BASE64=base64.b64encode(known.key_file.read_bytes()).decode(),
            DATABASE=str(self.folder / f"{known.client_id}.sqlite3"),
            **environment,
        )


@pytest.fixture
def foreign(platform: Platform, tmp_path: Path) -> Iterator[Foreign]:
    with ExitStack() as stack:
        yield Foreign(platform, tmp_path, stack)


class Guest(Visitor):
    """A citizen who signs in to foreign programs."""

    def __init__(self, platform: Platform, browser: Browser) -> None:
        super().__init__(browser.new_context())
        self.platform = platform
        self.email = next(CITIZENS)

    def sign_in(self) -> None:
        """Go through the sign-in pages, and agree to whatever is asked to be shared."""
        self.fill(email=self.email, password=self.platform.demo_password)
        self.press("Continue")
        self.fill(code=self.platform.code_for(self.email))
        self.press("Continue")
        for _ in range(3):
            boxes = self.page.locator('main input[type="radio"][value="yes"]')
            if not boxes.count():
                break
            for box in boxes.all():
                box.check()
            self.press("Continue")

    def held(self) -> str:
        """Return what the program holds about the person."""
        self.sees("Signed in")
        return self.page.locator("#held").inner_text()

    def held_json(self) -> dict[str, object]:
        """Return the same, where the program shows JSON."""
        found: dict[str, object] = json.loads(self.held())
        return found

    def is_asked_to_sign_in(self, address: str) -> bool:
        """Tell whether an address leads to the sign-in page, so no session is left."""
        self.page.goto(address)
        return self.page.url.startswith(f"{self.platform.url}/identity/sign-in")


@pytest.fixture
def guest(platform: Platform, browser: Browser) -> Iterator[Guest]:
    made = Guest(platform, browser)
    yield made
    made.context.close()
