"""The provider ends sessions of our pages (OpenID Connect Back-Channel Logout 1.0)."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text
from starlette.testclient import TestClient

from shared.db import Database
from shared.settings import ServiceSettings
from shared.web.app import make_pages_app, make_runtime, make_service_app
from shared.web.backchannel import make_backchannel_route
from shared.web.relying_party import RelyingParty

URL = "http://localhost:8000"
ISSUER = f"{URL}/identity/oidc"
KEY = ECKey.generate_key("P-256", parameters={"kid": "op"})
STRANGER = ECKey.generate_key("P-256", parameters={"kid": "op"})
EVENT = "http://schemas.openid.net/event/backchannel-logout"
SESSIONS = {
    "one": ("isla", "s1"),
    "two": ("isla", "s2"),
    "old": ("isla", None),
    "ross": ("r", "s3"),
}


@dataclass
class Console:
    """One service with sessions, and the provider that ends them."""

    http: TestClient
    database: Database
    provider_status: int = 200

    def token(self, *, header: dict[str, object] | None = None, **changes: object) -> str:
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": "pages",
            "iat": now,
            "exp": now + 120,
            "jti": f"jti-{now}-{len(changes)}",
            "events": {EVENT: {}},
            "sub": "isla",
            "sid": "s1",
        } | changes
        sent = {name: value for name, value in claims.items() if value is not None}
        full = {"alg": "ES256", "kid": "op", "typ": "logout+jwt"} | (header or {})
        return jwt.encode(full, sent, KEY, algorithms=["ES256"])

    def post(self, token: str) -> Any:
        return self.http.post("/pages/backchannel-logout", data={"logout_token": token})

    def left(self) -> set[str]:
        """Return the sessions that still live, by the names above."""
        with self.database.transaction() as session:
            rows = session.execute(text("SELECT id_hash FROM web_session")).scalars().all()
        return {bytes(row).decode() for row in rows}


@pytest.fixture
def console(
    gateway_database: Database, gateway_url: str, key_file: Path, tmp_path: Path
) -> Iterator[Console]:
    settings = ServiceSettings(
        environment="test",
        public_url=URL,
        port=1,
        database_url=gateway_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key="s" * 32,
        encryption_key_file=key_file,
        database_pool_size=16,
    )
    made = Console(None, gateway_database)  # type: ignore[arg-type]  # set below

    def provider(_request: httpx.Request) -> httpx.Response:
        body = {"keys": [KEY.as_dict(private=False)]}
        return httpx.Response(made.provider_status, json=body)

    relying_party = RelyingParty(
        settings,
        client_id="pages",
        issuer=ISSUER,
        prefix="/pages",
        key=STRANGER,
        http=httpx.Client(transport=httpx.MockTransport(provider)),
    )
    runtime = make_runtime("gateway", settings, tmp_path, service_name="T", service_url="/")
    app = make_service_app(
        runtime,
        {"/pages": make_pages_app("gateway")},
        routes=(make_backchannel_route(relying_party, runtime),),
    )
    made.http = TestClient(app, base_url=URL)
    with gateway_database.transaction() as session:
        for name, (subject, sid) in SESSIONS.items():
            session.execute(
                text(
                    "INSERT INTO web_session (id_hash, subject, sid, sealed, expires_at)"
                    " VALUES (:id, :subject, :sid, '', now() + interval '1 hour')"
                ),
                {"id": name.encode(), "subject": subject, "sid": sid},
            )
    yield made
    runtime.database.engine.dispose()


@pytest.mark.parametrize(
    ("named", "left"),
    [
        ({}, {"two", "ross"}),
        ({"sub": None}, {"two", "old", "ross"}),
        ({"sid": None}, {"ross"}),
        ({"sid": "s9", "sub": "nobody"}, set(SESSIONS)),
    ],
    ids=["sid-and-sub", "sid", "sub", "unknown"],
)
def test_what_a_token_names_ends_and_nothing_else(
    console: Console, named: dict[str, Any], left: set[str]
) -> None:
    answer = console.post(console.token(**named))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert console.left() == left


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": None},
        {"iat": None},
        {"iat": 1},
        {"iat": int(time.time()) + 3600},
        {"exp": None},
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 86_400},
        {"jti": None},
        {"jti": ""},
        {"events": None},
        {"events": {"other": {}}},
        {"events": {EVENT: None}},
        {"events": [EVENT]},
        {"nonce": "n"},
        {"sub": None, "sid": None},
    ],
    ids="-".join,
)
def test_a_token_that_is_not_for_this_ends_nothing(
    console: Console, changes: dict[str, Any]
) -> None:
    answer = console.post(console.token(**changes))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert console.left() == set(SESSIONS)


def test_an_id_token_or_a_foreign_signature_ends_nothing(console: Console) -> None:
    head, body, signature = console.token().split(".")
    unsigned = f"eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9.{body}."
    foreign = jwt.encode(
        {"alg": "ES256", "kid": "op", "typ": "logout+jwt"}, {"iss": ISSUER}, STRANGER
    )
    for token in (
        console.token(header={"typ": "JWT"}),
        console.token(header={"kid": "unknown"}),
        f"{head}.{body}.{'A' * len(signature)}",
        unsigned,
        foreign,
        "nonsense",
        "a" * 9000,
    ):
        assert console.post(token).status_code == 400
    assert console.left() == set(SESSIONS)


def test_two_tokens_or_none_are_refused(console: Console) -> None:
    address = "/pages/backchannel-logout"
    assert console.http.post(address).status_code == 400
    both = {"logout_token": [console.token(), console.token()]}
    assert console.http.post(address, data=both).status_code == 400
    assert console.http.post(address, content=b"x" * 20_000).status_code == 413
    assert console.http.get(address).status_code in (404, 405)
    assert console.left() == set(SESSIONS)


def test_a_token_counts_once_even_when_sent_sixteen_times_at_once(console: Console) -> None:
    token = console.token()
    with ThreadPoolExecutor(16) as pool:
        answers = [answer.status_code for answer in pool.map(console.post, [token] * 16)]
    assert sorted(answers) == [200] + [400] * 15
    assert console.left() == {"two", "ross"}


def test_while_the_keys_cannot_be_read_the_provider_is_asked_to_come_again(
    console: Console,
) -> None:
    console.provider_status = 500
    assert console.post(console.token()).status_code == 503
    assert console.left() == set(SESSIONS)
