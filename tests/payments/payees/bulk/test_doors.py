"""Files of name checks as people and programs use them."""

import csv
import io
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from payments.payees.actions import Checker
from payments.payees.bank_details import DetailsVault
from payments.payees.bulk import tasks
from payments.payees.bulk.actions import start_batch, validate_shard
from payments.payees.modulus.tables import TableFiles
from payments.runs.rules import ROLE_NAMES
from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from shared.outbox import Job
from tests.payments.payees.bulk.bank import NamesBank
from tests.payments.payees.programs import open_api
from tests.payments.runs.console import SECRET, Console

BODY = "strathclachan"
FILES = "/payments/confirmation-of-payee/files"
CSV = (
    "account_type,name,sort_code,account_number,reference\n"
    "personal,Good One,99-00-01,10000012,=A1\n"
    "personal,Close One,99-00-01,10000024,B\n"
    "personal,,99-00-01,10000036,C\n"
)
OpenConsole = Callable[..., Console]


def _staff(*roles: str, organisation: str = BODY) -> Actor:
    return Actor("staff", f"person-{'-'.join(roles)}", organisation, frozenset(roles), "Cora")


COP = _staff("payments.confirmation_of_payee")


@pytest.fixture
def checker(database: Database, sealer: Sealer) -> Checker:
    vault = DetailsVault(sealer, SECRET)
    return Checker(database, NamesBank(), TableFiles(None, None), vault, clock.now)


@pytest.fixture
def api(app: Starlette) -> Iterator[TestClient]:
    with open_api(app) as client:
        yield client


def _upload(one: Console, content: str) -> str:
    one.get(FILES)
    data = {"csrf_token": one.hidden("csrf_token")}
    answer = one.client.post(FILES, data=data, files={"file": ("n.csv", content)})
    one.status, one.html = answer.status_code, answer.text
    return str(answer.url)


def _work(database: Database, checker: Checker) -> UUID:
    """Do what the worker does: look at the rows, begin, ask."""
    with database.transaction() as session:
        stage_id, batch_id = session.execute(text("SELECT id, subject_id FROM stage")).one()
        validate_shard(session, checker, stage_id, 1)
        start_batch(session, batch_id, 1, clock.now())
        row = session.execute(
            text(
                "UPDATE outbox SET attempt = 1 WHERE topic = 'payments.payees.ask_names'"
                " RETURNING id, payload"
            )
        ).one()
    job = Job(row.id, "t", dict(row.payload), 1, database, None)  # type: ignore[arg-type]  # no setting is read
    tasks.run_lane(job, checker, 10_000)
    return UUID(str(batch_id))


def test_a_person_sends_a_file_and_sees_the_answers(
    console: OpenConsole, database: Database, checker: Checker
) -> None:
    one = console(COP)
    assert "No file was sent yet." in one.get(FILES)
    url = _upload(one, CSV)
    assert "Its names are being checked." in one.html
    batch_id = _work(database, checker)
    page = one.get(f"{FILES}/{batch_id}")
    assert "3 of 3 (100%)" in page
    assert "Close match (MBAM)" in page
    assert "Held Name" in page
    assert "10000012" not in page
    page = one.get(f"{FILES}/{batch_id}?outcome=match")
    assert "Good One" in page
    assert "Close One" not in page
    rows = list(
        csv.DictReader(io.StringIO(one.client.get(f"{FILES}/{batch_id}/download").text[1:]))
    )
    assert [(row["reference"], row["outcome"], row["matched_name"]) for row in rows] == [
        ("'=A1", "match", ""),
        ("B", "close_match", "Held Name"),
        ("C", "invalid", ""),
    ]
    assert str(batch_id) in url
    assert "known" in _upload(one, CSV)
    with database.transaction() as session:
        kinds = session.execute(
            text("SELECT DISTINCT action FROM audit_event WHERE object_type = 'name_batch'")
        ).scalars()
        assert {kind.rpartition(".")[2] for kind in kinds} == {
            "begun",
            "names_shown",
            "downloaded",
        }


def test_the_answers_are_exported_after_a_fresh_sign_in(
    console: OpenConsole, database: Database, checker: Checker
) -> None:
    one = console(COP)
    _upload(one, CSV)
    batch_id = _work(database, checker)
    with database.transaction() as session:
        session.execute(text("UPDATE body SET step_up = 'all'"))
    path = f"{FILES}/{batch_id}/download"
    answer = one.client.get(path, follow_redirects=False)
    assert answer.headers["location"].startswith("/payments/step-up?return_to=")
    fresh = console(COP, auth_time=int(clock.now().timestamp()), amr=["pwd", "otp"])
    assert "10000012" in fresh.client.get(path).text


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "Select a CSV file"), ("x\n1\n", "no column"), ("account_type,name\n", "no rows")],
    ids=["none", "columns", "empty"],
)
def test_a_bad_file_is_refused_and_nothing_kept(
    console: OpenConsole, database: Database, content: str, words: str
) -> None:
    one = console(COP)
    _upload(one, content)
    assert one.status == 422
    assert words in one.html
    assert 'href="#file"' in one.html
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM name_batch")).scalar_one() == 0


@pytest.mark.parametrize("role", sorted(ROLE_NAMES))
def test_every_route_by_every_role(
    console: OpenConsole, database: Database, checker: Checker, role: str
) -> None:
    _upload(console(COP), CSV)
    batch_id = _work(database, checker)
    one = console(_staff(role))
    checks = {"payments.confirmation_of_payee", "payments.uploader"}
    for path in (FILES, f"{FILES}/{batch_id}", f"{FILES}/{batch_id}/download"):
        one.get(path)
        assert (one.status == 403) == (role not in checks | {"payments.auditor"}), path
    for path in (f"{FILES}/{batch_id}/stop", f"{FILES}/{batch_id}/go-on", FILES):
        one.get(FILES)
        one.post(path)
        assert one.status == (403 if role not in checks else 422 if path == FILES else 409), path
    other = console(_staff(role, organisation="glenmore"))
    other.get(f"{FILES}/{batch_id}")
    assert other.status in (403, 404)


def test_a_program_sends_a_batch_and_fetches_its_answers(
    api: TestClient, database: Database, checker: Checker
) -> None:
    rows = [
        {"account_type": "personal", "name": name, "sort_code": "990001", "account_number": number}
        for name, number in (("Good One", "10000012"), ("Close One", "10000024"), ("x", "1"))
    ]
    body = {"organisation": BODY, "rows": rows}
    headers = {"Authorization": "Bearer erp:payees.check", "Idempotency-Key": "k1"}
    path = "/payments/v1/name-check-batches"
    first = api.post(path, json=body, headers=headers)
    assert first.status_code == 202
    again = api.post(path, json=body, headers=headers)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert api.post(path, json={**body, "rows": rows[:1]}, headers=headers).status_code == 409
    other_key = headers | {"Idempotency-Key": "k2"}
    assert api.post(path, json=body, headers=other_key).json()["code"] == "file_known"
    batch_id = _work(database, checker)
    one = f"{path}/{batch_id}"
    found = api.get(f"{one}?organisation={BODY}", headers=headers).json()
    assert (found["state"], found["rows"], found["answered"]) == ("done", 3, 3)
    page = api.get(f"{one}/results?organisation={BODY}&size=2&page=1", headers=headers).json()
    assert [(row["outcome"], row["policy"], row["matched_name"]) for row in page["results"]] == [
        ("match", "pass", None),
        ("close_match", "hold", "Held Name"),
    ]
    page = api.get(f"{one}/results?organisation={BODY}&size=2&page=2", headers=headers).json()
    assert [row["outcome"] for row in page["results"]] == ["invalid"]
    for token, body_of, status in (
        ("other:payees.check", BODY, 404),
        ("erp:payees.check", "glenmore", 404),
        ("erp:payees.read", BODY, 403),
        ("erp@glenmore:payees.check", BODY, 403),
    ):
        asked = {"Authorization": f"Bearer {token}"}
        for address in (one, f"{one}/results"):
            got = api.get(f"{address}?organisation={body_of}", headers=asked)
            assert got.status_code == status
    assert api.get(f"{path}/{uuid4()}?organisation={BODY}", headers=headers).status_code == 404


def test_an_empty_batch_is_refused(api: TestClient, database: Database) -> None:
    headers = {"Authorization": "Bearer erp:payees.check", "Idempotency-Key": "k1"}
    body = {"organisation": BODY, "rows": []}
    answer = api.post("/payments/v1/name-check-batches", json=body, headers=headers)
    assert answer.status_code == 422
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM name_batch")).scalar_one() == 0


def test_a_check_tells_how_it_was_decided(api: TestClient) -> None:
    body = {
        "organisation": BODY,
        "account_type": "personal",
        "name": "Ms Morag Fictional",
        "iban": "GB29 NWBK 6016 1331 9268 19",
    }
    headers = {"Authorization": "Bearer erp:payees.check"}
    answer = api.post("/payments/v1/name-checks", json=body, headers=headers).json()
    assert (answer["policy"], answer["policy_version"]) == ("warn", "uk-cop-2026-1")
    steps = {step["what"]: step["finding"] for step in answer["steps"]}
    assert steps["Name as it is compared"] == "morag fictional"
    assert steps["The bank's answer"] == "Unable to check (NOANSWER)"
