"""ScotAccount as its clients know it: sections 1.5, 1.9 and 1.10 of the contract."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from identity.caching import versioned
from identity.relying_parties.options import ClientOptions
from identity.web import create_app
from tests.identity.conformance.scot_client import (
    ADDRESS,
    ALL,
    CLIENT,
    GPG45,
    VALIDATOR,
    authorize,
    redeem,
    scot_world,
)
from tests.identity.oidc.test_attributes import ask, share
from tests.identity.oidc.world import (
    PUBLIC_URL,
    SCOT,
    World,
    answer_of,
    decode,
)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versioned, "_CHECK_SECONDS", 0.0)


@pytest.fixture
def scot(world: World) -> World:
    return scot_world(world)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"dis_prompt": "x"}, "invalid_dis_prompt", "Invalid dis_prompt: x"),
        ({"code_challenge": None}, "invalid_request", "Required PKCE method(s): S256"),
        ({"code_challenge_method": "plain"}, "invalid_request", "Required PKCE method(s): S256"),
        ({"response_type": None}, "invalid_request", "response_type"),
        ({"state": None}, "invalid_request", "state"),
        ({"response_type": "id_token"}, "unsupported_response_type", ""),
        ({"scope": ALL}, "invalid_scope", "Invalid scope: missing scope openid"),
        ({"scope": "openid x"}, "invalid_scope", ""),
        ({"claims": "no json"}, "invalid_request", ""),
        ({"claims": '{"userinfo":[]}'}, "invalid_request", ""),
        ({"claims": '{"id_token":{"sub":1}}'}, "invalid_claims", ""),
        ({"claims": '{"id_token":{"secret":null}}'}, "invalid_claims", ""),
    ],
    ids=[
        *("dis_prompt", "no-pkce", "plain-pkce", "no-type", "no-state", "type", "no-openid"),
        *("scope", "claims-text", "claims-list", "claims-format", "claims-name"),
    ],
)
def test_errors_of_section_1_5(
    scot: World, changes: dict[str, str | None], error: str, words: str
) -> None:
    scot.sign_in()
    answer = answer_of(authorize(scot, **changes))
    assert answer["error"] == error
    assert words in answer["error_description"]
    assert answer.get("state") == (None if "state" in changes else "st=te==")
    assert scot.scalar("SELECT count(*) FROM authorisation") == 0


def test_known_claims_are_taken_and_change_nothing(scot: World) -> None:
    scot.sign_in()
    answer = authorize(scot, claims='{"id_token":{"given_name":null}}')
    token = redeem(scot, answer_of(answer)["code"]).json()["id_token"]
    assert set(decode(token)[1]) == {
        *("sub", "aud", "iss", "exp", "iat", "nonce", "jti", "sid"),
    }


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_what_must_not_lead_back_is_400(scot: World, name: str, accept: str) -> None:
    scot.http.headers["Accept"] = accept
    answer = authorize(scot, **{name: "https://unknown.example"})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith(accept)
    assert "location" not in answer.headers


def test_unknown_addresses_are_not_found(scot: World) -> None:
    answer = scot.http.get(f"{SCOT}/userinfo")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


GOOD_ITEM: dict[str, Any] = {
    "scope": GPG45,
    "verification": {
        "outcome": "VERIFIED_SUCCESSFULLY",
        "trust_framework": "uk_tfida",
        "time": "2025-03-19T10:12:54Z",
        "verifier": {"organization": "DIS", "txn": "3f7cbb3a-7a5f-4a69-8d8c-2b6b7a0a9d11"},
    },
    "claims": {"given_name": "Ann", "family_name": "Fictional", "birth_date": "1980-02-01"},
}


def payload_with(item: object) -> dict[str, object]:
    return {"iss": "https://x.test/jwt", "sub": "s", "iat": 1, "verified_claims": [item]}


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "scotaccount.mobile"},
        {"claims": {"given_name": "Ann"}},
        {"claims": {"email": "a@b.test"}},
        {"scope": ADDRESS},
        {"verification": {**GOOD_ITEM["verification"], "outcome": "GOOD"}},
        {"verification": {**GOOD_ITEM["verification"], "outcome": "VERIFICATION_FAILED"}},
        {"verification": {**GOOD_ITEM["verification"], "verifier": {"organization": "DIS"}}},
        {
            "scope": ADDRESS,
            "claims": {"address": {"postalCode": "EH1 1AA 99"}},
        },
        {"extra": 1},
    ],
    ids=[
        *("scope", "part", "kind", "address", "outcome", "failed", "txn", "length", "member"),
    ],
)
def test_our_schema_really_tests_the_claims(change: dict[str, object]) -> None:
    """1.9: the published file would accept every one of these."""
    assert VALIDATOR.is_valid(payload_with(GOOD_ITEM))
    assert not VALIDATOR.is_valid(payload_with(GOOD_ITEM | change))


def test_version_1_of_the_claims_token_by_switch(world: World) -> None:
    """1.9."""
    options = ClientOptions(claims_token_version=1)
    world.register(CLIENT, profile="scotaccount", options=options)
    person = world.sign_in()
    for outcome, words in (("", "VERIFIED SUCCESSFULLY"), ("VERIFICATION_FAILED", "NOT VERIFIED")):
        tokens = share(world, person, f"{GPG45} {ADDRESS}", [GPG45, ADDRESS], outcome=outcome)
        payload: Any = decode(ask(world, tokens["access_token"]).json()["claimsToken"])[1]
        verification = payload["verified_claims"]["verification"]
        assert re.fullmatch(rf"[0-9a-f-]{{36}} {words}", verification["outcome"])
        assert verification["assurance_level"] == "GPG45-Medium"
        assert payload["claims"]["uuid"] == payload["sub"]
        assert ("given_name" in payload["claims"]) == (outcome == "")


def test_the_attributes_may_have_a_host_of_their_own(world: World) -> None:
    """1.2 and 1.4."""
    settings = world.settings.model_copy(
        update={"scotaccount_attributes_url": "http://localhost:8000/issuer"}
    )
    world.register(CLIENT, profile="scotaccount")
    person = world.sign_in()
    tokens = share(world, person, GPG45, [GPG45])
    http = TestClient(create_app(settings), base_url=PUBLIC_URL, follow_redirects=False)
    other = World(world.database, settings, http, world.sealer)
    url = "http://localhost:8000/issuer/attributes/values"
    headers = {
        "Authorization": f"Bearer {tokens['access_token']}",
        "DIS-Client-Assertion": world.assertion(CLIENT, url),
    }
    answer = other.http.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    token = answer.json()["claimsToken"]
    assert decode(token)[1]["iss"] == "http://localhost:8000/issuer/jwt"
    keys = other.http.get("http://localhost:8000/issuer/jwks.json").json()["keys"]
    jws.deserialize_compact(token, RSAKey.import_key(keys[0]), algorithms=["RS256"])
    other.close()


@pytest.mark.parametrize("path", ["/authorize/logout", "/logout"])
def test_logout_of_section_1_10(scot: World, path: str) -> None:
    scot.sign_in()
    hint = scot.tokens(SCOT, client_id=CLIENT)["id_token"]
    answer = scot.http.get(f"{SCOT}{path}", params={"id_token_hint": hint})
    assert urlsplit(answer.headers["location"]).path == "/identity/signed-out"
    assert scot.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL") == 0
