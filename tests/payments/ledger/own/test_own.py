"""Programs keep accounts of their own: opened once, posted once, apart from control accounts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.routing import Mount
from starlette.testclient import TestClient

from payments.ledger.actions import open_accounts
from payments.ledger.queries import get_balance, list_faults
from shared.db import Database
from shared.errors import Unauthorised
from shared.tokens import Claims
from tests.payments.runs.console import make_settings, running_app

BODY = "strathclachan"
TOKEN = "finance@strathclachan:payments.ledger"


class Tokens:
    """Stands for the verifier: the token is `client@organisation:scope`."""

    def verify(self, token: str) -> Claims:
        client, _, scope = token.partition(":")
        if not scope:
            raise Unauthorised("invalid_token", "The access token is not valid")
        client, _, organisation = client.partition("@")
        return Claims(client, client, frozenset([scope]), {"organisation": organisation})


@pytest.fixture
def api(
    payments_database: Database, payments_url: str, key_file: Path, private_key: Path
) -> Iterator[TestClient]:
    with payments_database.transaction() as session:
        open_accounts(session, BODY)
    with running_app(make_settings(payments_url, key_file, private_key)) as app:
        for route in app.routes:
            if isinstance(route, Mount) and isinstance(route.app, FastAPI):
                route.app.state.runtime.tokens = Tokens()
        with TestClient(app, base_url="http://testserver/payments/v1/ledger/") as client:
            yield client


def put(api: TestClient, code: str, token: str = TOKEN, **changes: object) -> tuple[int, str]:
    content = {"organisation": BODY, "type": "asset"} | changes
    headers = {"Authorization": f"Bearer {token}"}
    answer = api.put(f"accounts/{code}", json=content, headers=headers)
    return answer.status_code, answer.json()["code"] if answer.content else ""


def post(
    api: TestClient, event: str = "one", token: str = TOKEN, **changes: object
) -> tuple[int, dict[str, object], str]:
    content = {
        "organisation": BODY,
        "event_id": event,
        "effective_on": "2026-11-23",
        "debit": "own.till",
        "credit": "programme_income",
        "amount_pence": 500,
    } | changes
    answer = api.post("entries", json=content, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json(), answer.headers.get("Idempotent-Replayed", "")


def balance(database: Database, code: str = "own.till") -> int:
    with database.transaction() as session:
        assert list_faults(session, BODY) == []
        return get_balance(session, BODY, code)


def test_an_account_is_opened_once(api: TestClient, payments_database: Database) -> None:
    assert put(api, "own.till") == (204, "")
    assert put(api, "own.till") == (204, "")
    assert put(api, "own.till", type="income") == (409, "account_differs")
    with payments_database.transaction() as session:
        found = session.execute(text("SELECT type, bound FROM account WHERE code = 'own.till'"))
        assert [tuple(row) for row in found] == [("asset", "none")]
        # The body's auditor sees what its programs did.
        noted = session.execute(text("SELECT actor_id, actor_organisation FROM audit_event"))
        assert [tuple(row) for row in noted] == [("finance", BODY)]


@pytest.mark.parametrize("code", ["till", "bank.main", "own.", "own.Till", "own." + "x" * 60])
def test_other_codes_are_refused(api: TestClient, code: str) -> None:
    assert put(api, code) == (422, "invalid")


def test_an_event_posts_once(api: TestClient, payments_database: Database) -> None:
    put(api, "own.till")
    status, body, replayed = post(api)
    assert (status, replayed) == (201, "")
    assert post(api) == (201, body, "true")
    assert post(api, amount_pence=501)[1]["code"] == "exists_with_different_postings"
    assert balance(payments_database) == 500
    assert post(api, token="till@strathclachan:payments.ledger")[0] == 201, (
        "another program's event"
    )
    assert balance(payments_database) == 1000


def test_many_at_once_are_posted_once_each(api: TestClient, payments_database: Database) -> None:
    put(api, "own.till")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: post(api, f"e{number % 40}"), range(160)))
    assert {status for status, _, _ in answers} == {201}
    assert len({str(body["entry_id"]) for _, body, _ in answers}) == 40
    assert balance(payments_database) == 40 * 500


def test_a_bound_refuses_one_and_not_its_neighbours(
    api: TestClient, payments_database: Database
) -> None:
    put(api, "own.till", bounded=True)
    post(api)
    spend = {"debit": "programme_expenditure", "credit": "own.till", "amount_pence": 200}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: post(api, f"s{number}", **spend), range(8)))
    assert sorted(status for status, _, _ in answers) == [201, 201, *[409] * 6]
    assert balance(payments_database) == 100


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"debit": "bank.main"}, "debit"),
        ({"credit": "payments_approved"}, "credit"),
        ({"credit": "own.till"}, "credit"),
        ({"amount_pence": 0}, "body.amount_pence"),
        ({"amount_pence": 1.5}, "body.amount_pence"),
        ({"event_id": "with space"}, "body.event_id"),
        ({"effective_on": "9999-12-31"}, "body.effective_on"),
        ({"effective_on": "1999-12-31"}, "body.effective_on"),
    ],
    ids=["bank", "control", "same", "nothing", "fraction", "event", "late", "early"],
)
def test_what_programs_may_not_post(
    api: TestClient, payments_database: Database, changes: dict[str, object], field: str
) -> None:
    put(api, "own.till")
    status, body, _ = post(api, **changes)
    assert status == 422
    assert field.rsplit(".", 1)[-1] in str(body["fields"])
    assert balance(payments_database) == 0


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", 401),
        ("x", 401),
        ("finance@strathclachan:payments.write", 403),
        ("f@glenmore:payments.ledger", 403),
    ],
    ids=["none", "bad", "scope", "body"],
)
def test_who_may_post(
    api: TestClient, payments_database: Database, token: str, status: int
) -> None:
    put(api, "own.till")
    assert post(api, token=token)[0] == status
    assert put(api, "own.other", token=token)[0] == status
    assert balance(payments_database) == 0
