import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, Request
from sqlalchemy import text
from starlette.responses import Response
from starlette.testclient import TestClient

from shared.errors import FieldError, Invalid, NotFound
from shared.settings import ServiceSettings
from shared.web.app import make_api, make_pages_app, make_runtime, make_service_app
from shared.web.deps import Caller, FormDep, RuntimeDep, SessionDep, require_scope
from shared.web.runtime import Runtime

AUDIT = text(
    "INSERT INTO audit_event VALUES (gen_random_uuid(), now(), 'c', 'system', 'x', NULL, '',"
    " :action, 't', '1', '{}')"
)
COUNT = text("SELECT count(*) FROM audit_event")


@pytest.fixture
def runtime(
    gateway_database: object, gateway_url: str, key_file: Path, tmp_path: Path
) -> Iterator[Runtime]:
    settings = ServiceSettings(
        environment="test",
        public_url="http://localhost:8000",
        port=1,
        database_url=gateway_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key="s" * 32,
        encryption_key_file=key_file,
    )
    (tmp_path / "form.html").write_text(
        '{% extends "base.html" %}{% block title %}T{% endblock %}'
        '{% block content %}<form method="post">{{ csrf_input() }}</form>{% endblock %}'
    )
    made = make_runtime("gateway", settings, tmp_path, service_name="Test", service_url="/")
    yield made
    made.database.engine.dispose()


def _pages() -> FastAPI:
    pages = make_pages_app("gateway")

    @pages.get("/form")
    def show(request: Request, runtime: RuntimeDep) -> Response:
        return runtime.pages.render(request, "form.html")

    @pages.post("/form")
    def send(session: SessionDep, form: FormDep) -> dict[str, str]:
        session.execute(AUDIT, {"action": form.text("word")})
        sent = {name: file.content.decode() for name, file in form.files.items()}
        return {"word": form.text("word")} | sent

    @pages.get("/broken")
    def broken(session: SessionDep) -> None:
        session.execute(AUDIT, {"action": "lost"})
        raise RuntimeError("secret inner detail")

    return pages


def _api() -> FastAPI:
    api = make_api("gateway", "Test")

    @api.post("/things")
    def make(
        session: SessionDep, caller: Annotated[Caller, Depends(require_scope("things.write"))]
    ) -> dict[str, str]:
        return {"by": caller.client_id}

    @api.get("/refused")
    def refused() -> None:
        raise Invalid(FieldError("amount", "Enter an amount"))

    @api.get("/gone")
    def gone() -> None:
        raise NotFound("no_such_thing", "There is no such thing")

    @api.get("/late")
    def late(session: SessionDep) -> dict[str, str]:
        # A deferred constraint fails at commit, when the endpoint has long returned.
        session.execute(text("CREATE TEMP TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
        session.execute(text("INSERT INTO t VALUES (1), (1)"))
        return {"state": "done"}

    return api


@pytest.fixture
def client(runtime: Runtime) -> Iterator[TestClient]:
    app = make_service_app(runtime, {"/gateway/v1": _api(), "": _pages()})
    with TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False) as made:
        yield made


def _count(runtime: Runtime) -> int:
    with runtime.database.transaction() as session:
        return int(session.execute(COUNT).scalar_one())


def _token(client: TestClient) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', client.get("/form").text)
    assert found
    return found[1]


def test_a_form_with_its_token_is_served(client: TestClient, runtime: Runtime) -> None:
    answer = client.post("/form", data={"word": "  yes ", "csrf_token": _token(client)})
    assert answer.json() == {"word": "yes"}
    assert _count(runtime) == 1


@pytest.mark.parametrize("data", [{}, {"csrf_token": "0" * 64}])
def test_a_form_without_its_token_changes_nothing(
    client: TestClient, runtime: Runtime, data: dict[str, str]
) -> None:
    _token(client)
    answer = client.post("/form", data={"word": "no", **data})
    assert answer.status_code == 403
    assert "expired" in answer.text
    assert _count(runtime) == 0


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_form_from_another_site_is_refused(
    client: TestClient, runtime: Runtime, origin: str
) -> None:
    answer = client.post(
        "/form",
        data={"word": "no", "csrf_token": _token(client)},
        headers={"Origin": origin},
    )
    assert answer.status_code == 403
    assert _count(runtime) == 0


def test_a_fault_is_a_page_without_inner_details(client: TestClient, runtime: Runtime) -> None:
    answer = client.get("/broken")
    assert answer.status_code == 500
    assert "secret inner detail" not in answer.text
    assert answer.headers["X-Correlation-Id"] in answer.text
    assert _count(runtime) == 0


def test_a_failed_commit_is_not_a_success(client: TestClient) -> None:
    answer = client.get("/gateway/v1/late")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"


def test_refusals_of_the_api_are_problems(client: TestClient) -> None:
    answer = client.get("/gateway/v1/refused")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["fields"] == [{"field": "amount", "message": "Enter an amount"}]
    assert client.get("/gateway/v1/gone").json()["code"] == "no_such_thing"
    assert client.get("/gateway/v1/nowhere").json()["code"] == "not_found"
    assert client.get("/nowhere").headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("header", "code"),
    [({}, "token_missing"), ({"Authorization": "Bearer x"}, "invalid_token")],
)
def test_the_api_needs_a_token(client: TestClient, header: dict[str, str], code: str) -> None:
    answer = client.post("/gateway/v1/things", headers=header)
    assert answer.status_code == 401
    assert answer.json()["code"] == code
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/form", "/gateway/v1/gone", "/broken"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe-inline" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_story_is_kept_between_pages(client: TestClient) -> None:
    first = client.get("/form").headers["X-Correlation-Id"]
    assert client.get("/form").headers["X-Correlation-Id"] == first
    told = client.get("/gateway/v1/gone", headers={"X-Correlation-Id": "story-7"})
    assert told.json()["request_id"] == "story-7"
    odd = client.get("/gateway/v1/gone", headers={"X-Correlation-Id": "a\tb<script>"})
    assert "<" not in odd.json()["request_id"]


def test_health_tells_what_is_missing(client: TestClient) -> None:
    assert client.get("/health/live").text == "live\n"
    ready = client.get("/health/ready")
    assert ready.status_code == 200, "the broker may be away: the outbox keeps what must be sent"
    assert ready.json() == {"database": "ok", "broker": "ConnectionError"}
    assert "clachan_http_request_seconds" in client.get("/metrics").text


def test_the_language_is_kept(client: TestClient) -> None:
    assert '<html lang="gd"' in client.get("/form?lang=gd").text
    assert '<html lang="gd"' in client.get("/form").text
    assert '<html lang="en"' in client.get("/form?lang=en").text


def test_a_file_and_its_form_are_read_once(client: TestClient) -> None:
    answer = client.post(
        "/form",
        data={"word": "with a file", "csrf_token": _token(client)},
        files={"document": ("a.txt", b"content")},
    )
    assert answer.json() == {"word": "with a file", "document": "content"}


def test_a_page_that_is_not_there_is_told_in_the_readers_language(client: TestClient) -> None:
    english, gaelic = client.get("/nowhere?lang=en").text, client.get("/nowhere?lang=gd").text
    assert "<h1>Page not found</h1>" in english
    assert "<h1>Page not found</h1>" not in gaelic
