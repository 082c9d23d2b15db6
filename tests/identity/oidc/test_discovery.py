"""Metadata and keys as clients fetch them (S1, section 1.4)."""

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from identity.keys.actions import rotate_keys
from shared import clock
from shared.actors import SYSTEM
from tests.identity.oidc.world import OIDC, PUBLIC_URL, SCOT, World, decode


@pytest.mark.parametrize("issuer", [OIDC, SCOT])
def test_the_issuer_is_byte_equal_and_has_no_slash_at_the_end(world: World, issuer: str) -> None:
    """S1."""
    document = world.http.get(f"{issuer}/.well-known/openid-configuration").json()
    assert document["issuer"] == issuer
    for member in ("jwks_uri", "authorization_endpoint", "token_endpoint"):
        assert document[member].startswith(f"{issuer}/")
    assert "authorization_code" in document["grant_types_supported"]
    assert "pairwise" in document["subject_types_supported"]


@pytest.mark.parametrize("issuer", [OIDC, SCOT])
def test_all_well_known_addresses_tell_the_same(world: World, issuer: str) -> None:
    path = issuer.removeprefix(PUBLIC_URL)
    documents = [
        world.http.get(address).json()
        for address in (
            f"{issuer}/.well-known/openid-configuration",
            f"{issuer}/.well-known/oauth-authorization-server",
            f"{PUBLIC_URL}/.well-known/oauth-authorization-server{path}",
        )
    ]
    assert documents[0] == documents[1] == documents[2]


@pytest.mark.parametrize("issuer", [OIDC, SCOT])
def test_the_metadata_passes_the_rules_of_a_library(world: World, issuer: str) -> None:
    document = world.http.get(f"{issuer}/.well-known/openid-configuration").json()
    # Both classes insist on https, which a laptop's address is not.
    secure = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in document.items()
    }
    AuthorizationServerMetadata(secure).validate()
    if issuer == OIDC:
        OpenIDProviderMetadata(secure).validate()


@pytest.mark.parametrize("issuer", [OIDC, SCOT])
def test_every_endpoint_of_the_metadata_is_served(world: World, issuer: str) -> None:
    document = world.http.get(f"{issuer}/.well-known/openid-configuration").json()
    endpoints = {name: url for name, url in document.items() if name.endswith("_endpoint")}
    assert len(endpoints) >= 5
    for url in endpoints.values():
        assert 404 not in {world.http.get(url).status_code, world.http.post(url).status_code}


def test_scotaccount_has_no_userinfo_and_publishes_rsa_keys_only(world: World) -> None:
    document = world.http.get(f"{SCOT}/.well-known/openid-configuration").json()
    assert "userinfo_endpoint" not in document
    assert "registration_endpoint" not in document
    assert world.http.get(f"{SCOT}/userinfo").status_code == 404
    keys = world.http.get(f"{SCOT}/jwks.json").json()["keys"]
    assert {key["kty"] for key in keys} == {"RSA"}
    assert all({"kty", "e", "n", "use", "kid"} <= set(key) for key in keys)


def test_no_private_part_is_ever_published(world: World) -> None:
    for issuer in (OIDC, SCOT):
        for key in world.http.get(f"{issuer}/jwks.json").json()["keys"]:
            assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)


@pytest.mark.parametrize(("issuer", "client_id"), [(OIDC, "council-client"), (SCOT, "a" * 13)])
def test_the_first_key_is_the_one_that_signs(world: World, issuer: str, client_id: str) -> None:
    world.register(client_id, profile="scotaccount" if issuer == SCOT else "oidc")
    world.sign_in()
    first = world.http.get(f"{issuer}/jwks.json").json()["keys"][0]
    header, _claims = decode(world.tokens(issuer, client_id=client_id)["id_token"])
    assert header["kid"] == first["kid"]


def test_after_a_rotation_new_keys_sign_and_old_tokens_stay_good(client_world: World) -> None:
    before = client_world.tokens()
    with client_world.database.transaction() as session:
        active = rotate_keys(session, client_world.sealer, SYSTEM, clock.now())
    again = World.create(
        client_world.database,
        client_world.settings.database_url,
        client_world.settings.encryption_key_file,
    )
    again.http.cookies = client_world.http.cookies
    keys = [key["kid"] for key in again.http.get(f"{OIDC}/jwks.json").json()["keys"]]
    assert set(keys[:4]) == set(active)
    old_kid = decode(before["id_token"])[0]["kid"]
    assert old_kid in keys[2:]
    bearer = {"Authorization": f"Bearer {before['access_token']}"}
    assert again.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
    assert decode(again.tokens()["id_token"])[0]["kid"] in active
    again.close()
