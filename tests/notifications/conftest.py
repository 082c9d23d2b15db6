"""A whole notifications service over a real database, with a real mail server beside it."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text
from starlette.testclient import TestClient

from notifications import worker
from notifications.channels.simulator import start_smtp
from notifications.channels.simulator.contents import Contents, read_contents
from notifications.channels.simulator.smtp import MAIL_FILE
from notifications.channels.simulator.store import Fault, Playing, Store
from notifications.sealing.vault import Vault, open_vault
from notifications.settings import NotificationsSettings
from notifications.web import make_app, make_web_runtime
from shared import outbox
from shared.crypto import Sealer, hash_token, random_token
from shared.db import Database
from shared.tokens import TokenVerifier
from shared.web.login import RelyingParty

PUBLIC_URL = "http://localhost:8000"
ISSUER = f"{PUBLIC_URL}/identity/oidc"
TASKS = worker.TASKS
FIND_JOBS = text(
    "SELECT id, topic FROM outbox WHERE done_at IS NULL AND dead_at IS NULL ORDER BY id"
)
MAKE_DUE = text("UPDATE outbox SET due_at = now(), lease_until = NULL WHERE done_at IS NULL")


class _OneKey:
    def __init__(self, key: ECKey) -> None:
        self._key = key

    def find(self, kid: str) -> ECKey | None:
        return self._key if kid == self._key.kid else None


@dataclass
class MailServer:
    """The simulated mail server, listening on a port of its own."""

    port: int
    store: Store

    def mails(self, to: str = "") -> list[Contents]:
        return [read_contents(mail) for mail in self.store.find(to=to)]

    def play(self, kind: Fault, times: int = 1) -> None:
        self.store.play(Playing(kind, times))


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[MailServer]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start_smtp(tmp_path, "127.0.0.1", 0), loop).result(5)
    yield MailServer(server.sockets[0].getsockname()[1], Store(tmp_path / MAIL_FILE))
    loop.call_soon_threadsafe(server.close)
    # Connections that a test cut end by themselves in one more turn of the loop.
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture
def settings(
    notifications_url: str, key_file: Path, mail_server: MailServer
) -> NotificationsSettings:
    return NotificationsSettings(
        environment="test",
        public_url=PUBLIC_URL,
        port=1,
        database_url=notifications_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key="s" * 32,
        encryption_key_file=key_file,
        smtp_port=mail_server.port,
        smtp_timeout_seconds=2,
    )


@dataclass
class Service:
    """The service under test and what a test needs to look behind it."""

    client: TestClient
    database: Database
    settings: NotificationsSettings
    sealer: Sealer
    mail_server: MailServer
    key: ECKey
    made: list[str] = field(default_factory=list)

    @property
    def vault(self) -> Vault:
        return open_vault(self.database, self.sealer)

    def token(self, scope: str, client_id: str = "identity-service", **changes: object) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": PUBLIC_URL,
            "sub": client_id,
            "client_id": client_id,
            "scope": scope,
            "iat": now,
            "exp": now + 60,
        }
        header = {"alg": "ES256", "kid": self.key.kid, "typ": "at+jwt"}
        return jwt.encode(header, claims | changes, self.key, algorithms=["ES256"])

    def headers(
        self, scope: str, key: str | None = "key-1", client_id: str = "identity-service"
    ) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self.token(scope, client_id)}"}
        return headers | ({"Idempotency-Key": key} if key else {})

    def work(self, rounds: int = 1) -> None:
        """Do everything that waits in the outbox, and what that leads to; ``rounds`` retries."""
        for _ in range(rounds):
            with self.database.transaction() as session:
                session.execute(MAKE_DUE)
            tried: set[int] = set()
            while True:
                with self.database.transaction() as session:
                    jobs = [row for row in session.execute(FIND_JOBS) if row.id not in tried]
                if not jobs:
                    break
                for job in jobs:
                    tried.add(job.id)
                    outbox.run(self.database, self.settings, job.id, job.topic)

    def query(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        with self.database.transaction() as session:
            return [tuple(row) for row in session.execute(text(sql), values)]

    def sign_in(self, subject: str, name: str = "Morag Fictional") -> str:
        """Sign a person in to the browser of the test and return the cookie's value."""
        cookie = random_token()
        id_hash = hash_token(cookie)
        content = {
            "subject": subject,
            "claims": {"sub": subject, "name": name},
            "scope": "openid profile email",
            "access_token": "a",
            "access_token_expires_at": int(time.time()) + 600,
            "id_token": "i",
        }
        with self.database.transaction() as session:
            session.execute(
                text(
                    "INSERT INTO web_session (id_hash, subject, sealed, expires_at)"
                    " VALUES (:id_hash, :subject, :sealed, :expires_at)"
                ),
                {
                    "id_hash": id_hash,
                    "subject": subject,
                    "sealed": self.sealer.seal(
                        json.dumps(content).encode(), b"web_session" + id_hash
                    ),
                    "expires_at": datetime.now(UTC) + timedelta(hours=1),
                },
            )
        self.client.cookies.set("notifications-session", cookie)
        return cookie


@pytest.fixture
def service(
    settings: NotificationsSettings,
    notifications_database: Database,
    mail_server: MailServer,
    sealer: Sealer,
) -> Iterator[Service]:
    key = ECKey.generate_key("P-256")
    key.ensure_kid()
    runtime = make_web_runtime(settings)
    runtime.tokens = TokenVerifier(ISSUER, PUBLIC_URL, _OneKey(key))  # type: ignore[arg-type]  # a double, or a value that the test chose
    relying_party = RelyingParty(
        settings,
        client_id="notifications-mailbox",
        issuer=ISSUER,
        prefix="/notifications",
        key=key,
    )
    app = make_app(runtime, relying_party)
    with TestClient(
        app, base_url=PUBLIC_URL, raise_server_exceptions=False, follow_redirects=False
    ) as client:
        yield Service(client, notifications_database, settings, sealer, mail_server, key)


def code_email(**changes: object) -> dict[str, object]:
    """Return the body of a request for an email with a one-time code."""
    return {
        "channel": "email",
        "template": "identity.one_time_code",
        "to": "Morag.Fictional@example.test",
        "language": "en",
        "personalisation": {"code": "914207", "minutes": "10"},
        "reference": "attempt-778899",
    } | changes


def mailbox_body(subject: str = "sub-morag", **changes: object) -> dict[str, object]:
    """Return the body of a request for a mailbox."""
    return {
        "subject": subject,
        "assurance": "medium",
        "verified_at": "2026-11-20T10:00:00Z",
        "email": "morag.fictional@example.test",
        "language": "en",
    } | changes


def letter_body(subject: str = "sub-morag", **changes: object) -> dict[str, object]:
    """Return the body of a request to deliver a letter."""
    return {
        "subject": subject,
        "sender": "strathclachan",
        "sender_name": "Strathclachan Council",
        "title": "You will get 250 pounds for heating",
        "non_sensitive_title": "A decision about your application",
        "summary": "We decided about your application.",
        "body": ["Dear Morag Fictional", "The winter grant of £250.00 is yours."],
        "letter": {
            "template": "decision",
            "facts": [{"label": "Amount", "value": "£250.00"}],
            "recipient_name": "Morag Fictional",
            "recipient_address": ["1 Invented Street", "Strathclachan", "ZZ1 1ZZ"],
        },
        "case_reference": "SWH-7K3M-9QPX",
        "language": "en",
    } | changes


Deliver = Callable[..., UUID]


@pytest.fixture
def deliver(service: Service) -> Deliver:
    """Return a function that delivers a letter, to a mailbox that it creates, and publishes it."""

    def deliver_letter(subject: str = "sub-morag", **changes: object) -> UUID:
        created = service.client.post(
            "/notifications/v1/mailboxes",
            json=mailbox_body(subject),
            headers=service.headers("mailbox.create", None),
        )
        assert created.status_code in (200, 201)
        service.made.append("")
        answer = service.client.post(
            "/notifications/v1/mailbox-messages",
            json=letter_body(subject, **changes),
            headers=service.headers("mailbox.send", f"d{len(service.made)}", "gateway-service"),
        )
        assert answer.status_code == 202, answer.text
        service.work()
        return UUID(answer.json()["id"])

    return deliver_letter


def csrf_token(html: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', html)
    assert found
    return found[1]
