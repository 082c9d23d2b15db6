"""The modules of oidcc-dynamic-certification-test-plan, with clients that register themselves."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx2 import Response
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey

from identity.keys.actions import rotate_keys
from identity.registration.rules import LOGO_TOPIC
from identity.registration.tasks import fetch_picture
from shared import clock
from shared.actors import SYSTEM
from shared.outbox import Job
from tests.identity.oidc.world import (
    ASSERTION_TYPE,
    CALLBACK,
    OIDC,
    World,
    answer_of,
    b64,
    decode,
    ec_key,
    rsa_key,
)
from tests.identity.registrar import DynamicClient, Registrar, public_jwks
from tests.support.outside import Outside

METADATA = f"{OIDC}/.well-known/openid-configuration"
PNG = b"\x89PNG\r\n\x1a\n" + b"a picture"
RESPONSE_TYPES = (
    "code",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
)


def metadata_of(world: World) -> dict[str, Any]:
    return world.http.get(METADATA).json()  # type: ignore[no-any-return]  # JSON of our own making


def verify(world: World, token: str) -> dict[str, Any]:
    """Check a token with the published keys, by ``kid``, and return its claims."""
    header, claims = decode(token)
    keys = KeySet.import_key_set(world.http.get(f"{OIDC}/jwks.json").json())
    (key,) = [key for key in keys.keys if key.kid == header["kid"]]
    jws.deserialize_compact(token, key, algorithms=[str(header["alg"])])
    return claims


def members_of(answer: Response) -> dict[str, str]:
    """Return what an answer brings back, in the query or in the fragment."""
    place = urlsplit(answer.headers["location"])
    return {name: values[0] for name, values in parse_qs(place.query or place.fragment).items()}


def is_refused_on_a_page(answer: Response) -> bool:
    """Tell whether the person is told, with the fixed sentence, and sent nowhere."""
    return (
        answer.status_code == 400
        and "location" not in answer.headers
        and "This sign-in link does not work" in answer.text
    )


def page_of(client: DynamicClient) -> str:
    answer = client.authorize(prompt="login")
    return client.world.http.get(answer.headers["location"], follow_redirects=True).text


def request_object(client: DynamicClient, key: RSAKey | None, **changes: object) -> str:
    claims: dict[str, object] = {
        "iss": client.id,
        "aud": OIDC,
        "client_id": client.id,
        "redirect_uri": client.redirect_uri,
        "response_type": "code",
        "scope": "openid",
        "state": "inner",
        "nonce": "inner",
    } | changes
    if key is None:
        head, body = ({"alg": "none"}, claims)
        return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body).encode())}."
    header = {"alg": "RS256", "kid": key.thumbprint()}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["RS256"])


def test_oidcc_idtoken_rs256(registrar: Registrar) -> None:
    client = registrar.register(id_token_signed_response_alg="RS256")
    token = client.tokens()["id_token"]
    assert decode(token)[0]["alg"] == "RS256"
    claims = verify(registrar.world, token)
    assert (claims["aud"], claims["iss"]) == (client.id, OIDC)


def test_oidcc_idtoken_unsigned(registrar: Registrar) -> None:
    """Unsigned ID tokens are not offered, so nobody can register for them."""
    offered = metadata_of(registrar.world)["id_token_signing_alg_values_supported"]
    assert "none" not in offered
    refused = registrar.refusal(id_token_signed_response_alg="none")
    assert refused == "invalid_client_metadata"


def test_oidcc_userinfo_rs256(registrar: Registrar) -> None:
    client = registrar.register(userinfo_signed_response_alg="RS256")
    bearer = {"Authorization": f"Bearer {client.tokens()['access_token']}"}
    answer = registrar.world.http.get(f"{OIDC}/userinfo", headers=bearer)
    assert answer.headers["content-type"].startswith("application/jwt")
    claims = verify(registrar.world, answer.text)
    assert (claims["iss"], claims["aud"]) == (OIDC, client.id)
    assert decode(answer.text)[0]["alg"] == "RS256"


def test_oidcc_ensure_redirect_uri_in_authorization_request(registrar: Registrar) -> None:
    assert is_refused_on_a_page(registrar.register().authorize(redirect_uri=None))


def test_oidcc_redirect_uri_query_ok(registrar: Registrar) -> None:
    uri = f"{CALLBACK}?foo=bar"
    client = registrar.register(redirect_uris=[uri])
    answer = client.authorize()
    assert answer.headers["location"].startswith(f"{uri}&")
    assert {"code", "state", "foo"} <= answer_of(answer).keys()
    assert client.redeem(answer_of(answer)["code"]).status_code == 200


def test_oidcc_redirect_uri_query_mismatch(registrar: Registrar) -> None:
    client = registrar.register(redirect_uris=[f"{CALLBACK}?foo=bar"])
    assert is_refused_on_a_page(client.authorize(redirect_uri=f"{CALLBACK}?bar=foo"))


def test_oidcc_redirect_uri_query_added(registrar: Registrar) -> None:
    client = registrar.register()
    assert is_refused_on_a_page(client.authorize(redirect_uri=f"{CALLBACK}?foo=bar"))


def test_oidcc_redirect_uri_regfrag(registrar: Registrar) -> None:
    assert registrar.refusal(redirect_uris=[f"{CALLBACK}#foobar"]) == "invalid_redirect_uri"


def test_oidcc_discovery_endpoint_verification(registrar: Registrar) -> None:
    metadata = metadata_of(registrar.world)
    assert metadata["registration_endpoint"] == f"{OIDC}/register"
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert {"authorization_code", "implicit"} <= set(metadata["grant_types_supported"])
    for member in (
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "scopes_supported",
        "response_types_supported",
        "subject_types_supported",
        "claims_supported",
    ):
        assert metadata[member]


@pytest.mark.parametrize("response_type", RESPONSE_TYPES)
def test_oidcc_server(registrar: Registrar, response_type: str) -> None:
    client = registrar.register(response_types=[response_type])
    members = members_of(client.authorize(response_type=response_type))
    assert members["state"] == "st=te=="
    words = response_type.split()
    assert ("code" in members, "id_token" in members, "access_token" in members) == (
        "code" in words,
        "id_token" in words,
        "token" in words,
    )
    if "id_token" in words:
        assert verify(registrar.world, members["id_token"])["nonce"] == "n/nce=="
    if "code" in words:
        tokens = client.redeem(members["code"]).json()
        assert verify(registrar.world, tokens["id_token"])["aud"] == client.id


def test_oidcc_registration_logo_uri(registrar: Registrar, outside: Outside) -> None:
    client = registrar.register(logo_uri=outside.serve("/logo.png", PNG))
    world = registrar.world
    payload = world.scalar("SELECT payload FROM outbox WHERE topic = :topic", topic=LOGO_TOPIC)
    assert isinstance(payload, dict)
    job = Job(1, LOGO_TOPIC, payload, 1, world.database, world.settings)
    fetch_picture(job, world.settings.make_outbound())
    assert f'<img id="client-logo" src="/identity/clients/{client.id}/logo"' in page_of(client)


def test_oidcc_registration_policy_uri(registrar: Registrar) -> None:
    uri = "https://council.example/policy"
    assert f'<a id="client-policy" href="{uri}"' in page_of(registrar.register(policy_uri=uri))


def test_oidcc_registration_tos_uri(registrar: Registrar) -> None:
    uri = "https://council.example/terms"
    assert f'<a id="client-terms" href="{uri}"' in page_of(registrar.register(tos_uri=uri))


def test_oidcc_registration_jwks_uri(registrar: Registrar, outside: Outside) -> None:
    jwks_uri = outside.serve("/jwks", json.dumps(public_jwks()))
    client = registrar.register(jwks_uri=jwks_uri, token_endpoint_auth_method="private_key_jwt")
    assert client.about["jwks_uri"] == jwks_uri
    assert "id_token" in client.tokens()
    assert [sent.path for sent in outside.sent] == ["/jwks"]


def test_oidcc_registration_sector_uri(registrar: Registrar, outside: Outside) -> None:
    sector = outside.serve("/sector", json.dumps([CALLBACK]))
    client = registrar.register(sector_identifier_uri=sector, subject_type="pairwise")
    assert client.about["sector_identifier_uri"] == sector
    assert "id_token" in client.tokens()


def test_oidcc_registration_sector_bad(registrar: Registrar, outside: Outside) -> None:
    sector = outside.serve("/sector", json.dumps(["https://another.example/callback"]))
    refused = registrar.refusal(sector_identifier_uri=sector, subject_type="pairwise")
    assert refused == "invalid_client_metadata"


def test_oidcc_server_rotate_keys(registrar: Registrar) -> None:
    world = registrar.world
    client = registrar.register()
    before = client.tokens()
    with world.database.transaction() as session:
        rotate_keys(session, world.sealer, SYSTEM, clock.now())
    again = World.create(
        world.database, world.settings.database_url, world.settings.encryption_key_file
    )
    again.http.cookies = world.http.cookies
    client.world = again
    after = client.tokens()
    kids = [decode(tokens["id_token"])[0]["kid"] for tokens in (before, after)]
    assert kids[0] != kids[1]
    published = [key["kid"] for key in again.http.get(f"{OIDC}/jwks.json").json()["keys"]]
    assert set(kids) <= set(published)
    assert published.index(str(kids[1])) < published.index(str(kids[0]))
    for tokens in (before, after):
        verify(again, tokens["id_token"])
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert again.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
    again.close()


def test_oidcc_refresh_token_rp_key_rotation(registrar: Registrar, outside: Outside) -> None:
    outside.serve("/jwks", json.dumps(public_jwks()))
    client = registrar.register(
        jwks_uri=f"{outside.url}/jwks",
        token_endpoint_auth_method="private_key_jwt",
        grant_types=["authorization_code", "refresh_token"],
    )
    tokens = client.tokens()
    new = ec_key(number=7)
    listed = new.as_dict(private=False) | {"kid": new.thumbprint()}
    outside.serve("/jwks", json.dumps({"keys": [listed]}))

    def refresh(key: ECKey, token: str) -> Response:
        assertion = registrar.world.assertion(client.id, key=key, header={"kid": key.thumbprint()})
        return client.ask_token(
            grant_type="refresh_token",
            refresh_token=token,
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=assertion,
        )

    answer = refresh(new, tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    # The key that the client took away does not sign for it any more.
    assert refresh(ec_key(), answer.json()["refresh_token"]).status_code == 401


def test_oidcc_request_uri_unsigned(registrar: Registrar, outside: Outside) -> None:
    client = registrar.register(
        request_object_signing_alg="none", request_uris=[f"{outside.url}/request"]
    )
    outside.serve("/request", request_object(client, None))
    answer = client.authorize(request_uri=f"{outside.url}/request")
    assert answer_of(answer)["state"] == "inner"
    assert client.redeem(answer_of(answer)["code"]).status_code == 200


def test_oidcc_request_uri_signed_rs256(registrar: Registrar, outside: Outside) -> None:
    key = rsa_key(3)
    client = registrar.register(
        request_object_signing_alg="RS256",
        request_uris=[f"{outside.url}/request"],
        jwks={"keys": [key.as_dict(private=False) | {"kid": key.thumbprint()}]},
    )
    outside.serve("/request", request_object(client, key))
    answer = client.authorize(request_uri=f"{outside.url}/request")
    assert answer_of(answer)["state"] == "inner"
    outside.serve("/request", request_object(client, rsa_key(4)))
    refused = client.authorize(request_uri=f"{outside.url}/request")
    assert "code" not in refused.headers.get("location", "")


def test_oidcc_ensure_request_object_with_redirect_uri(
    registrar: Registrar,
) -> None:
    """The redirect URI of the object counts, and is measured like any other."""
    key = rsa_key(3)
    client = registrar.register(
        redirect_uris=[CALLBACK, "https://council.example/other"],
        request_object_signing_alg="RS256",
        jwks={"keys": [key.as_dict(private=False) | {"kid": key.thumbprint()}]},
    )
    inner = request_object(client, key, redirect_uri="https://council.example/other")
    answer = client.authorize(request=inner)
    assert answer.headers["location"].startswith("https://council.example/other?")
    evil = request_object(client, key, redirect_uri="https://evil.example/callback")
    assert is_refused_on_a_page(client.authorize(request=evil))


def test_oidcc_refresh_token(registrar: Registrar) -> None:
    client = registrar.register(grant_types=["authorization_code", "refresh_token"])
    first = client.tokens()
    answer = client.ask_token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    second = answer.json()
    old, new = (verify(registrar.world, tokens["id_token"]) for tokens in (first, second))
    for member in ("iss", "sub", "aud", "auth_time"):
        assert old[member] == new[member]
    other = registrar.register(grant_types=["authorization_code", "refresh_token"])
    stolen = other.ask_token(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert stolen.json()["error"] == "invalid_grant"


def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(registrar: Registrar) -> None:
    client = registrar.register(
        token_endpoint_auth_method="private_key_jwt",
        jwks=public_jwks(),
    )
    for audience in (OIDC, f"{OIDC}/token"):
        assertion = registrar.world.assertion(client.id, audience)
        answer = client.redeem(
            client.code(), client_assertion_type=ASSERTION_TYPE, client_assertion=assertion
        )
        assert answer.status_code == 200, answer.text
