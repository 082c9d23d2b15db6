"""Uploads for programs."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from payments.settings import PaymentsSettings
from payments.web import create_app
from shared.db import Database
from shared.errors import Unauthorised
from shared.tokens import Claims
from tests.payments.uploads.files import csv_of, rows, total
from tests.payments.uploads.world import Uploads

CONTENT = rows(3)
FILE = csv_of(CONTENT)
SAID = {
    "organisation": "strathclachan",
    "programme": "winter-heating",
    "format": "csv",
    "count": "3",
    "total_pence": str(total(CONTENT)),
}
HERE = "/payments/v1/uploads"
WRITE, READ = "erp:payments.write+payments.read", "erp:payments.read"


class _Tokens:
    """Stands for the verifier; a token is `client:scope`, or `client@organisation:scope`."""

    def verify(self, token: str) -> Claims:
        client, _, scope = token.partition(":")
        if not scope:
            raise Unauthorised("invalid_token", "The access token is not valid")
        client, _, organisation = client.partition("@")
        payload = {"organisation": organisation or "clachan"}
        return Claims(client, client, frozenset(scope.split("+")), payload)


@pytest.fixture
def settings(settings: PaymentsSettings) -> PaymentsSettings:
    settings.upload_maximum_bytes = 3_000_000
    return settings


@pytest.fixture
def api(database: Database, settings: PaymentsSettings) -> Iterator[TestClient]:
    app: Starlette = create_app(settings)
    inner = [one.app for one in app.routes if isinstance(one, Mount)]
    for one in inner:
        if isinstance(one, FastAPI):
            one.state.runtime.tokens = _Tokens()
    with TestClient(app) as client:
        yield client


def post(
    api: TestClient, content: bytes = FILE, token: str = WRITE, key: str = "", **said: str
) -> tuple[int, dict[str, object], str]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    if key:
        headers["Idempotency-Key"] = key
    answer = api.post(HERE, params=SAID | said, content=content, headers=headers)
    return answer.status_code, answer.json(), answer.headers.get("Idempotent-Replayed", "")


def get(api: TestClient, path: str, token: str = READ) -> tuple[int, dict[str, object]]:
    answer = api.get(f"{HERE}/{path}", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json()


def test_a_raw_body_becomes_payments(api: TestClient, uploads: Uploads) -> None:
    status, body, _ = post(api)
    assert (status, body["state"]) == (202, "reading")
    uploads.work()
    status, body = get(api, str(body["upload_id"]))
    assert (status, body["state"], body["rows_read"]) == (200, "created", 3)
    assert body["pence_read"] == total(CONTENT)
    assert len(uploads.payments()) == 3


def test_a_form_with_a_file_is_the_same(api: TestClient, uploads: Uploads) -> None:
    answer = api.post(
        HERE,
        params=SAID,
        files={"file": ("grants.csv", FILE, "text/csv")},
        headers={"Authorization": f"Bearer {WRITE}"},
    )
    assert answer.status_code == 202
    assert post(api)[0] == 409
    assert uploads.count("upload") == 1


def test_the_same_bytes_again_are_refused_with_the_first(api: TestClient, uploads: Uploads) -> None:
    _, first, _ = post(api)
    status, body, _ = post(api)
    assert (status, body["code"]) == (409, "same_file")
    assert str(first["upload_id"]) in str(body["detail"])
    status, body, _ = post(api, token="other:payments.write")
    assert status == 409
    assert str(first["upload_id"]) not in str(body["detail"])


def test_a_key_gives_the_first_answer_again(api: TestClient, uploads: Uploads) -> None:
    first = post(api, key="key-1")
    again = post(api, key="key-1")
    assert again == (202, first[1], "true")
    status, body, _ = post(api, csv_of(rows(4)), key="key-1", count="4")
    assert (status, body["code"]) == (409, "idempotency_key_reused")
    assert uploads.count("upload") == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"count": "0"}, 422),
        ({"total_pence": "1.5"}, 422),
        ({"format": "doc"}, 422),
        ({"entry_on": "tomorrow"}, 422),
        ({"programme": "none"}, 422),
        ({"organisation": "nobody"}, 422),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_is_said_wrongly(
    api: TestClient, uploads: Uploads, changes: dict[str, str], status: int
) -> None:
    assert post(api, FILE, WRITE, "", **changes)[0] == status
    assert uploads.count("upload") == 0


@pytest.mark.parametrize(
    ("token", "status"),
    [("erp", 401), (READ, 403), ("erp@glenmore:payments.write", 403)],
    ids=["bad", "scope", "other body"],
)
def test_who_may_not_send(api: TestClient, uploads: Uploads, token: str, status: int) -> None:
    assert post(api, token=token)[0] == status
    assert uploads.count("upload") == 0


def test_a_body_above_the_limit_is_refused(api: TestClient, uploads: Uploads) -> None:
    assert post(api, b"x" * 3_000_001)[0] == 413
    form = {"file": ("a.csv", b"x" * 3_100_000, "text/csv")}
    answer = api.post(HERE, params=SAID, files=form, headers={"Authorization": f"Bearer {WRITE}"})
    assert answer.status_code == 413
    assert uploads.count("upload") == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"--x--", b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--'],
    ids=["empty", "no part", "another part"],
)
def test_a_form_without_a_file_is_refused(
    api: TestClient, uploads: Uploads, content: bytes
) -> None:
    kind = "multipart/form-data; boundary=x"
    headers = {"Authorization": f"Bearer {WRITE}", "Content-Type": kind}
    answer = api.post(HERE, params=SAID, content=content, headers=headers)
    assert answer.status_code == 422
    assert uploads.count("upload") == 0


def test_errors_are_listed_in_pages(api: TestClient, uploads: Uploads) -> None:
    bad = [(*row[:3], "none", row[4]) for row in CONTENT]
    _, body, _ = post(api, csv_of(bad))
    uploads.work()
    upload_id = str(body["upload_id"])
    assert get(api, upload_id)[1]["state"] == "faulty"
    _, page = get(api, f"{upload_id}/errors?page=2&size=2")
    assert page["total"] == 3
    assert page["errors"] == [
        {
            "row": 3,
            "line": 4,
            "field": "amount",
            "message": "Enter an amount in pounds with at most two decimals",
        }
    ]


def test_unknown_columns_are_refused_by_name(api: TestClient, uploads: Uploads) -> None:
    content = csv_of([(*row, "blue") for row in CONTENT], f"{_HEADER},colour")
    _, body, _ = post(api, content)
    uploads.work()
    _, body = get(api, str(body["upload_id"]))
    assert (body["state"], body["refusal_code"]) == ("refused", "unknown_columns")
    assert "'colour'" in str(body["refusal"])


def test_another_program_finds_nothing(api: TestClient, uploads: Uploads) -> None:
    _, body, _ = post(api)
    for path in (str(body["upload_id"]), f"{body['upload_id']}/errors"):
        assert get(api, path, "other:payments.read")[0] == 404


_HEADER = re.sub(rb"\r\n.*", b"", FILE, flags=re.DOTALL).decode()
