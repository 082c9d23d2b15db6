"""The pages of uploads as an uploader sees them."""

import re
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from payments.settings import PaymentsSettings
from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.console import Console, consoles, running_app
from tests.payments.runs.world import ALAN, ENID, OTHER, UNA
from tests.payments.uploads.files import csv_of, rows, total
from tests.payments.uploads.world import Uploads

FOREIGN = "Code,Account,Payee,Pounds,Ref,Colour"


@pytest.fixture
def app(database: Database, settings: PaymentsSettings) -> Iterator[Starlette]:
    with running_app(settings) as made:
        yield made


@pytest.fixture
def console(app: Starlette, database: Database, sealer: Sealer) -> Iterator[Callable[..., Console]]:
    with consoles(app, database, sealer) as opened:
        yield opened


def send(console: Console, path: str, name: str, content: bytes, **form: str) -> tuple[int, str]:
    token = re.search(r'name="csrf_token" value="([^"]+)"', console.html)
    answer = console.client.post(
        path,
        data=form | {"csrf_token": token[1] if token else ""},
        files={name: ("grants.csv", content, "text/csv")},
    )
    console.status, console.html = answer.status_code, answer.text
    return answer.status_code, str(answer.url)


def upload(console: Console, content: bytes, **form: str) -> str:
    console.get("/payments/uploads/new")
    values = {
        "format": "csv",
        "programme": "winter-heating",
        "account_type": "personal",
        "count": "3",
        "total": "",
    }
    _, url = send(console, "/payments/uploads/new", "file", content, **(values | form))
    return url.partition("?")[0].removeprefix("http://testserver")


def test_a_file_goes_from_the_form_to_a_run(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    una = console(UNA)
    content = rows(3)
    pounds = f"{total(content) / 100:.2f}"
    here = upload(una, csv_of(content), total=pounds)
    assert "The file was received" in una.html
    assert "data-reload-seconds" in una.html
    assert "data-reload-seconds" not in una.get(f"{here}?refresh=off")
    uploads.work()
    page = una.get(here)
    assert "Finished" in page
    assert "data-reload-seconds" not in page
    assert re.search(r"RUN-\w{4}-\w{4}", page)
    assert "Account numbers were not checked" in page
    assert "no sanctions list is loaded" in page
    assert here in una.get("/payments/uploads")


def test_the_form_tells_all_its_errors(console: Callable[..., Console], uploads: Uploads) -> None:
    una = console(UNA)
    una.get("/payments/uploads/new")
    una.post("/payments/uploads/new", programme="x", format="csv", count="none", total="1.234")
    assert una.status == 422
    assert "Error:" in una.html
    for field in ("file", "count", "total"):
        assert f'href="#{field}"' in una.html
    assert uploads.count("upload") == 0


def test_the_same_file_again_links_to_the_first(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    una = console(UNA)
    content = rows(3)
    here = upload(una, csv_of(content), total=f"{total(content) / 100:.2f}")
    upload(una, csv_of(content), total=f"{total(content) / 100:.2f}")
    assert una.status == 409
    assert f'href="{here}"' in una.html
    assert uploads.count("upload") == 1


def test_unknown_columns_are_named_once(console: Callable[..., Console], uploads: Uploads) -> None:
    una = console(UNA)
    content = [(*row, "blue") for row in rows(3)]
    pounds = f"{total(content) / 100:.2f}"
    here = upload(una, csv_of(content, FOREIGN), total=pounds)
    uploads.work()
    assert "Name the columns" in una.get(here)
    assert "Person Number0" in una.get(f"{here}/columns")
    names = (
        "destination_sort_code",
        "destination_account_number",
        "destination_name",
        "amount",
        "reference",
        "",
    )
    chosen = {f"column-{position}": name for position, name in enumerate(names)}
    una.post(f"{here}/columns", has_header="yes", **(chosen | {"column-4": ""}))
    assert una.status == 422
    assert "reference has no column" in una.html
    una.post(f"{here}/columns", has_header="yes", **chosen)
    uploads.work()
    assert "Finished" in una.get(here)
    again = [(*row, "red") for row in rows(4)[1:]]
    second = upload(una, csv_of(again, FOREIGN), total=f"{total(again) / 100:.2f}")
    uploads.work()
    assert "Finished" in una.get(second)


def faulty(una: Console, uploads: Uploads) -> tuple[str, list[tuple[str, ...]]]:
    good = rows(3)
    bad = [*good[:2], (good[2][0], "=1+1", *good[2][2:])]
    here = upload(una, csv_of(bad), total=f"{total(good) / 100:.2f}")
    uploads.work()
    return here, good


def test_errors_are_exported_after_a_fresh_sign_in(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    una = console(UNA)
    here, _ = faulty(una, uploads)
    with uploads.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE payments.body SET step_up = 'all'")
    answer = una.client.get(f"{here}/errors.csv", follow_redirects=False)
    assert answer.headers["location"].startswith("/payments/step-up?return_to=")
    assert uploads.count("audit_event WHERE action = 'payments.upload.errors_exported'") == 0
    fresh = console(UNA, auth_time=int(clock.now().timestamp()), acr="medium")
    assert ",'=1+1," in fresh.client.get(f"{here}/errors.csv").text


def test_errors_are_listed_downloaded_and_corrected(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    una = console(UNA)
    here, good = faulty(una, uploads)
    assert "Enter a valid account number" in una.get(f"{here}/errors?field=account_number")
    assert "There are no errors" in una.get(f"{here}/errors?field=amount")
    answer = una.client.get(f"{here}/errors.csv")
    assert answer.text.count("\r\n") == 2
    assert ",'=1+1," in answer.text
    assert uploads.count("audit_event WHERE action = 'payments.upload.errors_exported'") == 1
    una.get(here)
    wrong = answer.text.replace("'=1+1", good[2][1]).replace(good[2][3], "9999.99")
    send(una, f"{here}/corrections", "corrections", wrong.encode())
    assert una.status == 422
    assert "was declared" in una.html
    una.get(here)
    right = answer.text.replace("'=1+1", good[2][1])
    send(una, f"{here}/corrections", "corrections", right.encode())
    assert una.status == 200
    uploads.work()
    assert "Finished" in una.get(here)
    assert len(uploads.payments()) == 3


def test_bad_rows_are_dropped_after_a_question(
    console: Callable[..., Console], uploads: Uploads
) -> None:
    una = console(UNA)
    here, good = faulty(una, uploads)
    una.get(f"{here}/drop")
    una.post(f"{here}/drop", rows="2")
    assert una.status == 409
    assert uploads.payments() == []
    una.get(f"{here}/drop")
    una.post(f"{here}/drop", rows=una.hidden("rows"))
    uploads.work()
    page = una.get(here)
    assert "Finished" in page
    assert f"1 / £{int(good[2][3].split('.')[0])}.{good[2][3].split('.')[1]}" in page
    with uploads.database.transaction() as session:
        declared = session.execute(
            text("SELECT declared_count, declared_pence FROM run WHERE source = 'upload'")
        ).one()
    assert tuple(declared) == (2, total(good[:2]))


def test_a_given_up_file_may_come_again(console: Callable[..., Console], uploads: Uploads) -> None:
    una = console(UNA)
    here, _ = faulty(una, uploads)
    una.get(f"{here}/abandon")
    una.post(f"{here}/abandon")
    assert "Nothing is paid of it" in una.html
    uploads.work()
    assert uploads.count("upload_row") == 0
    second, _ = faulty(una, uploads)
    assert second != here


@pytest.mark.parametrize("person", [ALAN, ENID], ids=["approver", "enquiry"])
def test_others_look_and_do_not_act(
    console: Callable[..., Console], uploads: Uploads, person: Actor
) -> None:
    here, _ = faulty(console(UNA), uploads)
    other = console(person)
    assert "Correct the rows" not in other.get(here)
    assert other.status == 200
    other.post(f"{here}/drop", rows="1")
    assert other.status == 403
    assert other.client.get(f"{here}/errors.csv").status_code == 403
    assert uploads.get(UUID(here.rpartition("/")[2])).state == "faulty"


def test_another_body_sees_nothing(console: Callable[..., Console], uploads: Uploads) -> None:
    here, _ = faulty(console(UNA), uploads)
    other = console(OTHER)
    for path in (here, f"{here}/errors", f"{here}/errors.csv", f"{here}/drop", f"{here}/columns"):
        other.get(path)
        assert other.status == 404, path
    assert "No file of payments" in other.get("/payments/uploads")
