"""Weaknesses that other products had (contract, section 8.4), each tried on our own endpoints."""

import base64
import hmac
import json
import zlib
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwe, jws

from identity.oidc.core_id_token import half_hash
from identity.relying_parties.options import ClientOptions
from tests.identity.oidc.world import (
    CALLBACK,
    OIDC,
    World,
    answer_of,
    b64,
    decode,
    ec_key,
)


def userinfo_status(world: World, token: str) -> int:
    bearer = {"Authorization": f"Bearer {token}"}
    return world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code


def sign_by_hand(header: dict[str, object], payload: dict[str, object]) -> str:
    """Return a JWT whose header no library would have let through."""
    private = ec_key().private_key
    assert private is not None
    signed = ".".join(b64(json.dumps(part).encode()) for part in (header, payload))
    r, s = decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{b64(r.to_bytes(32) + s.to_bytes(32))}"


def unsigned(token: str, algorithm: str = "none") -> str:
    header, payload = decode(token)
    changed = b64(json.dumps(header | {"alg": algorithm}).encode())
    return f"{changed}.{b64(json.dumps(payload).encode())}."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_an_unsigned_token_counts_nowhere(client_world: World, algorithm: str) -> None:
    """alg none (CVE-2026-28802 of another product)."""
    tokens = client_world.tokens()
    assert userinfo_status(client_world, unsigned(tokens["access_token"], algorithm)) == 401
    hint = unsigned(tokens["id_token"], algorithm)
    refused = answer_of(client_world.authorize(id_token_hint=hint))
    assert refused["error"] == "invalid_request"


def test_a_public_key_is_no_shared_secret(client_world: World) -> None:
    """Algorithm confusion (CVE-2024-37568): HMAC with the published key as its secret."""
    tokens = client_world.tokens()
    header, payload = decode(tokens["access_token"])
    jwks = client_world.http.get(f"{OIDC}/jwks.json")
    published = next(one for one in jwks.json()["keys"] if one["kid"] == header["kid"])
    for secret in (json.dumps(published), published["x"]):
        head = b64(json.dumps(header | {"alg": "HS256"}).encode())
        body = b64(json.dumps(payload).encode())
        mac = hmac.digest(secret.encode(), f"{head}.{body}".encode(), "sha256")
        assert userinfo_status(client_world, f"{head}.{body}.{b64(mac)}") == 401


def test_a_key_in_the_header_is_not_believed(client_world: World) -> None:
    """CVE-2026-27962: the token brings the key that made its signature."""
    tokens, own = client_world.tokens(), ec_key("P-256", 30)
    header, payload = decode(tokens["access_token"])
    for extra in ({"jwk": own.as_dict(private=False)}, {"jku": "https://evil.example/jwks"}):
        registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
        forged = jws.serialize_compact(
            header | {"alg": "ES256"} | extra,
            json.dumps(payload),
            own,
            algorithms=["ES256"],
            registry=registry,
        )
        assert userinfo_status(client_world, forged) == 401


def test_an_unknown_critical_header_is_refused(client_world: World) -> None:
    """CVE-2025-59420."""
    header, payload = decode(client_world.assertion())
    for extra, status in (({}, 200), ({"crit": ["surprise"], "surprise": 1}, 401)):
        signed = sign_by_hand(header | extra, payload)
        answer = client_world.redeem(client_world.code(), client_assertion=signed)
        assert answer.status_code == status
        payload = decode(client_world.assertion())[1]


@pytest.mark.parametrize("part", [0, 1, 2])
def test_oversized_segments_are_refused_cheaply(client_world: World, part: int) -> None:
    """CVE-2025-61920."""
    parts = client_world.tokens()["access_token"].split(".")
    parts[part] = "A" * 20_000
    assert userinfo_status(client_world, ".".join(parts)) == 401
    refused = answer_of(client_world.authorize(id_token_hint=".".join(parts)))
    assert refused["error"] == "invalid_request"


def test_a_compressed_bomb_is_not_opened(client_world: World) -> None:
    """JWE zip bomb: nothing encrypted is taken where a token or hint is expected."""
    header = {"alg": "dir", "enc": "A128GCM", "zip": "DEF"}
    bomb = zlib.compress(bytes(50_000_000))[:10_000]
    token = ".".join(
        (b64(json.dumps(header).encode()), "", b64(bytes(12)), b64(bomb), b64(bytes(16)))
    )
    assert userinfo_status(client_world, token) == 401
    assert answer_of(client_world.authorize(id_token_hint=token))["error"] == "invalid_request"
    refused = client_world.redeem(client_world.code(), client_assertion=token)
    assert refused.status_code == 401


def test_what_we_encrypt_is_never_compressed(world: World) -> None:
    world.register(
        jwks=[ec_key().as_dict(private=False)],
        options=ClientOptions(id_token_encrypted_response_alg="ECDH-ES"),
    )
    world.sign_in()
    token = world.tokens()["id_token"]
    header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    assert "zip" not in header
    opened = jwe.decrypt_compact(token, ec_key(), algorithms=["ECDH-ES", "A128CBC-HS256"])
    assert opened.plaintext is not None


def test_at_hash_is_there_and_of_this_very_token(client_world: World) -> None:
    """CVE-2026-28498: a client can only check what is really sent."""
    first, second = client_world.tokens(), client_world.tokens()
    claims = decode(first["id_token"])[1]
    assert claims["at_hash"] == half_hash(first["access_token"], "ES256")
    assert claims["at_hash"] != half_hash(second["access_token"], "ES256")


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/callback",
        f"{CALLBACK}.evil.example",
        f"{CALLBACK}@evil.example",
        "https://council.example@evil.example/callback",
        "https://council.example:443/callback",
        "https://council.example/callback/../elsewhere",
        "https://council.example/%63allback",
        "//council.example/callback",
        "javascript:alert(1)",
        f"{CALLBACK}\r\nLocation: https://evil.example",
        f" {CALLBACK}",
        f"{CALLBACK} https://evil.example",
    ],
)
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"response_type": "surprise"},
        {"scope": None},
        {"prompt": "none login"},
        {"request": "x.y.z"},
        {"response_mode": "form_post"},
    ],
    ids=["good", "type", "scope", "prompt", "object", "form"],
)
def test_no_error_path_leads_to_an_unregistered_address(
    client_world: World, address: str, wrong: dict[str, str | None]
) -> None:
    """Open redirects on error paths."""
    answer = client_world.authorize(OIDC, **{"redirect_uri": address} | wrong)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<form" not in answer.text.partition("<main")[2]


def test_a_state_cannot_break_out_of_the_answer(client_world: World) -> None:
    state = 'x" onload="y&code=stolen#frag\r\nSet-Cookie: a=b'
    location = client_world.authorize(state=state).headers["location"]
    assert urlsplit(location).fragment == ""
    assert location.count("code=") == 1
    assert "\n" not in location
    page = client_world.authorize(state=state, response_mode="form_post")
    assert 'onload="y' not in page.text
    assert "set-cookie: a=b" not in str(page.headers).lower()


def test_an_id_token_is_no_access_token_and_the_other_way_round(client_world: World) -> None:
    tokens = client_world.tokens()
    assert userinfo_status(client_world, tokens["id_token"]) == 401
    refused = answer_of(client_world.authorize(id_token_hint=tokens["access_token"]))
    assert refused["error"] == "invalid_request"


def test_a_token_in_the_query_never_counts(client_world: World) -> None:
    token = client_world.tokens()["access_token"]
    for method in (client_world.http.get, client_world.http.post):
        answer = method(f"{OIDC}/userinfo", params={"access_token": token})
        assert answer.status_code == 401
        assert "sub" not in answer.json()


@pytest.mark.parametrize("path", ["/authorize", "/userinfo", "/token", "/introspect", "/revoke"])
def test_letters_that_no_text_may_hold_are_refused(client_world: World, path: str) -> None:
    for method in (client_world.http.get, client_world.http.post):
        answer = method(f"{OIDC}{path}?client_id=a%00b&code=%00")
        assert 400 <= answer.status_code < 500
    form = client_world.http.post(f"{OIDC}{path}", data={"client_id": "a\0b", "token": "\0"})
    assert 400 <= form.status_code < 500
