"""FAPI 2.0 Message Signing: signed requests (RFC 9101) and signed answers (JARM).

The modules that both plans have run with signed requests in the files beside this one.
"""

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwe
from joserfc import jwt as jose
from joserfc.jwk import KeySet, OKPKey

from identity.relying_parties.options import ClientOptions
from tests.identity.conformance.strict_client import STRICT, AnyKey, StrictClient, now, sign
from tests.identity.oidc.world import World, ec_key, rsa_key


def refuses(client: StrictClient, token: str, error: str = "invalid_request_object") -> None:
    """Expect that a request object is refused where it is pushed, and nothing is kept of it."""
    refused = client.send("/par", client.credentials() | {"request": token})
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert client.world.scalar("SELECT count(*) FROM pushed_request") == 0


def accepts(client: StrictClient, token: str) -> None:
    pushed = client.send("/par", client.credentials() | {"request": token})
    assert pushed.status_code == 201, pushed.text
    assert "code" in client.answer(client.visit(pushed.json()["request_uri"]))


def test_fapi2_security_profile_final_ensure_request_object_with_multiple_aud_succeeds(
    signed: StrictClient,
) -> None:
    accepts(signed, signed.request_object(aud=["https://other.example", STRICT]))


def test_fapi2_security_profile_final_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(  # noqa: E501 - the module's name
    signed: StrictClient,
) -> None:
    accepts(signed, signed.request_object(nbf=now() + 8))


def test_fapi2_security_profile_final_ensure_request_object_without_exp_fails(
    signed: StrictClient,
) -> None:
    refuses(signed, signed.request_object(exp=None))


def test_fapi2_security_profile_final_ensure_request_object_without_nbf_fails(
    signed: StrictClient,
) -> None:
    refuses(signed, signed.request_object(nbf=None))


def test_fapi2_security_profile_final_ensure_expired_request_object_fails(
    signed: StrictClient,
) -> None:
    refuses(signed, signed.request_object(nbf=now() - 600, exp=now() - 300))


def test_fapi2_security_profile_final_ensure_request_object_with_bad_aud_fails(
    signed: StrictClient,
) -> None:
    for aud in ("https://other.example", [], ["https://other.example"], None):
        refuses(signed, signed.request_object(aud=aud))


def test_fapi2_security_profile_final_ensure_request_object_with_exp_over_60_fails(
    signed: StrictClient,
) -> None:
    refuses(signed, signed.request_object(exp=now() + 70 * 60))


def test_fapi2_security_profile_final_ensure_request_object_with_nbf_over_60_fails(
    signed: StrictClient,
) -> None:
    refuses(signed, signed.request_object(nbf=now() - 70 * 60))
    refuses(signed, signed.request_object(nbf=now() + 60))


def test_fapi2_security_profile_final_ensure_signed_request_object_with_rs256_fails(
    signed: StrictClient,
) -> None:
    signed.register(jwks=[one.as_dict(private=False) for one in (signed.key, rsa_key(0))])
    refuses(signed, signed.request_object(alg="RS256", key=rsa_key(0)))
    accepts(signed, signed.request_object(alg="PS256", key=rsa_key(0)))


def test_fapi2_security_profile_final_ensure_request_object_signature_algorithm_is_not_none(
    signed: StrictClient,
) -> None:
    for name in ("none", "None", "NONE"):
        token = sign({**signed.parameters(), "nbf": now(), "exp": now() + 60}, signed.key)
        header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).decode().rstrip("=")
        refuses(signed, f"{header}.{token.split('.')[1]}.")


def test_fapi2_security_profile_final_ensure_request_object_with_invalid_signature_fails(
    signed: StrictClient,
) -> None:
    head, body, made = signed.request_object().split(".")
    refuses(signed, f"{head}.{body}.{made[:-6]}AAAAAA")
    refuses(signed, f"{head}.{body}.")


def test_fapi2_security_profile_final_ensure_matching_key_in_authorization_request(
    signed: StrictClient,
) -> None:
    refuses(signed, signed.request_object(key=ec_key("P-256", 9)))


def test_fapi2_security_profile_final_ensure_unsigned_request_at_par_endpoint_fails(
    signed: StrictClient,
) -> None:
    refused = signed.send("/par", signed.parameters() | signed.credentials())
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert signed.world.scalar("SELECT count(*) FROM pushed_request") == 0


def test_fapi2_security_profile_final_par_authorization_request_containing_request_uri(
    signed: StrictClient,
) -> None:
    refuses(signed, signed.request_object(request_uri="urn:ietf:params:oauth:request_uri:x"))


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other-client"},
        {"iss": "other-client"},
        {"sub": "council-client"},
        {"request": "e30"},
        {"exp": "soon"},
        {"nbf": True},
        {"max_age": 1.5},
    ],
)
def test_what_an_object_must_not_say(signed: StrictClient, changes: dict[str, Any]) -> None:
    signed.world.register("other-client", profile="strict")
    refuses(signed, signed.request_object(**changes))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "crit"])
def test_an_object_brings_no_keys(signed: StrictClient, name: str) -> None:
    own: dict[str, object] = {
        "jwk": signed.key.as_dict(private=False),
        "jku": "https://council.example/keys",
        "x5u": "https://council.example/cert",
        "x5c": ["AAAA"],
        "crit": ["exp"],
    }
    claims = {**signed.parameters(), "aud": STRICT, "nbf": now(), "exp": now() + 60}
    refuses(signed, sign(claims, signed.key, **{name: own[name]}))


def test_tokens_of_other_kinds_are_no_request_objects(signed: StrictClient) -> None:
    claims = {**signed.parameters(), "aud": STRICT, "nbf": now(), "exp": now() + 60}
    for kind in ("at+jwt", "dpop+jwt", "logout+jwt"):
        refuses(signed, sign(claims, signed.key, typ=kind))
    refuses(signed, signed.assertion(nbf=now(), client_id=signed.client_id))
    refuses(signed, "a.b.c.d.e")
    refuses(signed, "x" * 20_000)


def test_claims_and_numbers_travel_inside(signed: StrictClient) -> None:
    claims = {"id_token": {"auth_time": {"essential": True}}}
    accepts(signed, signed.request_object(claims=claims, max_age=3600))


def answer_token(client: StrictClient, **changes: Any) -> str:
    back = client.visit(client.pushed(**changes)).headers["location"]
    members = parse_qs(urlsplit(back).query)
    assert set(members) == {"response"}
    return members["response"][0]


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA"])
def test_the_answer_is_signed_as_the_client_registered(signed: StrictClient, alg: str) -> None:
    options = ClientOptions(
        require_signed_request_object=True,
        authorization_signed_response_alg=alg,
        dpop_bound_access_tokens=True,
    )
    signed.register(options=options)
    token = answer_token(signed)
    keys = KeySet.import_key_set(signed.http.get(f"{STRICT}/jwks.json").json())
    read = jose.decode(token, keys, algorithms=[alg])
    assert read.header["alg"] == alg
    assert (read.claims["iss"], read.claims["aud"]) == (STRICT, signed.client_id)
    assert read.claims["state"] == "st=te=="
    assert 0 < read.claims["exp"] - now() <= 600
    assert signed.redeem(str(read.claims["code"])).status_code == 200


def test_an_error_is_signed_too(signed: StrictClient) -> None:
    signed.world.http.cookies.clear()
    claims = json.loads(_body(answer_token(signed, prompt="none")))
    assert (claims["error"], claims["state"]) == ("login_required", "st=te==")


@pytest.mark.parametrize(
    ("alg", "enc"), [("ECDH-ES", "A256GCM"), ("RSA-OAEP-256", None)], ids=["elliptic", "rsa"]
)
def test_a_signed_answer_may_be_encrypted_to_the_client(
    signed: StrictClient, alg: str, enc: str | None
) -> None:
    own = ec_key("P-256", 11) if alg == "ECDH-ES" else rsa_key(4)
    options = ClientOptions(
        require_signed_request_object=True,
        authorization_encrypted_response_alg=alg,
        authorization_encrypted_response_enc=enc,
    )
    keys = [signed.key.as_dict(private=False), own.as_dict(private=False) | {"use": "enc"}]
    signed.register(options=options, jwks=keys)
    sealed = answer_token(signed)
    opened = jwe.decrypt_compact(sealed, own, algorithms=[alg, enc or "A128CBC-HS256"])
    assert opened.headers()["cty"] == "JWT"
    assert opened.plaintext is not None
    assert "code" in json.loads(_body(opened.plaintext.decode()))


def test_a_signed_answer_may_travel_in_a_form(signed: StrictClient) -> None:
    page = signed.visit(signed.pushed(response_mode="form_post.jwt"))
    assert page.status_code == 200
    assert 'name="response"' in page.text
    assert 'name="code"' not in page.text


def _body(token: str) -> bytes:
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize("alg", ["PS256", "EdDSA"])
def test_requests_and_assertions_of_every_offered_algorithm_count(world: World, alg: str) -> None:
    world.sign_in()
    key: AnyKey = rsa_key(3) if alg == "PS256" else OKPKey.generate_key("Ed25519")
    client = StrictClient(world, signs=True, key=key)
    client.register(id_token_alg=alg)
    assert "id_token" in client.tokens()
