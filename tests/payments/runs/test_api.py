"""The API for programs: scopes, keys, replays and refusals."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from shared.db import Database
from shared.errors import Unauthorised
from shared.tokens import Claims
from tests.payments.runs.world import World

BODY = {
    "organisation": "strathclachan",
    "programme": "winter-heating",
    "subject": "subject-1",
    "payee": {
        "name": "Morag Fictional",
        "account_type": "personal",
        "sort_code": "99-00-01",
        "account_number": "10000012",
    },
    "amount_pence": 30000,
    "currency": "GBP",
    "reference": "SWH-7K3M-9QPX",
    "case_reference": "SWH-7K3M-9QPX",
}


class _Tokens:
    """Stands for the verifier; the signature is another test's.

    The token is `client:scope` of the platform, or `client@organisation:scope`.
    """

    def verify(self, token: str) -> Claims:
        client, _, scope = token.partition(":")
        if not scope:
            raise Unauthorised("invalid_token", "The access token is not valid")
        client, _, organisation = client.partition("@")
        payload = {"organisation": organisation or "clachan"}
        return Claims(client, client, frozenset(scope.split("+")), payload)


@pytest.fixture
def api(app: Starlette) -> Iterator[TestClient]:
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.tokens = _Tokens()
    with TestClient(app) as client:
        yield client


def _post(
    api: TestClient, body: dict[str, object], key: str = "key-1", token: str = "gw:payments.write"
) -> tuple[int, dict[str, object], str]:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    answer = api.post("/payments/v1/payments", json=body, headers=headers)
    return answer.status_code, answer.json(), answer.headers.get("Idempotent-Replayed", "")


def test_a_payment_is_made_once(api: TestClient, database: Database) -> None:
    status, body, replayed = _post(api, BODY)
    assert (status, replayed) == (201, "")
    assert body["state"] == "held"
    assert _post(api, BODY) == (201, body, "true")
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 1


def test_a_bodys_own_program_orders_for_it(api: TestClient) -> None:
    assert _post(api, BODY, token="finance@strathclachan:payments.write")[0] == 201


def test_another_body_under_the_key_is_a_conflict(api: TestClient) -> None:
    _post(api, BODY)
    status, body, _ = _post(api, BODY | {"amount_pence": 1})
    assert (status, body["code"]) == (409, "exists_with_different_amount_pence")


def test_a_payment_may_replace_one_that_came_back(api: TestClient, database: Database) -> None:
    _, first, _ = _post(api, BODY)
    again = BODY | {"replaces": first["payment_id"]}
    status, body, _ = _post(api, again, key="key-2")
    assert (status, body["code"]) == (409, "not_replaceable")
    with database.transaction() as session:
        session.execute(text("UPDATE payment SET state = 'returned', hold_code = NULL"))
    status, made, _ = _post(api, again, key="key-3")
    assert status == 201
    assert _post(api, again, key="key-3") == (201, made, "true")
    status, body, _ = _post(api, BODY, key="key-3")
    assert (status, body["code"]) == (409, "exists_with_different_replaces")


def test_a_refusal_stays_with_its_key(api: TestClient, database: Database) -> None:
    bad = BODY | {"programme": "none"}
    first, again = _post(api, bad), _post(api, bad)
    assert first[0] == again[0] == 422
    assert (
        first[1]["fields"]
        == again[1]["fields"]
        == [{"field": "programme", "message": "This body has no such programme"}]
    )
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 0


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", 401),
        ("nonsense", 401),
        ("gw:payments.read", 403),
        ("finance@glenmore:payments.write", 403),
    ],
)
def test_who_may_order(api: TestClient, database: Database, token: str, status: int) -> None:
    assert _post(api, BODY, token=token)[0] == status
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"amount_pence": "300"},
        {"amount_pence": 1.5},
        {"unknown": 1},
        {"payee": {}},
        {"case_reference": "with space"},
    ],
)
def test_other_shapes_are_refused(api: TestClient, change: dict[str, object]) -> None:
    status, body, _ = _post(api, BODY | change)
    assert status == 422
    assert body["fields"]


def test_the_key_is_needed_and_plain(api: TestClient) -> None:
    headers = {"Authorization": "Bearer gw:payments.write"}
    assert api.post("/payments/v1/payments", json=BODY, headers=headers).status_code == 422
    assert _post(api, BODY, key="with space")[0] == 422


def test_how_far_a_payment_is(api: TestClient, world: World) -> None:
    _, made, _ = _post(api, BODY)
    path = f"/payments/v1/payments/{made['payment_id']}"
    answer = api.get(path, headers={"Authorization": "Bearer gw:payments.read"}).json()
    assert (answer["state"], answer["word"]) == ("held", "")
    assert [line["what"] for line in answer["timeline"]] == [
        "Payment ordered",
        "Payment is being looked at",
    ]
    assert answer["timeline"][0]["at"].endswith("Z")
    other = api.get(path, headers={"Authorization": "Bearer other:payments.read"})
    assert other.status_code == 404


def test_a_name_check_needs_its_scope_and_names_bad_fields(api: TestClient) -> None:
    body = {
        "organisation": "strathclachan",
        "account_type": "personal",
        "name": "Morag Fictional",
        "sort_code": "99",
        "account_number": "1",
    }
    path = "/payments/v1/confirmation-of-payee"
    assert api.post(path, json=body).status_code == 401
    headers = {"Authorization": "Bearer gw:payees.check"}
    answer = api.post(path, json=body, headers=headers)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["fields"]] == [
        "sort_code",
        "account_number",
    ]
    good = body | {"sort_code": "990001", "account_number": "10000012"}
    answer = api.post(path, json=good, headers=headers).json()
    assert (answer["outcome"], answer["reason_code"]) == ("unable_to_check", "NOANSWER")
    assert answer["modulus"]["result"] == "not_checked"
