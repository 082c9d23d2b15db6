"""Bills for programs: scopes, bodies, keys, replays, pages of results."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from shared import clock
from shared.clock import london_date
from shared.db import Database
from tests.payments.bills.counter import REFERENCE, count, pay, state
from tests.payments.govstack.calls import Tokens

URL = "/payments/v1/bills"
WRITER = "finance@strathclachan:payments.write"
READER = "finance@strathclachan:payments.read"


def _bill(**changes: object) -> dict[str, object]:
    return {
        "organisation": "strathclachan",
        "programme": "winter-heating",
        "reference": REFERENCE,
        "payer_name": "Morag Fictional",
        "amount_pence": 12_050,
        "description": "Garden waste permit",
        "due_date": london_date(clock.now()).isoformat(),
    } | changes


@pytest.fixture
def api(app: Starlette) -> Iterator[TestClient]:
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.tokens = Tokens()
    with TestClient(app) as client:
        yield client


def _send(
    api: TestClient, path: str, body: object, key: str = "key-1", token: str = WRITER
) -> tuple[int, dict[str, object], str]:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    answer = api.post(path, json=body, headers=headers)
    return answer.status_code, answer.json(), answer.headers.get("Idempotent-Replayed", "")


def _get(api: TestClient, path: str, token: str = READER) -> tuple[int, dict[str, object]]:
    answer = api.get(path, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json()


def test_a_bill_is_issued_once_and_cancelled_once(api: TestClient, database: Database) -> None:
    status, told, replayed = _send(api, URL, _bill())
    assert (status, replayed) == (201, "")
    assert (told["state"], told["last_day"]) == ("open", told["due_date"])
    assert _send(api, URL, _bill()) == (201, told, "true")
    status, conflict, _ = _send(api, URL, _bill(amount_pence=1))
    assert (status, conflict["code"]) == (409, "idempotency_key_reused")
    assert _get(api, f"{URL}/{REFERENCE}?organisation=strathclachan") == (200, told)
    body = {"organisation": "strathclachan", "reason": "Issued twice"}
    for expected in ("", "true"):
        status, told, replayed = _send(api, f"{URL}/{REFERENCE}/cancel", body)
        assert (status, told["state"], replayed) == (200, "cancelled", expected)
    status, told, _ = _send(api, f"{URL}/{REFERENCE}/cancel", body, key="key-2")
    assert (status, told["code"]) == (409, "bill_state")
    with database.transaction() as session:
        assert (count(session, "bill"), state(session)) == (1, "cancelled")


def test_another_programs_bill_is_not_cancelled(api: TestClient, database: Database) -> None:
    _send(api, URL, _bill())
    body = {"organisation": "strathclachan", "reason": "Not mine"}
    other = "another@strathclachan:payments.write"
    assert _send(api, f"{URL}/{REFERENCE}/cancel", body, token=other)[0] == 404
    with database.transaction() as session:
        assert state(session) == "open"


_CALLS = [
    ("GET", f"{URL}?organisation=strathclachan", None, "payments.read"),
    ("GET", f"{URL}/{REFERENCE}?organisation=strathclachan", None, "payments.read"),
    ("POST", URL, _bill(), "payments.write"),
    (
        "POST",
        f"{URL}/{REFERENCE}/cancel",
        {"organisation": "strathclachan", "reason": "Why not"},
        "payments.write",
    ),
]


def test_who_may_call(api: TestClient, database: Database) -> None:
    for method, path, body, scope in _CALLS:
        for token, status in (
            ("", 401),
            ("nonsense", 401),
            ("finance@strathclachan:payments.govstack", 403),
            (f"finance@glenmore:{scope}", 403),
        ):
            headers = {"Idempotency-Key": "key-1"}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            answer = api.request(method, path, json=body, headers=headers)
            assert answer.status_code == status, (method, path, token)
    with database.transaction() as session:
        assert count(session, "bill") == 0


def test_bills_are_listed_page_by_page(api: TestClient, database: Database) -> None:
    for number in range(3):
        sent = _bill(reference=f"B-{number}", payer_name=f"Payer {number}")
        assert _send(api, URL, sent, key=f"key-{number}")[0] == 201
    with database.transaction() as session:
        pay(session, now=clock.now(), bill_reference="B-0")
    base = f"{URL}?organisation=strathclachan"
    status, told = _get(api, f"{base}&size=2&page=1")
    assert (status, told["total"]) == (200, 3)
    for query, expected in (
        ("size=2", ["B-2", "B-1"]),
        ("size=2&page=2", ["B-0"]),
        ("size=2&page=3", []),
        ("state=paid", ["B-0"]),
        ("q=payer+1", ["B-1"]),
        ("q=b-2", ["B-2"]),
        ("q=%00", []),
        ("programme=clothing-grant", []),
    ):
        results = _get(api, f"{base}&{query}")[1]["results"]
        assert isinstance(results, list)
        assert [one["reference"] for one in results] == expected, query
    paid = _get(api, f"{URL}/B-0?organisation=strathclachan")[1]
    assert (paid["state"], paid["payment_reference"]) == ("paid", "PAYREF-0001")
    for bad in ("state=gone", "size=0", "size=101", "page=0"):
        assert _get(api, f"{base}&{bad}")[0] == 422, bad
    assert _get(api, f"{URL}/UNKNOWN?organisation=strathclachan")[0] == 404


def test_every_fault_is_named(api: TestClient, database: Database) -> None:
    status, told, _ = _send(api, URL, _bill(reference="a b", amount_pence=0, programme="none"))
    assert status == 422
    assert "reference" in str(told)
    assert "amount" in str(told)
    assert "programme" in str(told)
    for bad in ({"amount_pence": 12.5}, {"amount_pence": "1"}, {"due_date": "soon"}, {"x": 1}):
        assert _send(api, URL, _bill(**bad))[0] == 422, bad
    with database.transaction() as session:
        assert count(session, "bill") == 0


_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.just("\x00")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.sampled_from(sorted(_bill())), value=_VALUES)
def test_no_body_makes_the_api_fail(api: TestClient, name: str, value: object) -> None:
    status, _, _ = _send(api, URL, _bill(**{name: value}), key="fuzz")
    assert status in (201, 403, 409, 422)
