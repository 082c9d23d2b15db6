"""GOV.UK One Login as its clients know it: what is asked, redeemed and ended (3.2, 3.3, 3.5)."""

from urllib.parse import parse_qs, urlsplit

import pytest

from identity.caching import versioned
from identity.relying_parties.options import ClientOptions
from tests.identity.oidc.onelogin import (
    ADDRESS,
    BASE,
    CLIENT,
    CORE,
    ISSUER,
    P2,
    OneLogin,
    wish,
)
from tests.identity.oidc.world import CALLBACK, SECRET, World, answer_of, rsa_key

ID_TOKEN_CLAIMS = {
    *("at_hash", "sub", "aud", "iss", "vot", "exp", "iat", "nonce", "vtm", "sid", "auth_time"),
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """See what was registered again at once."""
    monkeypatch.setattr(versioned, "_CHECK_SECONDS", 0.0)


@pytest.fixture
def client(world: World) -> OneLogin:
    return OneLogin.register(world)


@pytest.mark.parametrize(
    "vtr",
    [
        *("[]", "{}", "Cl.Cm", '["Cl.P2"]', '["P2"]', '["Cl.Cm.P9"]', '["Cl.Cl.Cm"]', "[1]"),
        *('["Cm"]', '["Cl.Cm.P1"]', '["Cl.Cm","Cl.Cm.P2"]', '["Cl.Cm.P1.P2"]'),
    ],
)
def test_a_vector_that_means_nothing_is_refused(client: OneLogin, vtr: str) -> None:
    """3.2."""
    client.world.sign_in()
    answer = answer_of(client.authorize(vtr=vtr))
    assert answer["error"] == "invalid_request"
    assert answer["error_description"] == "Request vtr not valid"
    assert answer["state"] == "st=te=="
    assert client.world.scalar("SELECT count(*) FROM authorisation") == 0


@pytest.mark.parametrize("vtr", ['["Cl.Cm"]', '["Cl"]', '["Cm.Cl"]', '["Cl.Cm","Cl"]', None])
def test_credential_vectors_are_understood_in_any_order(client: OneLogin, vtr: str | None) -> None:
    client.world.sign_in()
    assert "code" in answer_of(client.authorize(vtr=vtr))


def test_the_order_of_components_is_free(client: OneLogin) -> None:
    client.world.sign_in()
    answer = client.authorize(vtr='["P2.Cl.Cm"]', claims=wish(CORE))
    assert urlsplit(answer.headers["location"]).path == "/identity/verify"


@pytest.mark.parametrize(
    "claims",
    [
        '{"id_token":{"email":null}}',
        wish("https://vocab.account.gov.uk/v1/secret"),
        wish("email"),
        '{"userinfo":[]}',
    ],
    ids=["id_token", "unknown", "plain", "list"],
)
def test_claims_elsewhere_or_unknown_are_refused(client: OneLogin, claims: str) -> None:
    client.world.sign_in()
    assert answer_of(client.authorize(claims=claims))["error"] == "invalid_request"


def test_a_claim_beyond_the_registration_is_refused(world: World) -> None:
    options = ClientOptions(levels_of_confidence=("P2",), allowed_claims=(CORE,))
    client = OneLogin.register(world, options=options)
    world.sign_in()
    assert answer_of(client.authorize(vtr=P2, claims=wish(ADDRESS)))["error"] == "invalid_request"
    answer = client.authorize(vtr=P2, claims=wish(CORE))
    assert urlsplit(answer.headers["location"]).path == "/identity/verify"


@pytest.mark.parametrize("name", ["client_id", "response_type", "scope", "redirect_uri", "state"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_a_missing_parameter_is_400_on_our_own_page(
    client: OneLogin, name: str, accept: str
) -> None:
    """3.2."""
    client.world.http.headers["Accept"] = accept
    answer = client.authorize(**{name: None})
    assert answer.status_code == 400
    assert "request_is_missing_parameters" in answer.text
    assert answer.headers["content-type"].startswith(accept)


def test_a_missing_nonce_is_permitted_only_by_registration(world: World) -> None:
    client = OneLogin.register(world)
    world.sign_in()
    assert client.authorize(nonce=None).status_code == 400
    OneLogin.register(world, options=ClientOptions(permit_missing_nonce=True), pkce="required")
    answer = world.authorize(BASE, client_id=CLIENT, nonce=None)
    assert "code" in answer_of(answer)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "nobody-known"}, "invalid_request"),
        ({"redirect_uri": "https://other.example/"}, "invalid_request"),
        ({"response_mode": "pigeon"}, "invalid_request"),
    ],
    ids=["client", "redirect", "mode"],
)
def test_what_cannot_be_trusted_is_400(
    client: OneLogin, changes: dict[str, str | None], error: str
) -> None:
    client.world.http.headers["Accept"] = "application/json"
    answer = client.authorize(**changes)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"request_uri": "https://x.example/"}, "request_uri_not_supported"),
        ({"prompt": "select_account"}, "unmet_authentication_requirements"),
        ({"prompt": "none"}, "login_required"),
    ],
    ids=["scope", "type", "request_uri", "select", "none"],
)
def test_other_mistakes_go_back_to_the_service(
    client: OneLogin, changes: dict[str, str | None], error: str
) -> None:
    answer = answer_of(client.authorize(**changes))
    assert (answer["error"], answer["state"]) == (error, "st=te==")


def test_a_deactivated_client_is_told_so(world: World) -> None:
    """3.2."""
    client = OneLogin.register(world)
    world.sign_in()
    code = answer_of(client.authorize())["code"]
    OneLogin.register(world, options=ClientOptions(is_active=False))
    answer = answer_of(client.authorize())
    assert answer["error"] == "unauthorized_client"
    assert answer["error_description"] == "client deactivated"
    assert client.redeem(code).json()["error"] == "unauthorized_client"


def test_a_challenge_is_optional_but_enforced_once_sent_or_registered(world: World) -> None:
    client = OneLogin.register(world)
    world.sign_in()
    code = answer_of(world.authorize(BASE, client_id=CLIENT))["code"]
    assert client.redeem(code).json()["error"] == "invalid_grant"
    OneLogin.register(world, pkce="required")
    assert answer_of(client.authorize())["error"] == "invalid_request"


def test_max_age_counts_only_by_agreement(world: World) -> None:
    client = OneLogin.register(world)
    world.sign_in()
    assert "code" in answer_of(client.authorize(max_age="0"))
    OneLogin.register(world, options=ClientOptions(max_age_enabled=True))
    assert urlsplit(client.authorize(max_age="0").headers["location"]).path == "/identity/sign-in"


@pytest.mark.parametrize("audience", [f"{BASE}/token", ISSUER, [ISSUER]])
def test_assertions_are_addressed_to_token_endpoint_or_issuer(
    client: OneLogin, audience: object
) -> None:
    """3.3."""
    client.world.sign_in()
    code = answer_of(client.authorize())["code"]
    assertion = client.world.assertion(CLIENT, audience, key=rsa_key(0))
    assert client.redeem(code, client_assertion=assertion).status_code == 200


def test_refusals_at_the_token_endpoint_are_all_400(client: OneLogin) -> None:
    """3.3."""
    client.world.sign_in()
    code = answer_of(client.authorize())["code"]
    foreign = client.world.assertion(CLIENT, f"{BASE}/token", key=rsa_key(5))
    for changes, error in (
        ({"client_assertion": foreign}, "invalid_client"),
        ({"client_assertion": None, "client_assertion_type": None}, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "unsupported_grant_type"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
    ):
        answer = client.redeem(code, **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert client.redeem(code).status_code == 200


def test_a_shared_secret_is_taken_from_clients_registered_for_it(world: World) -> None:
    """3.3: by exception."""
    client = OneLogin.register(world, auth_method="client_secret_post", jwks=[])
    world.sign_in()
    code = answer_of(client.authorize())["code"]
    answer = client.redeem(
        code, client_assertion=None, client_assertion_type=None, client_secret=SECRET
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer nothing"}])
def test_userinfo_refuses_with_a_challenge(client: OneLogin, header: dict[str, str]) -> None:
    answer = client.world.http.get(f"{BASE}/userinfo", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_signing_out_ends_every_session_and_leads_back(world: World) -> None:
    """3.5."""
    party = {"post_logout_uris": ("https://council.example/out",)}
    client = OneLogin.register(world, backchannel_logout_uri="https://council.example/b", **party)
    person = world.sign_in()
    hint = client.tokens()["id_token"]
    world.execute(
        "INSERT INTO sign_in_session (id, cookie_hash, account_id, authenticated_at, methods,"
        " level, level_policy, device, last_seen_at, idle_at, ends_at) SELECT gen_random_uuid(),"
        " 'other', account_id, authenticated_at, methods, level, level_policy, device,"
        " last_seen_at, idle_at, ends_at FROM sign_in_session"
    )
    answer = world.http.get(
        f"{BASE}/logout",
        params={
            "id_token_hint": hint,
            "post_logout_redirect_uri": "https://council.example/out",
            "state": "s=1",
        },
    )
    assert answer.headers["location"] == "https://council.example/out?state=s%3D1"
    live = world.scalar(
        "SELECT count(*) FROM sign_in_session WHERE account_id = :id AND ended_at IS NULL",
        id=person.account_id,
    )
    assert live == 0


@pytest.mark.parametrize(
    "params",
    [
        {"id_token_hint": "nonsense"},
        {"post_logout_redirect_uri": "https://evil.example/", "client_id": CLIENT},
    ],
    ids=["hint", "address"],
)
def test_a_bad_request_to_sign_out_ends_on_our_page_with_error_code(
    client: OneLogin, params: dict[str, str]
) -> None:
    """3.5."""
    client.world.sign_in()
    answer = client.world.http.get(f"{BASE}/logout", params=params)
    target = urlsplit(answer.headers["location"])
    assert target.path == "/identity/signed-out"
    members = parse_qs(target.query)
    assert members["error_code"] == ["invalid_request"]
    assert "error" not in members
    assert client.world.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL") == 1


def test_the_old_address_of_a_callback_with_a_query_stays(world: World) -> None:
    client = OneLogin.register(world, redirect_uris=(f"{CALLBACK}?from=gov",))
    world.sign_in()
    answer = client.authorize(redirect_uri=f"{CALLBACK}?from=gov")
    assert answer.headers["location"].startswith(f"{CALLBACK}?from=gov&code=")
