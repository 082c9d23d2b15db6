"""Webhooks kept by programs: each sees its own, secrets are told once, keys repeat answers."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from payments.webhooks.actions.deliver import Courier, deliver
from shared import clock
from shared.db import Database
from shared.errors import Unauthorised
from shared.tokens import Claims
from tests.payments.runs.world import NOW, World
from tests.payments.webhooks.hooks import Watch
from tests.support.outside import Outside

BODY = {
    "organisation": "strathclachan",
    "url": "https://finance.example.scot/hooks",
    "event_types": ["payment.paid", "payment.held"],
    "description": "Grants system",
}
PATH = "/payments/v1/webhooks"
GATEWAY = {"Authorization": "Bearer gateway-service:payments.write"}
OTHER = {"Authorization": "Bearer other:payments.write"}


class _Tokens:
    """Stands for the verifier: the token is `client:scope`, the signature is another test's."""

    def verify(self, token: str) -> Claims:
        client, _, scope = token.partition(":")
        if not scope:
            raise Unauthorised("invalid_token", "The access token is not valid")
        return Claims(client, client, frozenset(scope.split("+")), {})


@pytest.fixture
def api(app: Starlette) -> Iterator[TestClient]:
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.tokens = _Tokens()
    with TestClient(app) as client:
        yield client


@pytest.fixture
def made(api: TestClient) -> dict[str, str]:
    answer = api.post(PATH, json=BODY, headers=GATEWAY)
    assert answer.status_code == 201
    found: dict[str, str] = answer.json()
    return found


def test_a_program_keeps_an_endpoint_from_making_to_removing(
    api: TestClient, made: dict[str, str]
) -> None:
    Webhook(made["secret"])
    one = f"{PATH}/{made['id']}"
    assert "secret" not in api.get(one, headers=GATEWAY).json()
    listed = api.get(f"{PATH}?organisation=strathclachan", headers=GATEWAY).json()
    assert [found["id"] for found in listed] == [made["id"]]
    changed = api.patch(
        one, json={"event_types": ["payment.sent"], "enabled": False}, headers=GATEWAY
    ).json()
    assert (changed["event_types"], changed["state"]) == (["payment.sent"], "switched_off")
    assert changed["url"] == BODY["url"]
    assert api.post(f"{one}/test", headers=GATEWAY).status_code == 409
    assert api.patch(one, json={"enabled": True}, headers=GATEWAY).json()["state"] == "enabled"
    assert api.post(f"{one}/test", headers=GATEWAY).status_code == 202
    secret = api.post(f"{one}/rotate-secret", headers=GATEWAY).json()["secret"]
    assert secret != made["secret"]
    assert api.delete(one, headers=GATEWAY).status_code == 204
    assert api.get(one, headers=GATEWAY).status_code == 404
    assert api.get(f"{PATH}?organisation=strathclachan", headers=GATEWAY).json() == []


def test_another_program_finds_nothing(api: TestClient, made: dict[str, str]) -> None:
    one = f"{PATH}/{made['id']}"
    for method, path, body in (
        ("GET", one, None),
        ("PATCH", one, {"enabled": False}),
        ("DELETE", one, None),
        ("POST", f"{one}/rotate-secret", None),
        ("POST", f"{one}/test", None),
        ("POST", f"{one}/replay", {"since": "2026-11-01T00:00:00Z"}),
        ("GET", f"{one}/deliveries", None),
    ):
        answer = api.request(method, path, json=body, headers=OTHER)
        assert answer.status_code == 404, (method, path)
        assert answer.json()["code"] == "webhook_not_found"
    assert api.get(one, headers=GATEWAY).json()["state"] == "enabled"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("", 401), ("Bearer nonsense", 401), ("Bearer gateway-service:payments.read", 403)],
    ids=["nobody", "bad token", "other scope"],
)
def test_who_may_not(api: TestClient, database: Database, authorization: str, status: int) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    assert api.post(PATH, json=BODY, headers=headers).status_code == status
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM webhook_endpoint")).scalar_one() == 0


def test_the_same_key_makes_one_endpoint_and_answers_the_same(
    api: TestClient, database: Database
) -> None:
    headers = {**GATEWAY, "Idempotency-Key": "key-1"}
    first = api.post(PATH, json=BODY, headers=headers)
    second = api.post(PATH, json=BODY, headers=headers)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    other = api.post(PATH, json={**BODY, "description": "x"}, headers=headers)
    assert other.status_code == 409
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM webhook_endpoint")).scalar_one() == 1
        kept = session.execute(text("SELECT body::text FROM idempotency_key")).scalar_one()
    assert "whsec" not in kept


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"organisation": "nowhere"}, "organisation"),
        ({"url": "https://169.254.169.254/"}, "url"),
        ({"event_types": ["run.sent"]}, "event_types"),
        ({"event_types": []}, "event_types"),
        ({"other": 1}, "other"),
    ],
    ids=["body", "private address", "event of runs", "no event", "unknown member"],
)
def test_refusals_name_the_field(api: TestClient, change: dict[str, object], field: str) -> None:
    answer = api.post(PATH, json={**BODY, **change}, headers=GATEWAY)
    assert answer.status_code == 422
    assert field in answer.text


def test_a_body_has_at_most_twenty(api: TestClient) -> None:
    statuses = [api.post(PATH, json=BODY, headers=GATEWAY).status_code for _ in range(21)]
    assert statuses == [201] * 20 + [409]


def test_a_programs_own_payment_is_told_listed_and_replayed(
    api: TestClient,
    database: Database,
    world: World,
    courier: Courier,
    outside: Outside,
    listen: Callable[..., UUID],
    watch: Watch,
) -> None:
    # Payments of these tests are made on a day to come.
    watch.ahead = NOW + timedelta(minutes=1) - clock.now()
    endpoint = listen("payment.held", client_id="gateway-service")
    with database.transaction() as session:
        payment = world.create(session, check_id=None)
    deliver(courier, endpoint)
    one = f"{PATH}/{endpoint}"
    found = api.get(f"{one}/deliveries?payment_id={payment.payment_id}", headers=GATEWAY).json()
    (line,) = found["deliveries"]
    assert (line["state"], line["last_status"], found["next"]) == ("delivered", 200, None)
    assert line["message_id"] == outside.sent[0].headers["webhook-id"]
    for body in ({"message_id": line["message_id"]}, {"since": "2026-11-01T00:00:00Z"}):
        answer = api.post(f"{one}/replay", json=body, headers=GATEWAY)
        assert (answer.status_code, answer.json()) == (202, {"messages": 1})
    for wrong in ({}, {"message_id": "nonsense"}, {"since": "2999-01-01T00:00:00Z"}):
        assert api.post(f"{one}/replay", json=wrong, headers=GATEWAY).status_code == 422
