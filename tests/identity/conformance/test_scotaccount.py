"""ScotAccount as its clients know it: the rules S1 to S16 and sections 1.5 to 1.10."""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, RSAKey

from identity.caching import versioned
from identity.oidc.flows import get_flow
from identity.oidc.scotaccount_attributes import SCHEMA
from shared import clock
from tests.identity.conformance.scot_client import (
    ADDRESS,
    ALL,
    CLIENT,
    EMAIL,
    GPG45,
    VALIDATOR,
    authorize,
    form,
    redeem,
    scot_world,
)
from tests.identity.oidc.test_attributes import ask, items_of, share
from tests.identity.oidc.world import (
    SCOT,
    World,
    answer_of,
    decode,
    ec_key,
    rsa_key,
)
from tests.identity.people import People, text_of


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versioned, "_CHECK_SECONDS", 0.0)


@pytest.fixture
def scot(world: World) -> World:
    return scot_world(world)


def test_s1_discovery(scot: World) -> None:
    found = scot.http.get(f"{SCOT}/.well-known/openid-configuration").json()
    assert found["issuer"] == SCOT
    assert not found["issuer"].endswith("/")
    assert found["jwks_uri"] == f"{SCOT}/jwks.json"
    assert found["authorization_endpoint"] == f"{SCOT}/authorize"
    assert found["token_endpoint"] == f"{SCOT}/token"
    assert "authorization_code" in found["grant_types_supported"]
    assert {"pairwise", "public"} <= set(found["subject_types_supported"])
    assert set(found["scopes_supported"]) == {"openid", GPG45, ADDRESS, EMAIL}
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert found["end_session_endpoint"] == f"{SCOT}/authorize/logout"
    assert not {"userinfo_endpoint", "registration_endpoint"} & set(found)
    for key in scot.http.get(found["jwks_uri"]).json()["keys"]:
        assert key["kty"] == "RSA"
        assert {"e", "n", "kid"} <= set(key)
        assert key["use"] == "sig"


@pytest.mark.parametrize("split", ["query", "form", "half"])
def test_s2_token_reads_query_and_form(
    scot: World, split: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scot.sign_in()
    sent = form(scot, scot.code(SCOT, client_id=CLIENT))
    names = {"query": set(sent), "form": set(), "half": {"code", "grant_type"}}[split]
    query = {name: value for name, value in sent.items() if name in names}
    body = {name: value for name, value in sent.items() if name not in names}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{SCOT}/token" + (f"?{urlencode(query)}" if query else "")
    twice = {**body, "code": sent["code"]} if "code" in query else {**body, "code_verifier": "x"}
    if split != "form":
        refused = scot.http.post(url, content=urlencode(twice | query), headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    answer = scot.http.post(url, content=urlencode(body), headers=headers)
    assert answer.status_code == 200, answer.text
    assert sent["code"] not in capsys.readouterr().out


def test_s3_codes_survive_two_encodings(scot: World) -> None:
    scot.sign_in()
    for _ in range(20):
        code = scot.code(SCOT, client_id=CLIENT)
        assert re.fullmatch(r"[A-Za-z0-9_-]+", code)
        assert unquote(unquote(quote(quote(code)))) == code


@pytest.mark.parametrize(
    "algorithm",
    [
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "ES256K"),
    ],
)
def test_s4_every_algorithm_that_the_key_can_do(world: World, algorithm: str) -> None:
    curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "ES256K": "secp256k1"}
    key: RSAKey | ECKey = ec_key(curve[algorithm], 3) if algorithm in curve else rsa_key(2)
    others: list[RSAKey | ECKey] = [ec_key("P-256", 7), rsa_key(3), key]
    world.register(
        CLIENT, profile="scotaccount", jwks=[one.as_dict(private=False) for one in others]
    )
    world.sign_in()
    code = world.code(SCOT, client_id=CLIENT)
    for header, status in (({"kid": "unknown"}, 401), ({}, 200)):
        full = {"alg": algorithm} | header
        assertion = world.assertion(CLIENT, SCOT, key=key, header=full)
        answer = redeem(world, code, client_assertion=assertion)
        assert answer.status_code == status, answer.text
        if status == 401:
            assert answer.json()["error"] == "invalid_client"


def test_s4_an_algorithm_that_the_key_cannot_do(world: World) -> None:
    world.register(CLIENT, profile="scotaccount", jwks=[ec_key("P-384", 4).as_dict(private=False)])
    world.sign_in()
    code = world.code(SCOT, client_id=CLIENT)
    foreign = world.assertion(CLIENT, SCOT, key=ec_key("P-256", 4))
    assert redeem(world, code, client_assertion=foreign).status_code == 401


HALF_YEAR = 182 * 86_400


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"iat": None, "ahead": HALF_YEAR}, 200),
        ({"ahead": 3600}, 200),
        ({"iat_ago": 590}, 200),
        ({"iat_ago": 660}, 401),
        ({"exp": 9_999_999_999_999}, 200),
        ({"ahead": 60.5}, 200),
        ({"ahead": -120}, 401),
        ({"jti": None}, 401),
    ],
    ids=["half-year", "hour", "young", "old", "milliseconds", "fraction", "expired", "no-jti"],
)
def test_s5_times_of_assertions(scot: World, changes: dict[str, float | None], status: int) -> None:
    scot.sign_in()
    now = int(clock.now().timestamp())
    claims: dict[str, Any] = {
        name: value for name, value in changes.items() if name in ("iat", "exp", "jti")
    }
    if (ahead := changes.get("ahead")) is not None:
        claims["exp"] = now + ahead
    if (ago := changes.get("iat_ago")) is not None:
        claims["iat"] = now - ago
    assertion = scot.assertion(CLIENT, SCOT, **claims)
    code = scot.code(SCOT, client_id=CLIENT)
    assert redeem(scot, code, client_assertion=assertion).status_code == status
    if status == 200:
        again = redeem(scot, scot.code(SCOT, client_id=CLIENT), client_assertion=assertion)
        assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("audience", [f"{SCOT}/token", SCOT, f"{SCOT}/", [SCOT, "https://x.test"]])
def test_s6_audiences(scot: World, audience: object) -> None:
    person = scot.sign_in()
    code = scot.code(SCOT, client_id=CLIENT)
    assertion = scot.assertion(CLIENT, audience)
    assert redeem(scot, code, client_assertion=assertion).status_code == 200
    tokens = share(scot, person, GPG45, [GPG45])
    url = f"{SCOT}/attributes/values"
    for aud, status in ((audience, 401), (url, 200)):
        headers = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "DIS-Client-Assertion": scot.assertion(CLIENT, aud),
        }
        assert scot.http.get(url, headers=headers).status_code == status


def test_s7_the_token_response(scot: World) -> None:
    person = scot.sign_in()
    tokens: Mapping[str, Any] = share(scot, person, ALL, [GPG45])
    assert isinstance(tokens["expires_in"], int)
    assert tokens["token_type"] == "Bearer"
    assert tokens["id_token"]
    scopes = tokens["scope"].split()
    assert scopes == ["openid", GPG45, ADDRESS, EMAIL], "what was asked for, none twice"
    header, payload = decode(tokens["access_token"])
    assert header["typ"] == "at+jwt"
    assert payload["scp"] == scopes
    assert payload["cid"] == CLIENT
    assert set(payload) == {"sub", "scp", "iss", "exp", "iat", "jti", "cid"}


@pytest.mark.parametrize("scope", ["profile", "email", "address", "phone", "offline_access"])
def test_s8_common_scopes_are_never_granted(scot: World, scope: str) -> None:
    scot.sign_in()
    assert answer_of(authorize(scot, scope=f"openid {scope}"))["error"] == "invalid_scope"
    assert scot.tokens(SCOT, client_id=CLIENT)["scope"] == "openid"


@pytest.mark.parametrize("value", ["n==", "a+b/c", "é%2B", "x" * 200])
def test_s9_nonce_and_state_come_back(scot: World, value: str) -> None:
    scot.sign_in()
    answer = authorize(scot, nonce=value, state=value)
    raw = urlsplit(answer.headers["location"]).query
    assert f"state={quote(value, safe='')}" in raw
    token = redeem(scot, answer_of(answer)["code"]).json()["id_token"]
    header, claims = decode(token)
    assert header["alg"] == "RS256"
    assert "typ" not in header
    assert claims["nonce"] == value


def test_s10_attributes_on_every_page_view(scot: World) -> None:
    person = scot.sign_in()
    token = share(scot, person, GPG45, [GPG45])["access_token"]
    answers = [ask(scot, token) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}


def test_s11_a_second_flow_asks_to_share_and_for_no_password(people: People) -> None:
    flow = people.begin_flow("openid")
    people.sign_up(flow=flow)
    answer = people.world.authorize(SCOT, client_id="councilclient", scope=f"openid {EMAIL}")
    assert urlsplit(answer.headers["location"]).path == "/identity/consent"
    page = people.http.get(answer.headers["location"])
    assert "ann@person.example" in text_of(page)
    people.send(answer.headers["location"], share_scotaccount_email="yes")
    third = people.world.authorize(SCOT, client_id="councilclient", scope=f"openid {EMAIL}")
    assert urlsplit(third.headers["location"]).path == "/identity/consent", "each time"


@pytest.mark.parametrize("outcome", ["VERIFIED_SUCCESSFULLY", "VERIFICATION_FAILED"])
def test_s12_the_claims_token(scot: World, outcome: str) -> None:
    person = scot.sign_in()
    tokens = share(scot, person, ALL, [GPG45, ADDRESS, EMAIL], outcome=outcome)
    token = ask(scot, tokens["access_token"]).json()["claimsToken"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", token)
    payload = decode(token)[1]
    assert isinstance(payload["verified_claims"], list)
    VALIDATOR.validate(payload)
    assert payload["$schema"] == SCHEMA
    # An independent library, with the key that discovery leads to.
    keys = {key["kid"]: key for key in scot.http.get(f"{SCOT}/jwks.json").json()["keys"]}
    key = keys[decode(token)[0]["kid"]]
    numbers = [int.from_bytes(_raw(key[name]), "big") for name in ("e", "n")]
    signed, _, signature = token.rpartition(".")
    RSAPublicNumbers(*numbers).public_key().verify(
        _raw(signature), signed.encode(), PKCS1v15(), SHA256()
    )


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_s13_an_expired_hint_counts(scot: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scot.sign_in()
    hint = scot.tokens(SCOT, client_id=CLIENT)["id_token"]
    late = clock.now().timestamp() + 86_400
    monkeypatch.setattr("time.time", lambda: late)
    answer = scot.http.get(
        f"{SCOT}/authorize/logout",
        params={
            "id_token_hint": hint,
            "post_logout_redirect_uri": "https://council.example:443/",
            "state": "s==",
        },
    )
    assert answer.headers["location"] == "https://council.example:443/?state=s%3D%3D"
    assert scot.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL") == 0


def test_s14_refresh_with_an_assertion(scot: World) -> None:
    person = scot.sign_in()
    tokens = share(scot, person, f"{GPG45} {ADDRESS}", [ADDRESS])
    again = scot.refresh(tokens["refresh_token"], SCOT, client_id=CLIENT)
    assert again.status_code == 200
    assert again.json()["scope"] == tokens["scope"]
    (item,) = items_of(ask(scot, again.json()["access_token"]))
    assert item["scope"] == ADDRESS, "never more than was shared in the flow"
    assert scot.refresh(tokens["refresh_token"], SCOT, client_id=CLIENT).status_code == 400


def test_s15_create_account_opens_sign_up(scot: World) -> None:
    answer = authorize(scot, dis_prompt="create_account")
    assert urlsplit(answer.headers["location"]).path == "/identity/create-account"
    assert answer_of(authorize(scot, dis_prompt="create"))["error"] == "invalid_dis_prompt"


def test_s16_a_flow_lives_seven_days_on_any_device(people: People) -> None:
    flow = people.begin_flow("openid")
    people.sign_up(flow=flow)
    people.world.execute(
        "UPDATE flow SET created_at = created_at - interval '6 days 23 hours',"
        " expires_at = expires_at - interval '6 days 23 hours'"
    )
    other = people.another_browser()
    other.cookies.set("clachan-session", people.http.cookies["clachan-session"])
    back = other.get(f"/identity/continue?flow={flow}")
    answer = parse_qs(urlsplit(back.headers["location"]).query)
    tokens = people.world.redeem(answer["code"][0], SCOT, client_id="councilclient")
    assert tokens.status_code == 200
    assert answer["state"] == ["st=te=="]
    with people.world.database.transaction() as session:
        assert get_flow(session, UUID(flow), clock.now()).finished_at is not None
    people.world.execute("UPDATE flow SET expires_at = now() - interval '1 second'")
    assert other.get(f"/identity/continue?flow={flow}").status_code == 404
