"""The protocol's endpoints under stress: too many requests, no database, wrong methods, races."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from identity.oidc.errors import ProtocolError
from identity.oidc.limits import ClientLimits
from identity.web import create_app
from shared.db import Database
from shared.quick import Quick
from tests.identity.conformance.strict_client import STRICT, StrictClient
from tests.identity.oidc.test_single_use import in_parallel
from tests.identity.oidc.world import OIDC, PUBLIC_URL, SECRET, World


def test_a_client_that_asks_too_often_is_told_when_to_come_back(world: World) -> None:
    for client_id in ("robot-service", "other-service"):
        world.register(
            client_id,
            grant_types=("client_credentials",),
            scopes=("payments.read",),
            auth_method="client_secret_post",
        )
    app = create_app(world.settings.model_copy(update={"client_requests_per_minute": 3}))
    http = TestClient(app, base_url=PUBLIC_URL)

    def ask(client_id: str, secret: str = SECRET) -> Any:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return http.post(f"{OIDC}/token", data=form)

    for _ in range(5):
        assert ask("robot-service", "wrong").status_code == 401, "nobody else uses it up"
    assert [ask("robot-service").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = ask("robot-service")
    assert refused.json()["error"] == "temporarily_unavailable"
    assert 0 < int(refused.headers["retry-after"]) <= 20
    assert ask("other-service").status_code == 200
    app.routes[-1].app.state.runtime.database.engine.dispose()  # type: ignore[attr-defined]  # a mount


def test_the_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    instant = 1000.0
    monkeypatch.setattr("identity.oidc.limits.time.monotonic", lambda: instant)
    limits = ClientLimits(60)
    for _ in range(60):
        limits.check("robot-service")
    with pytest.raises(ProtocolError):
        limits.check("robot-service")
    instant += 1.5
    limits.check("robot-service")
    with pytest.raises(ProtocolError):
        limits.check("robot-service")


_ASKED = (
    ("POST", "/token"),
    ("POST", "/par"),
    ("POST", "/revoke"),
    ("POST", "/introspect"),
    ("GET", "/authorize"),
    ("GET", "/userinfo"),
    ("GET", "/jwks.json"),
)


@pytest.mark.parametrize(("method", "path"), _ASKED)
def test_without_a_database_every_endpoint_answers_as_the_protocol_does(
    client_world: World, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    def away(*_arguments: object) -> None:
        raise OperationalError("select", {}, OSError("away"))

    app = create_app(client_world.settings)
    http = TestClient(app, base_url=PUBLIC_URL, cookies=client_world.http.cookies)
    monkeypatch.setattr(Database, "transaction", away)
    monkeypatch.setattr(Quick, "execute", away)
    form = {"grant_type": "authorization_code", "client_id": "council-client", "client_secret": "x"}
    sent: dict[str, Any] = {"data": form} if method == "POST" else {"params": form}
    headers = {"Authorization": "Bearer x"} if path == "/userinfo" else {}
    answer = http.request(method, f"{OIDC}{path}", headers=headers, **sent)
    assert answer.status_code == 503
    assert answer.json()["error"] == "temporarily_unavailable"
    app.routes[-1].app.state.runtime.database.engine.dispose()  # type: ignore[attr-defined]  # a mount


@pytest.mark.parametrize("path", ["/token", "/par", "/revoke", "/introspect"])
def test_what_is_posted_cannot_be_got(world: World, path: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        refused = world.http.request(method, f"{OIDC}{path}")
        assert (refused.status_code, refused.json()["error"]) == (405, "invalid_request")
        assert refused.headers["allow"] == "POST"


@pytest.mark.committed
def test_of_sixteen_parallel_uses_of_a_proof_exactly_one_counts(world: World) -> None:
    world.sign_in()
    client = StrictClient(world).register()
    token = client.tokens()["access_token"]
    client.userinfo(token)
    for _ in range(6):
        proof = client.proof(f"{STRICT}/userinfo", "GET", token=token)
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
        answers = in_parallel(
            lambda headers=headers: client.http.get(f"{STRICT}/userinfo", headers=headers)
        )
        assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 15}
