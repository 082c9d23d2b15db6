"""Who may pass which door, tried for every route and every kind of caller."""

import re
import time
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey
from starlette.testclient import TestClient

from shared.web.form_token import COOKIE, FIELD, token_for
from tests.contracts.house import (
    SECRET,
    SERVICES,
    Door,
    House,
    Issuer,
    scopes_for_programs,
    service_accounts,
)

ANY_ID = "01a201b4-6742-7000-8000-26bf23d11ad1"
KNOWN = {"step": "sign-in", "service_id": "winter-heating-grant", "reference": "SWH-AAAA-AAAA"}


def address(door: Door) -> str:
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: KNOWN.get(found[1], ANY_ID), door.path)


@pytest.fixture(params=SERVICES)
def service_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(house: House, service_name: str) -> Iterator[TestClient]:
    with TestClient(
        house.services[service_name].app,
        base_url=house.url,
        raise_server_exceptions=False,
        follow_redirects=False,
    ) as made:
        yield made


def bad_tokens(issuer: Issuer, scope: str) -> Mapping[str, str]:
    """Return authorisations that no API may accept, though each carries the scope."""
    good = issuer.token("gateway-service", scope)
    stranger = ECKey.import_key(
        ECKey.generate_key("P-256").as_dict(private=True) | {"kid": issuer.key.kid}
    )
    now = int(time.time())
    claims = {"iss": f"{issuer.url}/identity/oidc", "aud": issuer.url, "sub": "x", "scope": scope}
    return {
        "nobody": "",
        "another scheme": f"Basic {good}",
        "no token": "Bearer ",
        "nonsense": "Bearer nonsense",
        "unsigned": f"Bearer {good.rpartition('.')[0]}.",
        "changed": f"Bearer {good[:-6]}AAAAAA",
        "expired": f"Bearer {issuer.token('gateway-service', scope, exp=now - 60)}",
        "another issuer": f"Bearer {issuer.token('a', scope, iss='https://issuer.example')}",
        "another audience": f"Bearer {issuer.token('a', scope, aud='https://rp.example')}",
        "ScotAccount's issuer": "Bearer "
        + issuer.token("a", scope, iss=f"{issuer.url}/identity/scotaccount"),
        "another key": f"Bearer {Issuer(issuer.url, stranger).token('gateway-service', scope)}",
        "an ID token": f"Bearer {issuer.sign(claims | {'exp': now + 60}, 'JWT')}",
        "without end": f"Bearer {issuer.sign(claims)}",
    }


def test_nobody_and_bad_tokens_are_refused_by_every_api(
    house: House, client: TestClient, service_name: str
) -> None:
    wrong = []
    for door in house.services[service_name].doors(of_api=True):
        if door.scope is None:
            continue
        for who, authorization in bad_tokens(house.issuer, door.scope).items():
            headers = {"Authorization": authorization} if authorization else {}
            answer = client.request(door.method, address(door), headers=headers, json={})
            if (
                answer.status_code != 401
                or not answer.headers["WWW-Authenticate"].startswith("Bearer")
                or answer.headers["Content-Type"] != "application/problem+json"
            ):
                wrong.append((who, door, answer.status_code, answer.text))
    assert not wrong


def test_each_service_account_passes_only_where_its_scopes_reach(
    house: House, client: TestClient, service_name: str
) -> None:
    wrong = []
    for door in house.services[service_name].doors(of_api=True):
        for account, scopes in service_accounts().items():
            token = house.issuer.token(account, " ".join(sorted(scopes)))
            headers = {"Authorization": f"Bearer {token}"}
            answer = client.request(door.method, address(door), headers=headers, json={})
            may = door.scope is None or door.scope in scopes
            is_let_in = answer.status_code not in (401, 403)
            reason = "" if may else answer.json().get("code")
            if (
                may != is_let_in
                or answer.status_code >= 500
                or reason not in ("", "scope_insufficient")
            ):
                wrong.append((account, door, answer.status_code, answer.text))
    assert not wrong


def test_every_scope_is_held_by_a_service_account_and_every_held_one_opens_a_door(
    house: House,
) -> None:
    asked = {
        door.scope
        for service in house.services.values()
        for door in service.doors(of_api=True)
        if door.scope is not None
    }
    assert asked == scopes_for_programs()


def test_apis_take_no_cookie_for_a_token(house: House, service_name: str) -> None:
    with TestClient(
        house.services[service_name].app, base_url=house.url, raise_server_exceptions=False
    ) as client:
        client.cookies.set(f"{service_name}-session", "anything")
        for door in house.services[service_name].doors(of_api=True):
            answer = client.request(door.method, address(door), json={})
            assert door.scope is None or answer.status_code == 401
            assert (
                "set-cookie" not in answer.headers or "session" not in answer.headers["set-cookie"]
            )


def test_pages_lead_nobody_to_sign_in_or_are_public_as_decided(
    house: House, client: TestClient, service_name: str
) -> None:
    wrong = []
    cookie = "browser"
    client.cookies.set(COOKIE, cookie)
    form = {FIELD: token_for(cookie, SECRET)}
    for door in house.services[service_name].doors(of_api=False):
        content = form if door.method == "POST" else None
        answer = client.request(door.method, address(door), data=content)
        place = urlsplit(answer.headers.get("Location", ""))
        is_sent_to_sign_in = answer.status_code == 303 and place.path.endswith("/sign-in")
        back = parse_qs(place.query).get("return_to", [""])[0]
        if door.decision == "public":
            # What is public may still know nothing of such an address, or ask who is there itself.
            if answer.status_code >= 500 or answer.status_code == 401:
                wrong.append((door, answer.status_code))
        elif not is_sent_to_sign_in or not place.path.startswith(f"/{prefix_of(service_name)}"):
            wrong.append((door, answer.status_code, answer.headers.get("Location")))
        elif door.method == "GET" and service_name != "identity" and back != address(door):
            wrong.append((door, back))
    assert not wrong


def prefix_of(service_name: str) -> str:
    return "journeys/sign-in" if service_name == "gateway" else f"{service_name}/sign-in"


def test_every_form_needs_its_token(house: House, client: TestClient, service_name: str) -> None:
    wrong = []
    sent = 0
    for door in house.services[service_name].doors(of_api=False):
        if door.method != "POST":
            continue
        for fields in ({}, {FIELD: "0" * 64}):
            sent += 1
            answer = client.post(address(door), data=fields)
            if answer.status_code != 403 or "The page you sent had expired" not in answer.text:
                wrong.append((door, answer.status_code))
    assert sent
    assert not wrong


@pytest.mark.parametrize("path", ["/nothing", "/payments-not-here", "/"])
def test_an_address_of_no_app_is_a_problem_too(house: House, path: str) -> None:
    with TestClient(house.services["payments"].app, base_url=house.url) as client:
        answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
