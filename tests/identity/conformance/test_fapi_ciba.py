"""FAPI-CIBA: one test for each general module of fapi-ciba-id1, for poll and ping."""

import json

import pytest

from tests.identity.conformance.ciba_client import CibaClient
from tests.identity.conformance.strict_client import (
    HEADER,
    certificate,
    in_header,
    now,
    thumbprint_of,
)
from tests.identity.oidc.grants import JEAN, error_of
from tests.identity.oidc.world import ASSERTION_TYPE, World, decode, ec_key, rsa_key
from tests.support.outside import Outside

_VARIANTS = {
    "jwt-poll": ("oidc", "private_key_jwt", "poll"),
    "jwt-ping": ("oidc", "private_key_jwt", "ping"),
    "mtls-poll": ("oidc", "tls_client_auth", "poll"),
    "mtls-ping": ("oidc", "tls_client_auth", "ping"),
    "strict-ping": ("strict", "private_key_jwt", "ping"),
}
_JWT = [name for name, (_, auth, _) in _VARIANTS.items() if auth == "private_key_jwt"]
_PING = [name for name, (*_, mode) in _VARIANTS.items() if mode == "ping"]


def _client(world: World, outside: Outside, variant: str) -> CibaClient:
    world.sign_in(JEAN)
    return CibaClient(world, outside, *_VARIANTS[variant]).register()


@pytest.fixture(params=_VARIANTS)
def ciba(world: World, outside: Outside, request: pytest.FixtureRequest) -> CibaClient:
    return _client(world, outside, request.param)


@pytest.fixture(params=["jwt-poll", "strict-ping"])
def one(world: World, outside: Outside, request: pytest.FixtureRequest) -> CibaClient:
    """One client of each issuer, for what does not depend on mode or authentication."""
    return _client(world, outside, request.param)


@pytest.fixture(params=_JWT)
def jwt(world: World, outside: Outside, request: pytest.FixtureRequest) -> CibaClient:
    return _client(world, outside, request.param)


@pytest.fixture(params=_PING)
def ping(world: World, outside: Outside, request: pytest.FixtureRequest) -> CibaClient:
    return _client(world, outside, request.param)


def test_fapi_ciba_id1_discovery_end_point_verification(ciba: CibaClient) -> None:
    document = ciba.http.get(f"{ciba.issuer}/.well-known/openid-configuration").json()
    assert document["backchannel_authentication_endpoint"] == f"{ciba.issuer}/bc-authorize"
    assert set(document["backchannel_token_delivery_modes_supported"]) == {"poll", "ping"}
    algorithms = document["backchannel_authentication_request_signing_alg_values_supported"]
    assert {"ES256", "PS256"} <= set(algorithms)
    assert not [one for one in algorithms if one.startswith(("RS", "HS", "none"))]
    assert document["backchannel_user_code_parameter_supported"] is False
    assert "urn:openid:params:grant-type:ciba" in document["grant_types_supported"]
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert "openid" in document["scopes_supported"]


def test_fapi_ciba_id1(ciba: CibaClient) -> None:
    auth_req_id = ciba.begun()
    ciba.decide()
    if ciba.mode == "ping":
        (told,) = ciba.pings
        assert json.loads(told.body) == {"auth_req_id": auth_req_id}
        assert told.headers["authorization"] == f"Bearer {ciba.token}"
        assert told.headers["content-type"] == "application/json"
    answer = ciba.poll(auth_req_id)
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert tokens["token_type"] == "Bearer"
    header, claims = decode(tokens["id_token"])
    assert header["alg"] in ("ES256", "PS256")
    assert claims["iss"] == ciba.issuer
    assert claims["aud"] == ciba.client_id
    assert {"sub", "exp", "iat", "acr", "auth_time"} <= claims.keys()
    bound = decode(tokens["access_token"])[1]["cnf"]
    assert bound == {"x5t#S256": thumbprint_of(certificate(ciba.client_id))}
    bearer = {
        "Authorization": f"Bearer {tokens['access_token']}",
        HEADER: in_header(certificate(ciba.client_id)),
    }
    known = ciba.http.get(f"{ciba.issuer}/userinfo", headers=bearer)
    assert known.json()["sub"] == claims["sub"]
    assert error_of(ciba.poll(auth_req_id)) == (400, "invalid_grant")


def test_fapi_ciba_id1_user_rejects_authentication(ciba: CibaClient) -> None:
    auth_req_id = ciba.begun()
    ciba.decide("refuse")
    assert len(ciba.pings) == (1 if ciba.mode == "ping" else 0)
    assert error_of(ciba.poll(auth_req_id)) == (400, "access_denied")
    assert ciba.world.scalar("SELECT count(*) FROM authorisation") == 0


def test_fapi_ciba_id1_multiple_call_to_token_endpoint(ciba: CibaClient) -> None:
    auth_req_id = ciba.begun()
    assert error_of(ciba.poll(auth_req_id)) == (400, "authorization_pending")
    assert error_of(ciba.poll(auth_req_id)) == (400, "slow_down")
    ciba.decide()
    assert ciba.poll(auth_req_id).status_code == 200


def test_fapi_ciba_id1_auth_req_id_expired(ciba: CibaClient) -> None:
    answer = ciba.begin(ciba.object(requested_expiry=30)).json()
    assert answer["expires_in"] == 30
    ciba.world.execute("UPDATE polled_request SET valid_until = now() - interval '1 s'")
    assert error_of(ciba.poll(answer["auth_req_id"])) == (400, "expired_token")


def test_fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds(
    ciba: CibaClient,
) -> None:
    auth_req_id = ciba.begun(ciba.object(binding_message="1234"))
    assert "1234" in ciba.world.http.get("/identity/requests").text
    ciba.decide()
    assert ciba.poll(auth_req_id).status_code == 200


def test_fapi_ciba_id1_ensure_other_scope_order_succeeds(one: CibaClient) -> None:
    for scope in ("openid email", "email openid"):
        answer = one.begin(one.object(scope=scope))
        assert answer.status_code == 200, answer.text


def test_fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds(ciba: CibaClient) -> None:
    answer = ciba.begin(ciba.object(requested_expiry="120")).json()
    assert answer["expires_in"] == 120
    ciba.decide()
    assert ciba.poll(answer["auth_req_id"]).status_code == 200


def test_fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message(
    one: CibaClient,
) -> None:
    with one.nothing_begins():
        for message in ("x" * 101, "line\nbreak", "\u0000", "\u200b", "   "):
            refused = one.begin(one.object(binding_message=message))
            assert error_of(refused) == (400, "invalid_binding_message"), repr(message)
    one.begun(one.object(binding_message="1234 \U0001f44d\U0001f3ff é"))


def test_fapi_ciba_id1_ensure_request_object_missing_aud_fails(one: CibaClient) -> None:
    one.refuses(one.object(aud=None))


def test_fapi_ciba_id1_ensure_request_object_bad_aud_fails(one: CibaClient) -> None:
    one.refuses(one.object(aud="https://other.example"))


def test_fapi_ciba_id1_ensure_request_object_missing_iss_fails(one: CibaClient) -> None:
    one.refuses(one.object(iss=None))


def test_fapi_ciba_id1_ensure_request_object_bad_iss_fails(one: CibaClient) -> None:
    one.refuses(one.object(iss="https://other.example"))


def test_fapi_ciba_id1_ensure_request_object_missing_exp_fails(one: CibaClient) -> None:
    one.refuses(one.object(exp=None))


def test_fapi_ciba_id1_ensure_request_object_expired_exp_fails(one: CibaClient) -> None:
    one.refuses(one.object(exp=now() - 300))


def test_fapi_ciba_id1_ensure_request_object_exp_is_70_minutes_in_future_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(exp=now() + 70 * 60))


def test_fapi_ciba_id1_ensure_request_object_missing_iat_fails(one: CibaClient) -> None:
    one.refuses(one.object(iat=None))


def test_fapi_ciba_id1_ensure_request_object_missing_nbf_fails(one: CibaClient) -> None:
    one.refuses(one.object(nbf=None))


def test_fapi_ciba_id1_ensure_request_object_nbf_is_10_minutes_in_future_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(nbf=now() + 600, exp=now() + 900))


def test_fapi_ciba_id1_ensure_request_object_nbf_is_70_minutes_in_past_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(nbf=now() - 70 * 60))


def test_fapi_ciba_id1_ensure_request_object_missing_jti_fails(one: CibaClient) -> None:
    one.refuses(one.object(jti=None))


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_none_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(alg="none"))


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_bad_fails(
    one: CibaClient,
) -> None:
    header, payload, signature = one.object().split(".")
    one.refuses(f"{header}.{payload}.{signature[::-1]}")
    wrong = one.object(alg="ES384", key=ec_key("P-384"))
    one.refuses(wrong)


def test_fapi_ciba_id1_ensure_request_object_signature_algorithm_is_RS256_fails(  # noqa: N802 - the module's name
    one: CibaClient,
) -> None:
    _rs256(one)  # registers the RSA key, so that only the algorithm is wrong
    one.refuses(one.object(alg="RS256", key=rsa_key(2)))


def test_fapi_ciba_id1_ensure_request_object_signed_by_other_client_fails(one: CibaClient) -> None:
    one.refuses(one.object(key=ec_key("P-256", 5)))


def test_fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails(
    one: CibaClient,
) -> None:
    one.refuses(one.object(login_hint_token="x.y.z"))
    one.refuses(one.object(id_token_hint="x.y.z"))
    one.refuses(one.object(login_hint=None))


def test_fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request(
    ciba: CibaClient,
) -> None:
    auth_req_id = ciba.begun()
    ciba.decide()
    assert error_of(ciba.poll("invalid" + auth_req_id)) == (400, "invalid_grant")
    assert ciba.poll(auth_req_id).status_code == 200


def test_fapi_ciba_id1_ensure_different_client_id_and_issuer_in_backchannel_authorization_request(
    one: CibaClient,
) -> None:
    other = CibaClient(
        one.world, one.outside, one.profile, one.auth, one.mode, "other-service", ec_key("P-256", 3)
    ).register()
    one.refuses(other.object())
    one.refuses(one.object(client_id="other-service"))


def test_fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request(ciba: CibaClient) -> None:
    other = CibaClient(
        ciba.world,
        ciba.outside,
        ciba.profile,
        ciba.auth,
        ciba.mode,
        "other-service",
        ec_key("P-256", 3),
    ).register()
    auth_req_id = ciba.begun()
    ciba.decide()
    assert error_of(other.poll(auth_req_id)) == (400, "invalid_grant")
    if ciba.auth == "private_key_jwt":
        assert error_of(ciba.poll(auth_req_id, client_id="other-service"))[1] == "invalid_client"
    assert ciba.poll(auth_req_id).status_code == 200


def test_fapi_ciba_id1_ensure_wrong_client_id_in_backchannel_authorization_request(
    ciba: CibaClient,
) -> None:
    with ciba.nothing_begins():
        refused = ciba.begin(None, client_id="no-such-client")
        assert error_of(refused) == (401, "invalid_client")


def test_fapi_ciba_id1_ensure_without_client_assertion_in_token_endpoint_request(
    jwt: CibaClient,
) -> None:
    auth_req_id = jwt.begun()
    jwt.decide()
    params = {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": auth_req_id}
    assert error_of(jwt.post("/token", params)) == (401, "invalid_client")
    named = params | {"client_id": jwt.client_id}
    assert error_of(jwt.post("/token", named)) == (401, "invalid_client")
    assert jwt.poll(auth_req_id).status_code == 200


def test_fapi_ciba_id1_ensure_without_client_assertion_in_backchannel_authorization_request(
    jwt: CibaClient,
) -> None:
    with jwt.nothing_begins():
        for params in ({}, {"client_id": jwt.client_id}):
            refused = jwt.post("/bc-authorize", params | {"request": jwt.object()})
            assert error_of(refused) == (401, "invalid_client")


def _rs256(client: CibaClient) -> dict[str, str]:
    """Return credentials that are good but for their algorithm: the RSA key is registered too."""
    keys = [client.key.as_dict(private=False), rsa_key(2).as_dict(private=False)]
    client.world.execute(
        "UPDATE relying_party SET jwks = cast(:jwks AS jsonb) WHERE client_id = :id",
        jwks=json.dumps(keys),
        id=client.client_id,
    )
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": client.assertion(alg="RS256", key=rsa_key(2)),
    }


def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_backchannel_authorization_request_is_RS256_fails(  # noqa: E501, N802 - the module's name
    jwt: CibaClient,
) -> None:
    with jwt.nothing_begins():
        refused = jwt.post("/bc-authorize", _rs256(jwt) | {"request": jwt.object()})
        assert error_of(refused) == (401, "invalid_client")


def test_fapi_ciba_id1_ensure_client_assertion_signature_algorithm_in_token_endpoint_request_is_RS256_fails(  # noqa: E501, N802 - the module's name
    jwt: CibaClient,
) -> None:
    credentials = _rs256(jwt)  # before anybody has read the client's keys
    auth_req_id = jwt.begun()
    jwt.decide()
    refused = jwt.poll(auth_req_id, **credentials)
    assert error_of(refused) == (401, "invalid_client")
    assert jwt.poll(auth_req_id).status_code == 200


def test_fapi_ciba_id1_ensure_client_assertion_with_iss_aud_to_token_endpoint_succeeds(
    jwt: CibaClient,
) -> None:
    auth_req_id = jwt.begun()
    jwt.decide()
    answer = jwt.poll(auth_req_id, client_assertion=jwt.assertion(aud=jwt.issuer))
    assert answer.status_code == 200, answer.text


def _told_once(ping: CibaClient) -> None:
    auth_req_id = ping.begun()
    ping.decide()
    ping.world.execute("UPDATE outbox SET due_at = now() - interval '1 s'")
    ping.work()
    assert len(ping.pings) == 1
    assert len(ping.outside.sent) == 1, "nothing was sent anywhere else"
    assert ping.poll(auth_req_id).status_code == 200


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body(
    ping: CibaClient,
) -> None:
    ping.answer_pings(200, b'{"error": "access_denied"}')
    _told_once(ping)


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401(
    ping: CibaClient,
) -> None:
    ping.answer_pings(401)
    _told_once(ping)


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403(
    ping: CibaClient,
) -> None:
    ping.answer_pings(403)
    _told_once(ping)


def test_fapi_ciba_id1_ping_with_mtls_ciba_notification_endpoint_response_401_and_require_server_does_not_retry(  # noqa: E501 - the module's name
    ping: CibaClient,
) -> None:
    ping.answer_pings(401, b"", **{"WWW-Authenticate": "Bearer"})
    _told_once(ping)


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_return_redirect_request(
    ping: CibaClient,
) -> None:
    ping.answer_pings(302, b"", Location=f"{ping.outside.url}/elsewhere")
    _told_once(ping)


def test_fapi_ciba_id1_ensure_unsigned_backchannel_authorization_request_fails(
    ciba: CibaClient,
) -> None:
    with ciba.nothing_begins():
        params = {"scope": "openid", "login_hint": JEAN, "client_notification_token": ciba.token}
        refused = ciba.post("/bc-authorize", ciba.credentials() | params)
        assert error_of(refused) == (400, "invalid_request")


def test_fapi_ciba_id1_refresh_token(ciba: CibaClient) -> None:
    auth_req_id = ciba.begun()
    ciba.decide()
    tokens = ciba.poll(auth_req_id).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = ciba.post("/token", form | ciba.credentials())
    assert again.status_code == 200, again.text
    first, second = (decode(one["id_token"])[1] for one in (tokens, again.json()))
    assert second["sub"] == first["sub"]
    other = CibaClient(
        ciba.world,
        ciba.outside,
        ciba.profile,
        ciba.auth,
        ciba.mode,
        "other-service",
        ec_key("P-256", 3),
    ).register()
    token = again.json().get("refresh_token", tokens["refresh_token"])
    stolen = other.post(
        "/token",
        {"grant_type": "refresh_token", "refresh_token": token} | other.credentials(),
    )
    assert error_of(stolen) == (400, "invalid_grant")


def test_fapi_ciba_id1_ensure_mtls_holder_of_key_required(ciba: CibaClient) -> None:
    auth_req_id = ciba.begun()
    ciba.decide()
    refused = ciba.poll_without_certificate(auth_req_id)
    assert refused.status_code in (400, 401)
    assert refused.json()["error"] in ("invalid_request", "invalid_client")
    tokens = ciba.poll(auth_req_id)
    assert tokens.status_code == 200, "the refusal spent nothing"
    bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
    assert ciba.http.get(f"{ciba.issuer}/userinfo", headers=bearer).status_code == 401
    stranger = bearer | {HEADER: in_header(certificate("stranger"))}
    assert ciba.http.get(f"{ciba.issuer}/userinfo", headers=stranger).status_code == 401
