"""Request objects, pushed requests and bound tokens for clients that choose them (RFC 9101, 9126).

What the strict profile demands of everybody is in tests/identity/conformance.
"""

import json
from typing import Any

import pytest

from identity.relying_parties.options import ClientOptions
from tests.identity.conformance.strict_client import StrictClient, sign
from tests.identity.oidc.world import CALLBACK, OIDC, SCOT, World, answer_of, b64, ec_key, rsa_key
from tests.support.outside import Outside

REQUEST_URI = "https://council.example/request.jwt"


@pytest.fixture
def plain(world: World) -> StrictClient:
    """A client of plain OpenID Connect that may use everything and must use nothing."""
    world.sign_in()
    client = StrictClient(world, issuer=OIDC)
    return client.register(profile="oidc", options=ClientOptions())


def outer(client: StrictClient, **changes: str | None) -> dict[str, str]:
    """Return what OpenID Connect wants beside an object."""
    params = {"client_id": client.client_id, "response_type": "code", "scope": "openid"} | changes
    return {name: value for name, value in params.items() if value is not None}


def ask(client: StrictClient, token: str, **changes: str | None) -> dict[str, str]:
    params = outer(client, request=token, **changes)
    return answer_of(client.world.http.get(f"{OIDC}/authorize", params=params))


def unsigned(claims: dict[str, Any]) -> str:
    return sign(claims, ec_key(), alg="none")


def test_an_object_by_value_is_taken_with_what_stands_outside(plain: StrictClient) -> None:
    """Core, section 6.1: inside wins, outside completes."""
    token = plain.request_object(state="inside", scope=None, nbf=None, exp=None, aud=None)
    answer = ask(plain, token, state="outside")
    assert answer["state"] == "inside"


def test_the_address_inside_counts_and_the_one_outside_does_not(plain: StrictClient) -> None:
    assert "code" in ask(plain, plain.request_object(), redirect_uri="https://elsewhere.example/")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other-client"},
        {"iss": "other-client"},
        {"aud": "https://elsewhere.example"},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"request_uri": REQUEST_URI},
    ],
)
def test_a_bad_object_is_refused_at_the_address_outside(
    plain: StrictClient, changes: dict[str, Any]
) -> None:
    answer = ask(plain, plain.request_object(**changes), redirect_uri=CALLBACK, state="s")
    assert (answer["error"], answer["state"]) == ("invalid_request_object", "s")
    assert plain.world.scalar("SELECT count(*) FROM authorisation") == 0


def test_without_a_good_address_outside_a_refusal_leads_nowhere(plain: StrictClient) -> None:
    bad = plain.request_object(key=ec_key("P-256", 4))
    for redirect_uri in (None, "https://elsewhere.example/"):
        params = outer(plain, request=bad, redirect_uri=redirect_uri)
        page = plain.world.http.get(f"{OIDC}/authorize", params=params)
        assert page.status_code == 400
        assert "location" not in page.headers


def test_a_client_that_must_sign_is_heard_only_inside(plain: StrictClient) -> None:
    plain.register(profile="oidc", options=ClientOptions(require_signed_request_object=True))
    answer = ask(plain, plain.request_object(state=None), state="outside")
    assert "code" in answer
    assert "state" not in answer
    bare = plain.world.http.get(f"{OIDC}/authorize", params=plain.parameters())
    assert answer_of(bare)["error"] == "invalid_request"


def test_only_the_registered_algorithm_counts(plain: StrictClient) -> None:
    keys = [plain.key.as_dict(private=False), rsa_key(5).as_dict(private=False)]
    options = ClientOptions(request_object_signing_alg="RS256")
    plain.register(profile="oidc", options=options, jwks=keys)
    refused = ask(plain, plain.request_object(), redirect_uri=CALLBACK)
    assert refused["error"] == "invalid_request_object"
    assert "code" in ask(plain, plain.request_object(alg="RS256", key=rsa_key(5)))


def test_an_unsigned_object_counts_only_for_a_client_registered_so(plain: StrictClient) -> None:
    claims = {**plain.parameters(), "state": "inside"}
    refused = ask(plain, unsigned(claims), redirect_uri=CALLBACK)
    assert refused["error"] == "request_not_supported"
    other = StrictClient(plain.world, issuer=OIDC, client_id="other-client")
    other.register(profile="oidc", options=ClientOptions(request_object_signing_alg="none"))
    assert ask(other, unsigned(claims | {"client_id": "other-client"}))["state"] == "inside"
    signed = ask(other, other.request_object(), redirect_uri=CALLBACK)
    assert signed["error"] == "invalid_request_object", "and then nothing else"


def test_an_object_at_a_registered_address_is_fetched(world: World, outside: Outside) -> None:
    world.sign_in()
    client = StrictClient(world, issuer=OIDC)
    address = f"{outside.url}/request.jwt"
    options = ClientOptions(request_uris=(address, f"{outside.url}/gone", f"{outside.url}/large"))
    client.register(profile="oidc", options=options)
    outside.serve("/request.jwt", client.request_object(state="inside"))
    outside.serve("/large", "x" * 70_000)

    def by_reference(request_uri: str) -> dict[str, str]:
        params = outer(client, request_uri=request_uri, redirect_uri=CALLBACK)
        return answer_of(world.http.get(f"{OIDC}/authorize", params=params))

    assert by_reference(f"{address}#version-2")["state"] == "inside"
    asked = len(outside.sent)
    for wrong in (f"{outside.url}/other", "http://169.254.169.254/", f"{address}x"):
        assert by_reference(wrong)["error"] == "invalid_request_uri"
    assert len(outside.sent) == asked, "an address that is not registered is never asked"
    for wrong in (f"{outside.url}/gone", f"{outside.url}/large"):
        assert by_reference(wrong)["error"] == "invalid_request_uri"
    outside.serve("/request.jwt", "not an object")
    assert by_reference(address)["error"] == "invalid_request_object"
    both = outer(client, request_uri=address, request=client.request_object())
    answer = world.http.get(f"{OIDC}/authorize", params=both | {"redirect_uri": CALLBACK})
    assert answer_of(answer)["error"] == "invalid_request"


def test_scotaccount_understands_neither(world: World) -> None:
    world.register("sandboxscot01", profile="scotaccount")
    assert world.http.post(f"{SCOT}/par").status_code == 404
    for name, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not")):
        answer = answer_of(
            world.authorize(SCOT, client_id="sandboxscot01", **{name: "https://a.b"})
        )
        assert answer["error"].startswith(error)
    metadata = world.http.get(f"{SCOT}/.well-known/openid-configuration").json()
    assert metadata["request_parameter_supported"] is False
    assert not [name for name in metadata if "pushed" in name or "dpop" in name]


def test_a_plain_client_may_push_prove_and_be_bound(plain: StrictClient) -> None:
    name = plain.pushed()
    code = plain.answer(plain.visit(name))["code"]
    assert plain.redeem(code, proof=None).json()["token_type"] == "Bearer"
    tokens = plain.tokens()
    assert tokens["token_type"] == "DPoP"
    assert plain.userinfo(tokens["access_token"]).status_code == 200
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert plain.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 401


def test_a_client_registered_to_push_must(plain: StrictClient) -> None:
    options = ClientOptions(require_pushed_authorization_requests=True)
    plain.register(profile="oidc", options=options)
    bare = plain.world.http.get(f"{OIDC}/authorize", params=plain.parameters())
    assert answer_of(bare)["error"] == "invalid_request"
    assert "code" in plain.answer(plain.visit(plain.pushed()))


def test_what_is_pushed_is_checked_as_at_authorize(plain: StrictClient) -> None:
    for changes in ({"scope": "email"}, {"prompt": "none login"}, {"claims": "{"}):
        refused = plain.push(**changes)
        assert refused.status_code == 400
        assert refused.json()["error"] in {"invalid_scope", "invalid_request"}
    nobody = plain.http.post(f"{OIDC}/par", data=plain.parameters())
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
    assert plain.world.scalar("SELECT count(*) FROM pushed_request") == 0


def test_an_assertion_pushes_once(plain: StrictClient) -> None:
    form = plain.parameters() | plain.credentials()
    assert plain.send("/par", form).status_code == 201
    again = plain.send("/par", form)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


def test_introspection_tells_to_what_a_token_is_bound(plain: StrictClient) -> None:
    token = plain.tokens()["access_token"]
    form = {"token": token, **plain.credentials()}
    told = plain.http.post(f"{OIDC}/introspect", data=form).json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": plain.proof_key.thumbprint()})


def test_a_signed_answer_for_a_plain_client(plain: StrictClient) -> None:
    back = plain.world.http.get(
        f"{OIDC}/authorize", params=plain.parameters() | {"response_mode": "query.jwt"}
    )
    assert set(answer_of(back)) == {"response"}
    claims = plain.answer(back)
    assert (claims["iss"], claims["aud"]) == (OIDC, plain.client_id)
    assert plain.redeem(claims["code"]).status_code == 200


def test_a_bound_token_never_stands_in_an_answer(plain: StrictClient) -> None:
    types = ("code", "code id_token token", "code id_token")
    options = ClientOptions(response_types=types, dpop_bound_access_tokens=True)
    plain.register(profile="oidc", options=options)
    asked = plain.parameters() | {"response_type": "code id_token token"}
    back = plain.world.http.get(f"{OIDC}/authorize", params=asked)
    assert "error=unauthorized_client" in back.headers["location"]
    asked |= {"response_type": "code id_token"}
    back = plain.world.http.get(f"{OIDC}/authorize", params=asked | {"response_mode": "jwt"})
    assert "#response=" in back.headers["location"]


def test_an_algorithm_taken_from_the_key_confuses_nobody(plain: StrictClient) -> None:
    """The public key as an HMAC secret, the algorithm of another key, two kinds of header."""
    pem = plain.key.as_pem(private=False)
    parts = plain.request_object().split(".")
    for alg in ("HS256", "HS512", "RS256", "ES384"):
        head = b64(json.dumps({"alg": alg}).encode())
        mac = b64(pem[:32])
        answer = ask(plain, f"{head}.{parts[1]}.{mac}", redirect_uri=CALLBACK)
        assert answer["error"] == "invalid_request_object"
    oversized = b64(json.dumps({"alg": "ES256", "pad": "x" * 2000}).encode())
    answer = ask(plain, f"{oversized}.{parts[1]}.{parts[2]}", redirect_uri=CALLBACK)
    assert answer["error"] == "invalid_request_object"
    crit = b64(json.dumps({"alg": "ES256", "crit": ["b64"], "b64": False}).encode())
    answer = ask(plain, f"{crit}.{parts[1]}.{parts[2]}", redirect_uri=CALLBACK)
    assert answer["error"] == "invalid_request_object"


def test_the_metadata_says_what_is_true(world: World) -> None:
    metadata = world.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    assert metadata["request_parameter_supported"] is True
    assert metadata["request_uri_parameter_supported"] is True
    assert metadata["require_pushed_authorization_requests"] is False
    assert metadata["pushed_authorization_request_endpoint"] == f"{OIDC}/par"
    assert {"RS256", "ES256", "none"} <= set(
        metadata["request_object_signing_alg_values_supported"]
    )
    assert "none" not in metadata["dpop_signing_alg_values_supported"]
    assert '"HS256"' not in json.dumps(metadata)
    assert "query.jwt" in metadata["response_modes_supported"]
