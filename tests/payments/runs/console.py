"""The service's real web app, and browsers of people who are signed in to it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from payments.settings import PaymentsSettings
from payments.web import create_app
from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer, hash_token, random_token
from shared.db import Database

SECRET = "s" * 32


def make_settings(url: str, key_file: Path, private_key: Path, **more: str) -> PaymentsSettings:
    """Return settings for tests; nothing listens at the outside parties' addresses."""
    values: dict[str, object] = {
        "environment": "test",
        "public_url": "http://testserver",
        "port": 1,
        "database_url": url,
        "broker_url": "redis://127.0.0.1:1/0",
        "secret_key": SECRET,
        "encryption_key_file": key_file,
        "private_key_file": private_key,
        "bank_url": "http://127.0.0.1:9",
        "payee_names_url": "http://127.0.0.1:9",
    }
    return PaymentsSettings(**(values | more))  # type: ignore[arg-type]  # members by name


class Console:
    """The console as one person sees it."""

    def __init__(self, app: Starlette, client: TestClient) -> None:
        self.app = app
        self.client = client
        self.html = ""
        self.status = 0

    def get(self, path: str) -> str:
        """Open a page and return it."""
        answer = self.client.get(path)
        self.status, self.html = answer.status_code, answer.text
        return self.html

    def post(self, path: str, **form: str) -> str:
        """Send a form of the page that is open and return what comes of it."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.html)
        data = form | {"csrf_token": token[1] if token else ""}
        answer = self.client.post(path, data=data)
        self.status, self.html = answer.status_code, answer.text
        return self.html

    def hidden(self, name: str) -> str:
        """Return a hidden field of the page that is open."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.html)
        assert found is not None, f"no field {name}"
        return found[1]


def sign_in(
    app: Starlette,
    database: Database,
    sealer: Sealer,
    *people: Actor,
    subject: str = "",
    claims: dict[str, object] | None = None,
) -> Console:
    """Return the console of a person; several actors are one person in several bodies.

    Further claims are those of the ID token, such as how the person signed in.
    """
    cookie = random_token()
    id_hash = hash_token(cookie)
    content = {
        "subject": subject or people[0].id,
        "claims": {
            "name": people[0].name,
            "staff": [
                {"organisation": one.organisation, "roles": sorted(one.roles)} for one in people
            ],
            **(claims or {}),
        },
        "scope": "openid",
        "access_token": "x",
        "access_token_expires_at": 0,
        "id_token": "x",
    }
    sealed = sealer.seal(json.dumps(content).encode(), b"web_session" + id_hash)
    with database.transaction() as session:
        session.execute(
            text("INSERT INTO web_session VALUES (:id, :subject, :sealed, now(), :until)"),
            {
                "id": id_hash,
                "subject": content["subject"],
                "sealed": sealed,
                "until": clock.now() + timedelta(hours=1),
            },
        )
    client = TestClient(app, cookies={"payments-session": cookie})
    return Console(app, client)


@contextmanager
def running_app(settings: PaymentsSettings) -> Iterator[Starlette]:
    """Yield the application of the web process; closes its connections to the database."""
    made = create_app(settings)
    yield made
    for route in made.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.database.engine.dispose()


@contextmanager
def consoles(
    app: Starlette, database: Database, sealer: Sealer
) -> Iterator[Callable[..., Console]]:
    """Yield what signs people in at the console, and close their connections."""
    made: list[Console] = []

    def open_console(*people: Actor, **claims: object) -> Console:
        made.append(sign_in(app, database, sealer, *people, claims=claims))
        return made[-1]

    yield open_console
    for one in made:
        one.client.close()
