"""Payees for programs: read and propose, once per key; never confirm."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from payments.payees.master.actions.check import check_change
from shared import clock
from tests.payments.payees.master.desk import BODY, MORAG, Desk
from tests.payments.payees.programs import open_api

PROPOSAL = {
    "organisation": BODY,
    "name": "Hamish MacSpecimen",
    "account_type": "personal",
    "sort_code": "99-00-01",
    "account_number": "10000048",
    "reference": "SUP-7",
    "email": "hamish@example.org",
}


@pytest.fixture
def api(app: Starlette) -> Iterator[TestClient]:
    with open_api(app) as client:
        yield client


def _post(api: TestClient, path: str, body: object, key: str = "k1", scope: str = "propose") -> int:
    headers = {"Authorization": f"Bearer erp:payees.{scope}", "Idempotency-Key": key}
    answer = api.post(f"/payments/v1{path}", json=body, headers=headers)
    api.last = answer  # type: ignore[attr-defined]  # looked at by the tests
    return answer.status_code


def _body(api: TestClient) -> dict[str, Any]:
    return dict(api.last.json())  # type: ignore[attr-defined]  # set by _post


def _get(api: TestClient, path: str, scope: str = "read") -> tuple[int, dict[str, object]]:
    headers = {"Authorization": f"Bearer erp:payees.{scope}"}
    answer = api.get(f"/payments/v1{path}", headers=headers)
    return answer.status_code, answer.json()


def test_a_program_proposes_once_per_key_and_people_confirm(api: TestClient, desk: Desk) -> None:
    desk = replace(desk, now=clock.now())
    assert _post(api, "/payees", PROPOSAL) == 202
    first = _body(api)
    assert first["state"] == "checking"
    assert _post(api, "/payees", PROPOSAL) == 202
    assert _body(api) == first
    assert _post(api, "/payees", PROPOSAL | {"name": "Else"}) == 409
    check_change(desk.checker, BODY, UUID(first["change_id"]))
    path = f"/payees/{first['payee_id']}?organisation={BODY}"
    status, found = _get(api, path)
    assert (status, found["state"], found["change_waiting"]) == (
        200,
        "proposed",
        first["change_id"],
    )
    desk.confirm(UUID(first["change_id"]))
    _, found = _get(api, path)
    assert (found["state"], found["account"], found["version"]) == ("active", "••••0048", 1)
    assert "hamish@example.org" not in str(found)
    assert _post(api, f"/payees/{first['payee_id']}/changes", PROPOSAL) == 422
    changed = PROPOSAL | {"gl_code": "4100", "reason": "New cost centre"}
    assert _post(api, f"/payees/{first['payee_id']}/changes", changed, "k2") == 202
    assert _body(api)["state"] == "proposed"


def test_a_payee_is_found_by_words_and_by_account(api: TestClient, desk: Desk) -> None:
    replace(desk, now=clock.now()).make()
    for query, total in (("", 1), ("&q=fictional", 1), ("&q=nobody", 0), ("&page=2", 1)):
        status, found = _get(api, f"/payees?organisation={BODY}{query}")
        assert (status, found["total"]) == (200, total)
    _, found = _get(api, "/payees?organisation=glenmore")
    assert found["total"] == 0
    account = {"organisation": BODY, "sort_code": "990001", "account_number": "10000012"}
    assert _post(api, "/payees/find", account, scope="read") == 200
    assert _body(api)["total"] == 1
    assert _post(api, "/payees/find", account | {"account_number": "1"}, scope="read") == 422


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"account_number": "x"}, 422, "account_number"),
        ({"name": ""}, 422, "name"),
        ({"iban": "GB00"}, 422, "iban"),
        ({"more": "x"}, 422, "more"),
        ({"account_type": "x"}, 422, "account_type"),
    ],
    ids=["account", "name", "iban", "unknown", "type"],
)
def test_a_bad_proposal_changes_nothing(
    api: TestClient, desk: Desk, change: dict[str, str], status: int, field: str
) -> None:
    before = desk.look()
    assert _post(api, "/payees", PROPOSAL | change) == status
    assert [fault["field"] for fault in _body(api)["fields"]] == [field]
    assert desk.look() == before


def test_scopes_and_bodies_are_kept_apart(api: TestClient, desk: Desk) -> None:
    payee_id = replace(desk, now=clock.now()).make(MORAG)
    before = desk.look()
    assert _post(api, "/payees", PROPOSAL, scope="read") == 403
    assert _post(api, f"/payees/{payee_id}/changes", PROPOSAL, scope="check") == 403
    assert _get(api, f"/payees/{payee_id}?organisation={BODY}", "propose")[0] == 403
    assert _get(api, f"/payees?organisation={BODY}", "propose")[0] == 403
    assert _get(api, f"/payees/{payee_id}?organisation=glenmore")[0] == 404
    assert _post(api, f"/payees/{payee_id}/changes", PROPOSAL | {"organisation": "glenmore"}) == 422
    wrong = PROPOSAL | {"organisation": "glenmore", "reason": "x"}
    assert _post(api, f"/payees/{payee_id}/changes", wrong) == 404
    assert _post(api, f"/payees/{uuid4()}/changes", PROPOSAL | {"reason": "x"}, "k2") == 404
    for path in (f"/payees?organisation={BODY}", f"/payees/{payee_id}?organisation={BODY}"):
        other = api.get(
            f"/payments/v1{path}", headers={"Authorization": "Bearer erp@glenmore:payees.read"}
        )
        assert other.json()["code"] == "organisation_forbidden"
    for path in ("/payees", "/payees/find", f"/payees/{payee_id}/changes"):
        other = api.post(
            f"/payments/v1{path}",
            json=PROPOSAL if path != "/payees/find" else {"organisation": BODY},
            headers={
                "Authorization": "Bearer erp@glenmore:payees.read+payees.propose",
                "Idempotency-Key": "k9",
            },
        )
        assert other.json()["code"] == "organisation_forbidden"
    assert desk.look() == before
    with desk.database.transaction() as session:
        kept = session.execute(text("SELECT count(*) FROM idempotency_key")).scalar_one()
    assert kept == 0


def test_a_name_is_checked_once_per_key(api: TestClient, desk: Desk) -> None:
    question = {
        "organisation": BODY,
        "account_type": "personal",
        "name": "Hamish MacSpecimen",
        "sort_code": "99-00-01",
        "account_number": "10000048",
    }
    assert _post(api, "/name-checks", question, key="check-1", scope="check") == 200
    first = _body(api)
    assert first["outcome"] == "unable_to_check"
    assert _post(api, "/name-checks", question, key="check-1", scope="check") == 200
    assert _body(api) == first
    assert api.last.headers["Idempotent-Replayed"] == "true"  # type: ignore[attr-defined]  # set by _post
    other = question | {"name": "Somebody Else"}
    assert _post(api, "/name-checks", other, key="check-1", scope="check") == 409
    assert _post(api, "/name-checks", question, key="no key!", scope="check") == 422
    with desk.database.transaction() as session:
        asked = session.execute(text("SELECT count(*) FROM name_check")).scalar_one()
    assert asked == 1
