"""The relying party against a provider that answers over a mock transport."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text
from starlette.testclient import TestClient

from shared.crypto import Sealer
from shared.settings import ServiceSettings
from shared.web.app import make_pages_app, make_runtime, make_service_app
from shared.web.form_token import token_for
from shared.web.login import RelyingParty, SignedIn, install_login

URL = "http://localhost:8000"
ISSUER = f"{URL}/identity/oidc"
PROVIDER_KEY = ECKey.generate_key("P-256", parameters={"kid": "op"})
CLIENT_KEY = ECKey.generate_key("P-256", parameters={"kid": "rp"})


class Provider:
    """Answers /token and /jwks.json; remembers what it was sent."""

    def __init__(self) -> None:
        self.nonce = ""
        self.claims: dict[str, object] = {}
        self.asked: list[dict[str, str]] = []
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/jwks.json"):
            return httpx.Response(200, json={"keys": [PROVIDER_KEY.as_dict(private=False)]})
        self.asked.append(dict(parse_qsl(request.content.decode())))
        claims = {
            "iss": ISSUER,
            "aud": "pages",
            "sub": "person-1",
            "exp": int(time.time()) + 60,
            "nonce": self.nonce,
            "name": "Isla Fictional",
        } | self.claims
        header = {"alg": "ES256", "kid": "op"}
        id_token = jwt.encode(header, claims, PROVIDER_KEY, algorithms=["ES256"])
        body = {"access_token": "a", "id_token": id_token, "expires_in": 900, "scope": "openid"}
        return httpx.Response(self.status, json=body)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def app(
    gateway_database: object, gateway_url: str, key_file: Path, provider: Provider, tmp_path: Path
) -> Iterator[FastAPI]:
    settings = ServiceSettings(
        environment="test",
        public_url=URL,
        port=1,
        database_url=gateway_url,
        broker_url="redis://127.0.0.1:1/0",
        secret_key="s" * 32,
        encryption_key_file=key_file,
    )
    pages = make_pages_app("gateway")
    install_login(
        pages,
        RelyingParty(
            settings,
            client_id="pages",
            issuer=ISSUER,
            prefix="",
            key=CLIENT_KEY,
            http=httpx.Client(transport=httpx.MockTransport(provider)),
        ),
    )

    @pages.get("/private")
    def private(person: SignedIn) -> dict[str, str]:
        return {"subject": person.subject, "name": person.display_name}

    @pages.post("/private")
    def change(person: SignedIn) -> dict[str, str]:
        return {"subject": person.subject}

    runtime = make_runtime("gateway", settings, tmp_path, service_name="T", service_url="/")
    pages.state.service_app = make_service_app(runtime, {"": pages})
    yield pages
    runtime.database.engine.dispose()


def _browser(app: FastAPI) -> TestClient:
    return TestClient(app.state.service_app, base_url=URL, follow_redirects=False)


def _begin(browser: TestClient, provider: Provider, path: str = "/private?x=1") -> dict[str, str]:
    sign_in = browser.get(path)
    assert sign_in.status_code == 303
    authorize = browser.get(sign_in.headers["Location"])
    query = {k: v[0] for k, v in parse_qs(urlsplit(authorize.headers["Location"]).query).items()}
    provider.nonce = query["nonce"]
    return query


def test_a_person_signs_in_and_comes_back_to_the_page(app: FastAPI, provider: Provider) -> None:
    browser = _browser(app)
    query = _begin(browser, provider)
    assert (query["code_challenge_method"], query["response_type"]) == ("S256", "code")
    back = browser.get(f"/callback?code=c&state={query['state']}")
    assert back.headers["Location"] == "/private?x=1"
    assert browser.get("/private").json() == {"subject": "person-1", "name": "Isla Fictional"}
    asked = provider.asked[0]
    assert asked["client_assertion_type"].endswith("jwt-bearer")
    assert len(asked["code_verifier"]) >= 43


def test_two_tabs_do_not_disturb_each_other(app: FastAPI, provider: Provider) -> None:
    browser = _browser(app)
    first = _begin(browser, provider, "/private?tab=1")
    second = _begin(browser, provider, "/private?tab=2")
    answer = browser.get(f"/callback?code=c&state={second['state']}")
    assert answer.headers["Location"] == "/private?tab=2"
    provider.nonce = first["nonce"]
    answer = browser.get(f"/callback?code=c&state={first['state']}")
    assert answer.headers["Location"] == "/private?tab=1"


def test_a_replayed_callback_is_refused(app: FastAPI, provider: Provider) -> None:
    browser = _browser(app)
    address = f"/callback?code=c&state={_begin(browser, provider)['state']}"
    assert browser.get(address).status_code == 303
    again = browser.get(address)
    assert again.status_code == 403
    assert len(provider.asked) == 1, "the code is not sent a second time"
    assert browser.get("/private").status_code == 200, "the first session goes on"


def test_a_callback_in_another_browser_signs_nobody_in(app: FastAPI, provider: Provider) -> None:
    state = _begin(_browser(app), provider)["state"]
    victim = _browser(app)
    assert victim.get(f"/callback?code=c&state={state}").status_code == 403
    assert victim.get("/private").status_code == 303
    assert provider.asked == []


@pytest.mark.parametrize(
    "claims",
    [{"nonce": "other"}, {"iss": "https://evil.example"}, {"aud": "other"}, {"exp": 1}],
)
def test_a_wrong_id_token_signs_nobody_in(
    app: FastAPI, provider: Provider, claims: dict[str, object]
) -> None:
    browser = _browser(app)
    query = _begin(browser, provider)
    provider.claims = claims
    assert browser.get(f"/callback?code=c&state={query['state']}").status_code == 502
    assert browser.get("/private").status_code == 303


def test_a_person_who_says_no_goes_back_unsigned(app: FastAPI, provider: Provider) -> None:
    browser = _browser(app)
    state = _begin(browser, provider)["state"]
    back = browser.get(f"/callback?error=access_denied&state={state}")
    assert back.headers["Location"] == "/private?x=1&sign_in=access_denied"
    assert browser.get("/private").status_code == 303


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_nobody_is_led_elsewhere(app: FastAPI, provider: Provider, target: str) -> None:
    browser = _browser(app)
    authorize = browser.get("/sign-in", params={"return_to": target})
    query = parse_qs(urlsplit(authorize.headers["Location"]).query)
    provider.nonce = query["nonce"][0]
    back = browser.get(f"/callback?code=c&state={query['state'][0]}")
    assert back.headers["Location"] == "/"


def test_the_session_cannot_be_read_from_the_table(
    app: FastAPI, provider: Provider, gateway_database: object
) -> None:
    browser = _browser(app)
    browser.get(f"/callback?code=c&state={_begin(browser, provider)['state']}")
    runtime = app.state.runtime
    with runtime.database.transaction() as session:
        row = session.execute(text("SELECT sealed FROM web_session")).one()
    assert b"Isla" not in bytes(row.sealed)
    assert bytes(row.sealed) != b""


def test_a_form_sent_too_late_leads_back_to_its_page(app: FastAPI) -> None:
    browser = _browser(app)
    token = token_for("c", "s" * 32)
    answer = browser.post(
        "/private",
        data={"csrf_token": token},
        headers={"Referer": f"{URL}/private?x=1", "Cookie": "csrf=c"},
    )
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["return_to"] == ["/private?x=1"]


def test_a_session_whose_key_is_gone_asks_to_sign_in_again(
    app: FastAPI, provider: Provider, tmp_path: Path
) -> None:
    browser = _browser(app)
    browser.get(f"/callback?code=c&state={_begin(browser, provider)['state']}")
    other = tmp_path / "other.kek"
    other.write_text(base64.b64encode(bytes(32)).decode())
    app.state.runtime.sealer = Sealer(other)
    assert browser.get("/private").status_code == 303


def test_a_cookie_of_another_program_breaks_nothing(app: FastAPI) -> None:
    answer = _browser(app).get("/health/live", headers={"Cookie": "foo{}=1; correlation=story-1"})
    assert answer.status_code == 200
    assert answer.headers["X-Correlation-Id"] == "story-1"
