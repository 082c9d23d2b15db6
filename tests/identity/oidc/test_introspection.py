"""What a caller learns of a token (RFC 7662), signed where it asks so (RFC 9701)."""

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import KeySet, RSAKey

from identity.relying_parties.options import ClientOptions
from tests.identity.oidc.grants import Grants
from tests.identity.oidc.test_at_rest import counted
from tests.identity.oidc.test_resources_and_details import RECORDS
from tests.identity.oidc.world import (
    ASSERTION_TYPE,
    OIDC,
    PUBLIC_URL,
    SECRET,
    World,
    decode,
    ec_key,
)

JWT = "application/token-introspection+jwt"


@pytest.fixture
def council(world: World) -> World:
    """A client whose tokens are for a resource server, that server, and the platform's own."""
    world.register(options=ClientOptions(resources=(RECORDS,)))
    secret = {"auth_method": "client_secret_post", "grant_types": ("client_credentials",)}
    world.register("records", options=ClientOptions(serves=(RECORDS,)), **secret)
    world.register("elsewhere", options=ClientOptions(serves=("https://x.example",)), **secret)
    world.register("platform", first_party=True, **secret)
    world.sign_in()
    return world


def ask(world: World, token: str, caller: str, accept: str = "*/*"):  # type: ignore[no-untyped-def]  # noqa: ANN201 - the answer of either form
    return world.http.post(
        f"{OIDC}/introspect",
        data={"token": token, "client_id": caller, "client_secret": SECRET},
        headers={"Accept": accept},
    )


def test_a_resource_server_sees_the_tokens_that_are_meant_for_it(council: World) -> None:
    tokens = council.tokens(resource=RECORDS)
    seen = ask(council, tokens["access_token"], "records").json()
    assert seen["active"] is True
    assert seen["aud"] == RECORDS
    assert seen["acr"] == "medium"
    assert seen["client_id"] == "council-client"
    assert {"sub", "exp", "iat", "auth_time", "scope", "jti"} <= seen.keys()


@pytest.mark.parametrize("caller", ["elsewhere", "platform"])
def test_nobody_else_learns_anything(council: World, caller: str) -> None:
    tokens = council.tokens(resource=RECORDS)
    for token in (tokens["access_token"], tokens["refresh_token"], "rubbish", "a.b.c"):
        assert ask(council, token, caller).json() == {"active": False}


def test_the_platform_sees_what_is_meant_for_the_platform(council: World) -> None:
    plain = council.tokens()["access_token"]
    assert ask(council, plain, "platform").json()["active"] is True
    assert ask(council, plain, "records").json() == {"active": False}


def test_one_statement_for_each_kind_of_token(council: World) -> None:
    tokens = council.tokens(resource=RECORDS)
    council.register(
        "council-client",
        auth_method="client_secret_post",
        options=ClientOptions(resources=(RECORDS,)),
    )
    ask(council, tokens["access_token"], "records")
    with counted(council) as statements:
        assert ask(council, tokens["access_token"], "records").json()["active"] is True
    assert len(statements) == 1
    with counted(council) as statements:
        ask(council, tokens["refresh_token"], "records")
    assert len(statements) == 1


def test_a_revoked_token_is_not_active(council: World) -> None:
    tokens = council.tokens(resource=RECORDS)
    council.execute("UPDATE authorisation SET revoked_at = now()")
    assert ask(council, tokens["access_token"], "records").json() == {"active": False}


def test_a_signed_answer_is_for_one_caller(council: World) -> None:
    tokens = council.tokens(resource=RECORDS)
    answer = ask(council, tokens["access_token"], "records", f"text/html, {JWT};q=0.9")
    assert answer.headers["content-type"].startswith(JWT)
    assert answer.headers["cache-control"] == "no-store"
    keys = KeySet.import_key_set(council.http.get(f"{OIDC}/jwks.json").json())
    verified = jwt.decode(answer.text, keys, algorithms=["RS256"])
    assert verified.header["typ"] == "token-introspection+jwt"
    assert verified.claims["iss"] == OIDC
    assert verified.claims["aud"] == "records"
    assert {"iat", "token_introspection"} <= verified.claims.keys()
    assert not {"sub", "exp"} & verified.claims.keys(), "it is no token of its own (section 8.1)"
    inside = verified.claims["token_introspection"]
    assert inside == ask(council, tokens["access_token"], "records").json()


def test_a_signed_refusal_tells_no_more_than_a_plain_one(council: World) -> None:
    tokens = council.tokens(resource=RECORDS)
    answer = ask(council, tokens["access_token"], "elsewhere", JWT)
    assert decode(answer.text)[1]["token_introspection"] == {"active": False}


def test_the_registered_algorithm_signs(council: World) -> None:
    council.register(
        "records",
        auth_method="client_secret_post",
        grant_types=("client_credentials",),
        options=ClientOptions(serves=(RECORDS,), introspection_signed_response_alg="ES256"),
    )
    tokens = council.tokens(resource=RECORDS)
    answer = ask(council, tokens["access_token"], "records", JWT)
    assert decode(answer.text)[0]["alg"] == "ES256"
    metadata = council.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    assert "ES256" in metadata["introspection_signing_alg_values_supported"]
    assert "none" not in metadata["introspection_endpoint_auth_methods_supported"]


def test_an_encrypted_answer_is_for_the_callers_key(council: World) -> None:
    key = RSAKey.generate_key(2048, {"use": "enc", "kid": "enc-1"})
    council.register(
        "records",
        auth_method="private_key_jwt",
        grant_types=("client_credentials",),
        jwks=[ec_key().as_dict(private=False), key.as_dict(private=False)],
        options=ClientOptions(
            serves=(RECORDS,), introspection_encrypted_response_alg="RSA-OAEP-256"
        ),
    )
    tokens = council.tokens(resource=RECORDS)
    form = {
        "token": tokens["access_token"],
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": council.assertion("records"),
    }
    answer = council.http.post(f"{OIDC}/introspect", data=form, headers={"Accept": JWT})
    opened = jwe.decrypt_compact(answer.text, key, algorithms=["RSA-OAEP-256", "A128CBC-HS256"])
    inner = (opened.plaintext or b"").decode()
    assert decode(inner)[0]["typ"] == "token-introspection+jwt"
    assert decode(inner)[1]["token_introspection"]["active"] is True  # type: ignore[index]  # JSON


def test_a_signed_answer_does_not_pass_as_an_access_token(council: World) -> None:
    tokens = council.tokens(resource=RECORDS)
    answer = ask(council, tokens["access_token"], "records", JWT).text
    bearer = {"Authorization": f"Bearer {answer}"}
    assert council.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 401


def test_a_public_client_may_not_ask(grants: Grants) -> None:
    answer = grants.post("/introspect", None, client_id="tv-app", token="x")
    assert answer.status_code == 400
    assert answer.json()["error"] == "unauthorized_client"
    assert PUBLIC_URL in OIDC
