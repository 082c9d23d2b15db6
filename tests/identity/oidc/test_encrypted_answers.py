"""Signed and encrypted ID tokens and UserInfo (Core, sections 5.3.2 and 10.2).

What was encrypted is opened by code of the tests, not by the library that made it.
"""

import json

import pytest
from httpx2 import Response
from joserfc import jws
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from identity.relying_parties.checks.encryption import (
    CONTENT_ENCRYPTIONS,
    ENCRYPTION_ALGORITHMS,
    check_encryption,
    encryption_key,
)
from identity.relying_parties.options import ClientOptions
from tests.identity.oidc.world import OIDC, World, answer_of, decode, ec_key, rsa_key
from tests.support.open_jwe import open_jwe

PAIRS = [(alg, enc) for alg in ENCRYPTION_ALGORITHMS for enc in CONTENT_ENCRYPTIONS]


def key_for(alg: str) -> RSAKey | ECKey:
    return rsa_key(20) if alg.startswith("RSA") else ec_key("P-384", 20)


def public(key: RSAKey | ECKey, **members: str) -> dict[str, object]:
    return {**key.as_dict(private=False), **members}


def register(world: World, alg: str = "ECDH-ES", **options: object) -> None:
    jwks = [public(ec_key()), public(key_for(alg), use="enc", kid="for-secrets")]
    world.register(jwks=jwks, options=ClientOptions(**options), first_party=True)  # type: ignore[arg-type]  # members by name
    world.sign_in()


def opened(token: str, alg: str) -> tuple[dict[str, object], str]:
    """Return header and content of a JWE, with the client's private key."""
    private = key_for(alg).private_key
    assert private is not None
    return open_jwe(token, private)


def ask_userinfo(world: World) -> Response:
    token = world.tokens(scope="openid email")["access_token"]
    return world.http.get(f"{OIDC}/userinfo", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(("alg", "enc"), PAIRS)
def test_an_encrypted_id_token_holds_the_signed_one(world: World, alg: str, enc: str) -> None:
    register(world, alg, id_token_encrypted_response_alg=alg, id_token_encrypted_response_enc=enc)
    token = world.tokens()["id_token"]
    assert token.count(".") == 4
    header, inner = opened(token, alg)
    assert (header["alg"], header["enc"], header["cty"]) == (alg, enc, "JWT")
    assert header["kid"] == "for-secrets"
    assert "zip" not in header
    assert decode(inner)[1]["aud"] == "council-client"
    assert decode(inner)[0]["alg"] == "ES256"


def test_without_an_enc_the_specified_one_is_taken(world: World) -> None:
    register(world, id_token_encrypted_response_alg="ECDH-ES")
    header, _inner = opened(world.tokens()["id_token"], "ECDH-ES")
    assert header["enc"] == "A128CBC-HS256"


def test_an_id_token_through_the_browser_is_encrypted_too(world: World) -> None:
    register(
        world,
        id_token_encrypted_response_alg="ECDH-ES",
        response_types=("code", "id_token"),
    )
    token = answer_of(world.authorize(response_type="id_token"))["id_token"]
    assert decode(opened(token, "ECDH-ES")[1])[1]["nonce"] == "n/nce=="


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_userinfo_is_signed_for_a_client_registered_for_it(world: World, algorithm: str) -> None:
    register(world, userinfo_signed_response_alg=algorithm)
    answer = ask_userinfo(world)
    assert answer.headers["content-type"].partition(";")[0] == "application/jwt"
    assert answer.headers["cache-control"] == "no-store"
    header, claims = decode(answer.text)
    assert header["alg"] == algorithm
    assert (claims["iss"], claims["aud"]) == (OIDC, "council-client")
    assert claims["email"] == "jean@example.test"
    keys = world.http.get(f"{OIDC}/jwks.json").json()["keys"]
    signer = JWKRegistry.import_key(next(one for one in keys if one["kid"] == header["kid"]))
    jws.deserialize_compact(answer.text, signer, algorithms=[algorithm])


def test_userinfo_may_be_signed_and_encrypted_or_encrypted_alone(world: World) -> None:
    register(world, userinfo_signed_response_alg="ES256", userinfo_encrypted_response_alg="ECDH-ES")
    header, inner = opened(ask_userinfo(world).text, "ECDH-ES")
    assert header["cty"] == "JWT"
    assert decode(inner)[1]["email"] == "jean@example.test"


def test_userinfo_that_is_only_encrypted_is_json_inside(world: World) -> None:
    register(world, userinfo_encrypted_response_alg="ECDH-ES")
    header, inner = opened(ask_userinfo(world).text, "ECDH-ES")
    assert "cty" not in header
    assert json.loads(inner)["email"] == "jean@example.test"


def test_a_key_for_secrets_signs_no_assertion(world: World) -> None:
    """One key for one use (RFC 7517, section 4.2)."""
    secret = ec_key("P-256", 21)
    world.register(jwks=[public(ec_key()), public(secret, use="enc")])
    world.sign_in()
    refused = world.redeem(world.code(), client_assertion=world.assertion(key=secret))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"id_token_encrypted_response_alg": "RSA1_5"}, "id_token_encrypted_response_alg"),
        ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "id_token_encrypted_response_alg"),
        (
            {"userinfo_encrypted_response_alg": "PBES2-HS256+A128KW"},
            "userinfo_encrypted_response_alg",
        ),
        ({"userinfo_encrypted_response_alg": "dir"}, "userinfo_encrypted_response_alg"),
        ({"id_token_encrypted_response_enc": "A256GCM"}, "id_token_encrypted_response_enc"),
        (
            {
                "id_token_encrypted_response_alg": "ECDH-ES",
                "id_token_encrypted_response_enc": "A192GCM",
            },
            "id_token_encrypted_response_enc",
        ),
    ],
)
def test_weak_or_incomplete_wishes_are_refused(options: dict[str, str], field: str) -> None:
    keys = [ec_key("P-256", 20), rsa_key(20)]
    faults = check_encryption(ClientOptions(**options), keys)  # type: ignore[arg-type]  # members by name
    assert [fault.field for fault in faults] == [field]


def test_encryption_needs_a_key_of_the_right_kind() -> None:
    options = ClientOptions(id_token_encrypted_response_alg="RSA-OAEP-256")
    assert check_encryption(options, [ec_key()])
    assert not check_encryption(options, [rsa_key(0)])


def test_a_key_marked_for_encryption_goes_first_and_one_for_signatures_never() -> None:
    plain, marked, signing = (
        JWKRegistry.import_key(public(ec_key("P-256", number), **members))  # type: ignore[arg-type]  # members by name
        for number, members in ((1, {}), (2, {"use": "enc"}), (3, {"use": "sig"}))
    )
    assert encryption_key([signing, plain, marked], "ECDH-ES") is marked
    assert encryption_key([signing, plain], "ECDH-ES") is plain
    assert encryption_key([signing], "ECDH-ES") is None
    assert encryption_key([marked], "RSA-OAEP-256") is None
