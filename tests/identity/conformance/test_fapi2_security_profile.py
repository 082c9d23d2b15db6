"""FAPI 2.0 Security Profile: requests, codes, tokens and clients of every variant.

Its modules about DPoP and about pushed requests stand in the two files beside this one.
"""

import json
from typing import Any

from identity.oidc.flows import record_refusal
from shared import clock
from tests.identity.conformance.strict_client import STRICT, StrictClient, certificate
from tests.identity.oidc.world import CALLBACK, World, decode, rsa_key


def answered(client: StrictClient, **changes: Any) -> dict[str, str]:
    """Push a request, bring it, and return what leads back to the client."""
    return client.answer(client.visit(client.pushed(**changes)))


def issued(world: World) -> object:
    return world.scalar("SELECT count(*) FROM authorisation")


def test_fapi2_security_profile_final_discovery_end_point_verification(jwt: StrictClient) -> None:
    metadata = jwt.http.get(f"{STRICT}/.well-known/openid-configuration").json()
    assert metadata["issuer"] == STRICT
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["require_pushed_authorization_requests"] is True
    assert metadata["pushed_authorization_request_endpoint"] == f"{STRICT}/par"
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["tls_client_certificate_bound_access_tokens"] is True
    assert set(metadata["token_endpoint_auth_methods_supported"]) == {
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
    }
    for name, value in metadata.items():
        if name.endswith("alg_values_supported") and "encryption" not in name:
            assert set(value) == {"ES256", "PS256", "EdDSA"}, name


def test_fapi2_security_profile_final_happy_flow(fapi: StrictClient) -> None:
    answer = answered(fapi)
    assert (answer["state"], answer["iss"]) == ("st=te==", STRICT)
    tokens = fapi.redeem(answer["code"]).json()
    assert tokens["token_type"] == ("DPoP" if fapi.binding == "dpop" else "Bearer")
    header, claims = decode(tokens["id_token"])
    assert header["alg"] in {"ES256", "PS256", "EdDSA"}
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (STRICT, fapi.client_id, "n/nce==")
    assert fapi.userinfo(tokens["access_token"]).json()["sub"] == claims["sub"]


def test_plain_oauth_without_openid_gets_no_id_token(fapi: StrictClient) -> None:
    fapi.register(scopes=("openid", "profile"), first_party=True)
    tokens = fapi.tokens(scope="profile", nonce=None)
    assert "id_token" not in tokens
    assert tokens["scope"] == "profile"


def test_fapi2_security_profile_final_user_rejects_authentication(fapi: StrictClient) -> None:
    started = fapi.visit(fapi.pushed(prompt="consent"))
    flow = started.headers["location"].partition("flow=")[2]
    with fapi.world.database.transaction() as session:
        record_refusal(session, flow, "access_denied", "No", clock.now())  # type: ignore[arg-type]  # its text will do
    back = fapi.world.http.get("/identity/continue", params={"flow": flow})
    answer = fapi.answer(back)
    assert (answer["error"], answer["state"], answer["iss"]) == (
        "access_denied",
        "st=te==",
        STRICT,
    )
    assert issued(fapi.world) == 0


def test_fapi2_security_profile_final_ensure_authorization_request_without_state_success(
    fapi: StrictClient,
) -> None:
    answer = answered(fapi, state=None)
    assert "state" not in answer
    assert fapi.redeem(answer["code"]).status_code == 200


def test_fapi2_security_profile_final_ensure_authorization_request_without_nonce_success(
    fapi: StrictClient,
) -> None:
    assert "nonce" not in decode(fapi.tokens(nonce=None)["id_token"])[1]


def test_fapi2_security_profile_final_ensure_authorization_request_with_64_char_nonce_success(
    fapi: StrictClient,
) -> None:
    nonce = "n" * 64
    assert decode(fapi.tokens(nonce=nonce)["id_token"])[1]["nonce"] == nonce


def test_fapi2_security_profile_final_ensure_authorization_request_with_long_nonce(
    fapi: StrictClient,
) -> None:
    nonce = "n" * 1000
    assert decode(fapi.tokens(nonce=nonce)["id_token"])[1]["nonce"] == nonce


def test_fapi2_security_profile_final_ensure_authorization_request_with_long_state(
    fapi: StrictClient,
) -> None:
    state = "s" * 1000
    answer = answered(fapi, state=state)
    assert answer["state"] == state
    assert "code" in answer


def test_fapi2_security_profile_final_ensure_other_scope_order_succeeds(fapi: StrictClient) -> None:
    fapi.register(first_party=True)
    assert set(fapi.tokens(scope="email openid profile")["scope"].split()) == {
        "openid",
        "profile",
        "email",
    }


def test_fapi2_security_profile_final_test_claims_parameter_identity_claims(
    fapi: StrictClient,
) -> None:
    fapi.register(first_party=True)
    claims = {"id_token": {"email": None}, "userinfo": {"email": {"essential": True}}}
    tokens = fapi.tokens(claims=claims if fapi.signs else json.dumps(claims))
    assert decode(tokens["id_token"])[1]["email"] == "jean@example.test"
    assert fapi.userinfo(tokens["access_token"]).json()["email"] == "jean@example.test"


def test_fapi2_security_profile_final_access_token_type_header_case_sensitivity(
    fapi: StrictClient,
) -> None:
    token = fapi.tokens()["access_token"]
    usual = "DPoP" if fapi.binding == "dpop" else "Bearer"
    for scheme in (usual.lower(), usual.upper(), usual.swapcase()):
        assert fapi.userinfo(token, scheme=scheme).status_code == 200


def passes_over_what_stands_outside(fapi: StrictClient, name: str) -> None:
    visited = fapi.visit(fapi.pushed(**{name: "inside"}), **{name: "outside"})
    answer = fapi.answer(visited)
    inner = {"state": answer["state"]}
    inner |= {"nonce": str(decode(fapi.redeem(answer["code"]).json()["id_token"])[1]["nonce"])}
    assert inner[name] == "inside"


def test_fapi2_security_profile_final_ensure_different_nonce_inside_and_outside_request_object(
    fapi: StrictClient,
) -> None:
    passes_over_what_stands_outside(fapi, "nonce")


def test_fapi2_security_profile_final_ensure_different_state_inside_and_outside_request_object(
    fapi: StrictClient,
) -> None:
    passes_over_what_stands_outside(fapi, "state")


def test_fapi2_security_profile_final_state_only_outside_request_object_not_used(
    fapi: StrictClient,
) -> None:
    answer = fapi.answer(fapi.visit(fapi.pushed(state=None), state="outside"))
    assert "code" in answer
    assert "state" not in answer


def refuses_address(fapi: StrictClient, redirect_uri: str | None) -> None:
    refused = fapi.push(redirect_uri=redirect_uri)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert fapi.world.scalar("SELECT count(*) FROM pushed_request") == 0


def test_fapi2_security_profile_final_ensure_request_object_without_redirect_uri_fails(
    fapi: StrictClient,
) -> None:
    refuses_address(fapi, None)


def test_fapi2_security_profile_final_ensure_redirect_uri_in_authorization_request(
    fapi: StrictClient,
) -> None:
    refuses_address(fapi, None)


def test_fapi2_security_profile_final_ensure_registered_redirect_uri(fapi: StrictClient) -> None:
    refuses_address(fapi, f"{CALLBACK}/other")
    refuses_address(fapi, f"{CALLBACK}?a=b")


def test_fapi2_security_profile_final_plain_fapi_tolerate_unregistered_redirect_uri(
    fapi: StrictClient,
) -> None:
    """The plan leaves the choice; here an address counts only once it is registered."""
    refuses_address(fapi, f"{CALLBACK}/new")


def test_fapi2_security_profile_final_ensure_unsigned_authorization_request_without_using_par_fails(
    fapi: StrictClient,
) -> None:
    visited = fapi.world.http.get(f"{STRICT}/authorize", params=fapi.parameters())
    assert fapi.answer(visited)["error"] == "invalid_request"
    assert issued(fapi.world) == 0


def refuses_response_type(fapi: StrictClient, response_type: str) -> None:
    refused = fapi.push(response_type=response_type)
    assert refused.status_code == 400
    assert refused.json()["error"] in {"unsupported_response_type", "invalid_request"}


def test_fapi2_security_profile_final_ensure_response_type_code_idtoken_fails(
    fapi: StrictClient,
) -> None:
    refuses_response_type(fapi, "code id_token")


def test_fapi2_security_profile_final_ensure_response_type_token_fails(fapi: StrictClient) -> None:
    refuses_response_type(fapi, "token")


def test_fapi2_security_profile_final_ensure_client_id_in_token_endpoint(
    fapi: StrictClient,
) -> None:
    """A certificate alone names nobody; beside an assertion the name must be the same."""
    code = fapi.code()
    wrong = None if fapi.auth != "private_key_jwt" else "other-client"
    refused = fapi.redeem(code, client_id=wrong)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert fapi.redeem(code).status_code == 200


def test_fapi2_security_profile_final_ensure_holder_of_key_required(fapi: StrictClient) -> None:
    code, was = fapi.code(), fapi.binding
    fapi.binding = "none"
    refused = fapi.redeem(code, proof=None)
    fapi.binding = was
    if fapi.auth != "private_key_jwt" and was == "mtls":
        assert refused.status_code == 200, "its certificate authenticates and binds at once"
        return
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert fapi.redeem(code).status_code == 200


def test_a_certificate_client_without_its_certificate_is_nobody(fapi: StrictClient) -> None:
    code = fapi.code()
    form = {"grant_type": "authorization_code", "code": code, "client_id": fapi.client_id}
    refused = fapi.http.post(f"{STRICT}/token", data=form)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


def test_fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client(
    fapi: StrictClient,
) -> None:
    other = StrictClient(fapi.world, fapi.auth, fapi.binding, client_id="other-client").register()
    code = fapi.code()
    refused = other.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert fapi.redeem(code).status_code == 200


def test_fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second(
    fapi: StrictClient,
) -> None:
    code = fapi.code()
    token = fapi.redeem(code).json()["access_token"]
    fapi.world.execute("UPDATE authorisation SET code_consumed_at = now() - interval '1 s'")
    assert fapi.redeem(code).json()["error"] == "invalid_grant"
    assert fapi.userinfo(token).status_code == 401, "what was issued from it is revoked"


def test_fapi2_security_profile_final_ensure_token_endpoint_fails_with_expired_auth_code(
    fapi: StrictClient,
) -> None:
    code = fapi.code()
    lives = "SELECT max(extract(epoch FROM code_expires_at - created_at)) FROM authorisation"
    assert int(str(fapi.world.scalar(lives)).partition(".")[0]) <= 60
    fapi.world.execute("UPDATE authorisation SET code_expires_at = now() - interval '1 s'")
    assert fapi.redeem(code).json()["error"] == "invalid_grant"


def refuses_assertion(client: StrictClient, assertion: str | None) -> None:
    """Expect that a code cannot be redeemed with this assertion, but with a good one."""
    code = client.code()
    refused = client.redeem(code, client_assertion=assertion, client_id=client.client_id)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert client.redeem(code).status_code == 200


def test_fapi2_security_profile_final_ensure_signed_client_assertion_with_rs256_fails(
    jwt: StrictClient,
) -> None:
    keys = [jwt.key.as_dict(private=False), rsa_key(0).as_dict(private=False)]
    jwt.register(jwks=keys)
    refuses_assertion(jwt, jwt.assertion(alg="RS256", key=rsa_key(0)))
    good = jwt.assertion(alg="PS256", key=rsa_key(0))
    assert jwt.redeem(jwt.code(), client_assertion=good).status_code == 200


def test_fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint(
    jwt: StrictClient,
) -> None:
    refuses_assertion(jwt, None)


def test_fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(
    jwt: StrictClient,
) -> None:
    start = clock.now().timestamp()
    refuses_assertion(jwt, jwt.assertion(exp=int(start) - 300, iat=int(start) - 360))


def test_fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails(
    jwt: StrictClient,
) -> None:
    refuses_assertion(jwt, jwt.assertion(aud="https://council.example/"))


def test_fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails(
    jwt: StrictClient,
) -> None:
    refuses_assertion(jwt, jwt.assertion(sub=None))


def test_fapi2_security_profile_final_refresh_token(fapi: StrictClient) -> None:
    """The refresh token is not turned, works as often as needed, and only for its client."""
    first = fapi.tokens()
    other = StrictClient(fapi.world, fapi.auth, fapi.binding, client_id="other-client").register()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert other.send("/token", form | other.credentials()).json()["error"] == "invalid_grant"
    for _ in range(2):
        again = fapi.send("/token", form | fapi.credentials())
        assert again.status_code == 200, again.text
        assert "refresh_token" not in again.json()
        assert fapi.userinfo(again.json()["access_token"]).status_code == 200


def test_another_certificate_opens_nothing(world: World) -> None:
    world.sign_in()
    client = StrictClient(world, "tls_client_auth", "mtls").register()
    stranger = certificate("somebody-else")
    code = client.code()
    assert client.redeem(code, shown=stranger).json()["error"] == "invalid_client"
    token = client.redeem(code).json()["access_token"]
    assert client.userinfo(token, shown=stranger).status_code == 401
    assert client.userinfo(token).status_code == 200
