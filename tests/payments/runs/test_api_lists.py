"""Programs list, look at and cancel their own payments, and nobody else's."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from payments.runs.actions.put_forward import put_forward
from shared.db import Database
from tests.payments.runs.test_api import BODY, _post, _Tokens
from tests.payments.runs.world import NOW, UNA, World

READ, WRITE = "gw:payments.read", "gw:payments.write"


@pytest.fixture
def api(app: Starlette) -> Iterator[TestClient]:
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.state.runtime.tokens = _Tokens()
    with TestClient(app) as client:
        yield client


def _get(api: TestClient, path: str, token: str = READ) -> tuple[int, dict[str, object]]:
    answer = api.get(f"/payments/v1/{path}", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json()


def _cancel(
    api: TestClient, payment_id: object, key: str = "c-1", reason: str = "Withdrawn"
) -> tuple[int, dict[str, object], bool]:
    headers = {"Authorization": f"Bearer {WRITE}", "Idempotency-Key": key}
    path = f"/payments/v1/payments/{payment_id}/cancel"
    answer = api.post(path, json={"reason": reason}, headers=headers)
    return answer.status_code, answer.json(), "Idempotent-Replayed" in answer.headers


def _make(api: TestClient, number: int) -> str:
    body = BODY | {"reference": f"SWH-{number}", "case_reference": f"SWH-{number}"}
    return str(_post(api, body, key=f"key-{number}")[1]["payment_id"])


def test_a_page_leads_to_the_next(api: TestClient) -> None:
    made = [_make(api, number) for number in range(5)]
    found: list[object] = []
    after = ""
    for _ in range(3):
        path = f"payments?organisation=strathclachan&limit=2&after={after}"
        status, body = _get(api, path)
        assert status == 200
        lines = body["payments"]
        assert isinstance(lines, list)
        found += [line["payment_id"] for line in lines]
        after = str(body["next"])
    assert found == made[::-1]
    assert after == "None"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=held", 3),
        ("state=ready", 0),
        ("reference=SWH-1", 1),
        ("case_reference=SWH-2", 1),
        ("after=unknown", 0),
    ],
)
def test_payments_are_found(api: TestClient, query: str, count: int) -> None:
    for number in range(3):
        _make(api, number)
    _, body = _get(api, f"payments?organisation=strathclachan&{query}")
    assert len(body["payments"]) == count  # type: ignore[arg-type]  # a double, or a value that the test chose


def test_other_programs_and_bodies_see_nothing(api: TestClient) -> None:
    payment_id = _make(api, 1)
    _, made = _get(api, f"payments/{payment_id}")
    assert made["state"] == "held"
    _, body = _get(api, "payments?organisation=strathclachan", "other:payments.read")
    assert body["payments"] == []
    _, body = _get(api, "payments?organisation=glenmore")
    assert body["payments"] == []
    stranger = "gw@glenmore:payments.read"
    assert _get(api, "payments?organisation=strathclachan", stranger)[0] == 403
    assert _get(api, "payments?organisation=strathclachan", WRITE)[0] == 403


def test_a_run_is_told_in_totals(api: TestClient) -> None:
    _, made, _ = _post(api, BODY)
    status, body = _get(api, f"runs/{made['run_id']}")
    assert status == 200
    assert (body["state"], body["programme"]) == ("collecting", "winter-heating")
    assert body["states"] == [{"state": "held", "payments": 1, "total_pence": 30000}]
    assert _get(api, f"runs/{made['run_id']}", "other:payments.read")[0] == 404
    assert _get(api, f"runs/{UUID(int=1)}")[0] == 404


def test_a_payment_is_cancelled_once(api: TestClient, database: Database) -> None:
    payment_id = _make(api, 1)
    assert _cancel(api, payment_id) == (
        200,
        {"payment_id": payment_id, "state": "cancelled"},
        False,
    )
    assert _cancel(api, payment_id)[2]
    assert _cancel(api, payment_id, key="c-2")[0] == 200
    assert _cancel(api, payment_id, reason="Other")[0] == 409
    with database.transaction() as session:
        events = text("SELECT count(*) FROM run_event WHERE kind = 'removed'")
        assert session.execute(events).scalar_one() == 1


def test_what_was_put_forward_is_not_cancelled(
    api: TestClient, database: Database, world: World
) -> None:
    payment_id = _make(api, 1)
    with database.transaction() as session:
        session.execute(
            text("UPDATE payment SET state = 'ready', hold_code = NULL, hold_reason = NULL")
        )
        run_id = session.execute(text("SELECT run_id FROM payment")).scalar_one()
        put_forward(session, world.desk.vault, run_id, UNA, NOW)
        before = world.snapshot(session)
    status, body, _ = _cancel(api, payment_id)
    assert (status, body["code"]) == (409, "payment_state")
    with database.transaction() as session:
        assert world.snapshot(session) == before


def test_what_belongs_to_an_invoice_is_kept_and_compared(
    api: TestClient, database: Database
) -> None:
    more = {
        "gl_code": "4711/A",
        "invoice_reference": "INV-1",
        "invoice_received_date": "2026-11-20",
    }
    status, made, _ = _post(api, BODY | more)
    assert status == 201
    assert _post(api, BODY | more) == (201, made, "true")
    status, body, _ = _post(api, BODY | more | {"gl_code": "4712"})
    assert (status, body["code"]) == (409, "exists_with_different_gl_code")
    with database.transaction() as session:
        row = session.execute(
            text("SELECT gl_code, invoice_reference, invoice_received_on::text FROM payment")
        ).one()
        assert tuple(row) == ("4711/A", "INV-1", "2026-11-20")
    status, body, _ = _post(api, BODY | {"gl_code": "no blanks"}, key="key-2")
    assert status == 422
    unknown = {"payee_id": str(UUID(int=1))}
    status, body, _ = _post(api, BODY | unknown, key="key-3")
    assert (status, body["code"]) == (422, "invalid")


def test_a_programmes_ledger_code_is_the_default(api: TestClient, database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE programme SET gl_code = '8000'"))
    assert _post(api, BODY)[0] == 201
    assert _post(api, BODY)[2] == "true"
    with database.transaction() as session:
        assert session.execute(text("SELECT gl_code FROM payment")).scalar_one() == "8000"
