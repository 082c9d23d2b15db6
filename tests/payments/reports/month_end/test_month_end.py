"""The month-end pack: the same to the byte, complete, and proved by its own manifest."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.reports.month_end.pack import write_pack
from payments.reports.month_end.queries import Sheet
from payments.runs.actions.approve import approve
from payments.runs.rules import (
    ADMINISTRATOR,
    APPROVER,
    AUDITOR,
    ENQUIRY,
    RECONCILER,
    RELEASER,
    ROLE_NAMES,
    UPLOADER,
)
from shared import clock
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, NOW, World, make_waiting_run, staff

Open = Callable[..., Console]
PACK = "/payments/reports/month-end.zip?month="
TAKERS = {UPLOADER, APPROVER, RELEASER, RECONCILER, AUDITOR}
AUDREY = staff("Audrey", AUDITOR)
MONTH = clock.london_date(clock.now()).isoformat()[:7]


@pytest.fixture
def run_id(database: Database, world: World) -> UUID:
    with database.transaction() as session:
        made = make_waiting_run(session, world)
        approve(session, made, world.run_hash(session, made), ALAN, NOW)
        session.execute(text("UPDATE run SET run_date = current_date"))
    return made


def _open(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_pack_is_the_same_to_the_byte_and_proves_itself(console: Open, run_id: UUID) -> None:
    person = console(AUDREY)
    first = person.client.get(PACK + MONTH).content
    assert person.client.get(PACK + MONTH).content == first
    files = _open(first)
    manifest = json.loads(files.pop("manifest.json"))
    assert {one["name"] for one in manifest["files"]} == set(files)
    for one in manifest["files"]:
        assert hashlib.sha256(files[one["name"]]).hexdigest() == one["sha256"]
        if one["name"].endswith(".json"):
            assert len(json.loads(files[one["name"]])) == one["rows"]
    assert {name.rsplit(".", 1)[0] for name in files} == {
        "accounts",
        "trial-balance",
        "runs",
        "in-transit",
        "unreconciled-lines",
        "exceptions",
        "overrides",
        "rule-changes",
        "statements",
        "reconciliations",
        "prompt-payment",
    }


def test_the_runs_name_maker_checker_totals_and_file(console: Open, run_id: UUID) -> None:
    files = _open(console(AUDREY).client.get(PACK + MONTH).content)
    (row,) = csv.DictReader(io.StringIO(files["runs.csv"].decode()))
    assert (row["put_forward_by"], row["payments"], row["pence"]) == ("Una", "2", "60000")
    assert row["approvals"].startswith("Alan 2026-11-24T10:00:00Z")
    assert len(row["content_sha256"]) == 64
    balance = list(csv.DictReader(io.StringIO(files["trial-balance.csv"].decode())))
    debit = sum(int(line["debit_pence"]) for line in balance)
    assert debit == sum(int(line["credit_pence"]) for line in balance)
    for line in csv.DictReader(io.StringIO(files["accounts.csv"].decode())):
        opening, closing = int(line["opening_pence"]), int(line["closing_pence"])
        assert opening + int(line["debit_pence"]) - int(line["credit_pence"]) == closing


def test_another_bodys_month_is_empty(console: Open, run_id: UUID) -> None:
    files = _open(
        console(staff("Glen", AUDITOR, organisation="glenmore")).client.get(PACK + MONTH).content
    )
    assert json.loads(files["runs.json"]) == []


def test_taking_it_is_noted_with_the_manifest(
    console: Open, database: Database, run_id: UUID
) -> None:
    content = console(AUDREY).client.get(PACK + MONTH).content
    manifest = _open(content)["manifest.json"]
    with database.transaction() as session:
        noted = session.execute(
            text("SELECT details FROM audit_event WHERE action = 'payments.month_end.taken'")
        ).scalar_one()
    assert noted["manifest_sha256"] == hashlib.sha256(manifest).hexdigest()


@pytest.mark.parametrize("month", ["", "x", "2026-13", "2199-01"])
def test_months_that_are_none_are_refused(console: Open, database: Database, month: str) -> None:
    answer = console(AUDREY).client.get(PACK + month)
    assert answer.status_code == 422
    with database.transaction() as session:
        assert (
            session.execute(
                text("SELECT count(*) FROM audit_event WHERE action = 'payments.month_end.taken'")
            ).scalar_one()
            == 0
        )


@pytest.mark.parametrize("role", sorted(ROLE_NAMES))
def test_who_may_take_it(console: Open, role: str) -> None:
    person = console(staff("Somebody", role))
    wanted = 200 if role in TAKERS else 403
    for path in ("/payments/reports/month-end", PACK + MONTH):
        assert person.client.get(path).status_code == wanted
    assert {ADMINISTRATOR, ENQUIRY}.isdisjoint(TAKERS)


def test_formulas_are_disarmed_and_rows_counted() -> None:
    target = io.BytesIO()
    rows = iter([("=1+1", 5), (None, -3)])
    write_pack(target, [Sheet("one", ("words", "pence"), rows)], {"month": "2026-11"})
    files = _open(target.getvalue())
    assert files["one.csv"].decode().splitlines()[1] == "'=1+1,5"
    assert json.loads(files["one.json"])[0]["words"] == "=1+1"
    assert json.loads(files["manifest.json"])["files"][0]["rows"] == 2
