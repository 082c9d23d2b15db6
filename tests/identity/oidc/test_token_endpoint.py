"""What `/token` takes and refuses beside the single use of what it is given (S2, S7, S8)."""

import base64

import pytest

from tests.identity.oidc.world import (
    ASSERTION_TYPE,
    CALLBACK,
    OIDC,
    PUBLIC_URL,
    SCOT,
    SECRET,
    World,
    decode,
)

SCOTTISH = "openid scotaccount.gpg45.medium scotaccount.address"


@pytest.fixture
def scot(world: World) -> World:
    world.register("sandboxscot01", profile="scotaccount")
    world.sign_in()
    return world


def query_of(world: World, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": world.verifier,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": world.assertion("sandboxscot01", f"{SCOT}/token"),
    }


def test_all_parameters_in_the_query_of_an_empty_post_work_in_scotaccount(scot: World) -> None:
    """S2, shape 1."""
    params = query_of(scot, scot.code(SCOT, client_id="sandboxscot01"))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "0"}
    answer = scot.http.post(f"{SCOT}/token", params=params, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"


def test_query_and_body_are_merged_in_scotaccount(scot: World) -> None:
    """S2."""
    params = query_of(scot, scot.code(SCOT, client_id="sandboxscot01"))
    body = {name: params.pop(name) for name in ("code", "code_verifier")}
    assert scot.http.post(f"{SCOT}/token", params=params, data=body).status_code == 200


@pytest.mark.parametrize("where", ["query", "body", "both"])
def test_a_parameter_given_twice_is_refused(scot: World, where: str) -> None:
    """S2."""
    params = query_of(scot, scot.code(SCOT, client_id="sandboxscot01"))
    grant = params["grant_type"]
    if where == "query":
        pairs = [*params.items(), ("grant_type", grant)]
        answer = scot.http.post(f"{SCOT}/token", params=pairs)
    elif where == "body":
        text = "&".join(f"{name}={value}" for name, value in params.items())
        answer = scot.http.post(
            f"{SCOT}/token",
            content=f"{text}&grant_type={grant}",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    else:
        answer = scot.http.post(f"{SCOT}/token", params=params, data={"grant_type": grant})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert scot.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0


def test_the_query_does_not_count_for_plain_clients(client_world: World) -> None:
    """S2: enabled per profile."""
    params = {"grant_type": "authorization_code", "code": client_world.code()}
    answer = client_world.http.post(f"{OIDC}/token", params=params)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_json_body_is_refused(scot: World) -> None:
    """Shape 3 of section 1.6."""
    params = query_of(scot, scot.code(SCOT, client_id="sandboxscot01"))
    answer = scot.http.post(f"{SCOT}/token", json=params)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_oversized_body_is_refused_unread(client_world: World) -> None:
    answer = client_world.http.post(f"{OIDC}/token", data={"code": "x" * 100_000})
    assert answer.status_code == 413


def test_the_scotaccount_answer_is_complete(scot: World) -> None:
    """S7, S8, S9."""
    scot.execute("SELECT 1")
    tokens = scot.tokens(SCOT, client_id="sandboxscot01")
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 900
    assert tokens["scope"] == "openid"
    header, claims = decode(tokens["id_token"])
    assert set(header) == {"alg", "kid"}
    assert header["alg"] == "RS256"
    assert set(claims) == {"sub", "aud", "iss", "exp", "iat", "nonce", "jti", "sid"}
    assert claims["aud"] == "sandboxscot01"
    assert claims["nonce"] == "n/nce=="
    assert len(str(claims["sid"])) == 43
    assert len(str(claims["sub"])) == 36
    header, claims = decode(tokens["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", "RS256")
    assert set(claims) == {"sub", "scp", "iss", "exp", "iat", "jti", "cid"}
    assert claims["scp"] == ["openid"]


def test_a_plain_access_token_has_the_members_of_rfc_9068(client_world: World) -> None:
    header, claims = decode(client_world.tokens()["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    required = {"iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope"}
    assert required <= set(claims)


def test_a_service_gets_a_token_for_the_platforms_apis(world: World) -> None:
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read", "payments.write"),
    )
    sent = {
        "grant_type": "client_credentials",
        "scope": "payments.read",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": world.assertion("robot-service"),
    }
    answer = world.http.post(f"{OIDC}/token", data=sent).json()
    _header, claims = decode(answer["access_token"])
    assert answer["scope"] == "payments.read"
    assert (claims["aud"], claims["sub"]) == (PUBLIC_URL, "robot-service")
    assert "id_token" not in answer
    assert "refresh_token" not in answer


@pytest.mark.parametrize("scope", ["payments.write", "openid", "payments.read payments.write"])
def test_a_service_gets_no_scope_that_it_is_not_registered_for(world: World, scope: str) -> None:
    world.register(
        "robot-service", grant_types=("client_credentials",), scopes=("openid", "payments.read")
    )
    sent = {
        "grant_type": "client_credentials",
        "scope": scope,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": world.assertion("robot-service"),
    }
    answer = world.http.post(f"{OIDC}/token", data=sent)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("grant_type", "error"),
    [
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
    ],
)
def test_grants_that_are_not_offered_are_refused(
    client_world: World, grant_type: str, error: str
) -> None:
    answer = client_world.redeem(client_world.code(), grant_type=grant_type)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert client_world.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0


def test_client_credentials_are_not_offered_in_scotaccount(scot: World) -> None:
    sent = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": scot.assertion("sandboxscot01", SCOT),
    }
    answer = scot.http.post(f"{SCOT}/token", data=sent)
    assert answer.json()["error"] == "unsupported_grant_type"


def basic(client_id: str, secret: str) -> dict[str, str]:
    joined = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {joined}"}


def secret_form(world: World) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": world.code(client_id="secret-client"),
        "redirect_uri": CALLBACK,
        "code_verifier": world.verifier,
    }


def test_client_secret_basic_with_form_encoding_works(world: World) -> None:
    world.register("secret-client", auth_method="client_secret_basic")
    world.sign_in()
    encoded = SECRET.replace(" ", "+")
    answer = world.http.post(
        f"{OIDC}/token", data=secret_form(world), headers=basic("secret-client", encoded)
    )
    assert answer.status_code == 200


def test_a_wrong_secret_is_refused_with_a_challenge(world: World) -> None:
    world.register("secret-client", auth_method="client_secret_basic")
    world.sign_in()
    answer = world.http.post(
        f"{OIDC}/token", data=secret_form(world), headers=basic("secret-client", "wrong")
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert world.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0


def test_client_secret_post_works_and_not_for_a_client_of_basic(world: World) -> None:
    world.register("secret-client", auth_method="client_secret_post")
    world.sign_in()
    form = secret_form(world) | {"client_id": "secret-client", "client_secret": SECRET}
    assert world.http.post(f"{OIDC}/token", data=form).status_code == 200
    world.register("basic-client", auth_method="client_secret_basic")
    other = form | {"client_id": "basic-client"}
    assert world.http.post(f"{OIDC}/token", data=other).status_code == 401


def test_two_methods_in_one_request_are_refused(world: World) -> None:
    world.register("secret-client", auth_method="client_secret_post")
    world.sign_in()
    form = secret_form(world) | {"client_id": "secret-client", "client_secret": SECRET}
    answer = world.http.post(f"{OIDC}/token", data=form, headers=basic("secret-client", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_no_authentication_is_refused(client_world: World) -> None:
    answer = client_world.redeem(
        client_world.code(), client_assertion=None, client_assertion_type=None
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_client_of_keys_cannot_pass_with_a_secret_or_nothing(client_world: World) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": client_world.code(),
        "redirect_uri": CALLBACK,
        "code_verifier": client_world.verifier,
        "client_id": "council-client",
        "client_secret": SECRET,
    }
    assert client_world.http.post(f"{OIDC}/token", data=form).status_code == 401


def test_get_is_not_offered(client_world: World) -> None:
    answer = client_world.http.get(f"{OIDC}/token")
    assert answer.status_code == 405
    assert answer.json()["error"] == "invalid_request"
