"""GOV.UK One Login as its clients know it: section 3 of the contract, rule by rule."""

from collections.abc import Mapping

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet

from identity.caching import versioned
from identity.keys.identity_keys import rotate_identity_keys
from identity.safe.rules import FAILED
from shared import clock
from shared.actors import SYSTEM
from tests.identity.oidc.onelogin import (
    ADDRESS,
    BASE,
    CLIENT,
    CORE,
    ISSUER,
    PASSPORT,
    PERMIT,
    RETURN_CODE,
    OneLogin,
    wish,
)
from tests.identity.oidc.test_at_rest import counted
from tests.identity.oidc.world import World, answer_of, decode

ID_TOKEN_CLAIMS = {
    *("at_hash", "sub", "aud", "iss", "vot", "exp", "iat", "nonce", "vtm", "sid", "auth_time"),
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """See what was registered again at once."""
    monkeypatch.setattr(versioned, "_CHECK_SECONDS", 0.0)


@pytest.fixture
def client(world: World) -> OneLogin:
    return OneLogin.register(world)


def test_discovery_names_the_issuer_with_a_slash_and_paths_without_two(client: OneLogin) -> None:
    """3.1."""
    answer = client.world.http.get(f"{BASE}/.well-known/openid-configuration")
    found = answer.json()
    assert found["issuer"] == ISSUER
    assert found["jwks_uri"] == f"{BASE}/.well-known/jwks.json"
    for name, path in (
        ("authorization_endpoint", "authorize"),
        ("token_endpoint", "token"),
        ("userinfo_endpoint", "userinfo"),
        ("end_session_endpoint", "logout"),
        ("trustmarks", "trustmark"),
    ):
        assert found[name] == f"{BASE}/{path}"
    assert found["backchannel_logout_session_supported"] is False
    assert found["claims_parameter_supported"] is True
    assert set(found["token_endpoint_auth_methods_supported"]) == {
        "private_key_jwt",
        "client_secret_post",
    }
    assert CORE in found["claims_supported"]


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        (".well-known/openid-configuration", 86_400),
        (".well-known/jwks.json", 86_400),
        ("did.json", 3600),
    ],
)
def test_documents_say_how_long_they_may_be_kept(client: OneLogin, path: str, seconds: int) -> None:
    """3.1."""
    answer = client.world.http.get(f"{BASE}/{path}")
    assert answer.status_code == 200
    assert f"max-age={seconds}" in answer.headers["cache-control"]


def test_the_trustmark_names_levels_and_who_vouches(client: OneLogin) -> None:
    assert client.world.http.get(f"{BASE}/trustmark").json() == {
        "idp": ISSUER,
        "trustmark_provider": ISSUER,
        "C": ["Cl", "Cl.Cm"],
        "P": ["P0", "P1", "P2"],
    }


def test_the_answer_of_the_token_endpoint_has_four_members(client: OneLogin) -> None:
    """3.3: opaque, 180 seconds, no refresh token."""
    client.world.sign_in()
    tokens: Mapping[str, object] = client.tokens()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "id_token"}
    assert tokens["expires_in"] == 180
    assert "." not in str(tokens["access_token"])


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_the_id_token_tells_the_credential_level_only(world: World, algorithm: str) -> None:
    """3.3."""
    client = OneLogin.register(world, id_token_alg=algorithm)
    world.sign_in()
    header, claims = decode(client.tokens()["id_token"])
    assert header["alg"] == algorithm
    assert set(claims) == ID_TOKEN_CLAIMS
    assert claims["iss"] == ISSUER
    assert claims["aud"] == CLIENT
    assert claims["vot"] == "Cl.Cm"
    assert claims["vtm"] == f"{BASE}/trustmark"
    assert claims["nonce"] == "n/nce=="
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 120
    assert str(claims["sub"]).startswith("urn:fdc:")
    assert len(str(claims["sub"]).rpartition(":")[2]) == 43


def test_subjects_are_pairwise_by_sector(world: World) -> None:
    client = OneLogin.register(world)
    world.sign_in()
    first = decode(client.tokens()["id_token"])[1]["sub"]
    assert decode(client.tokens()["id_token"])[1]["sub"] == first
    OneLogin.register(world, sector="other.example")
    assert decode(client.tokens()["id_token"])[1]["sub"] != first


def test_the_access_token_ends_is_hashed_and_is_revoked_with_its_code(client: OneLogin) -> None:
    world = client.world
    world.sign_in()
    code = answer_of(client.authorize())["code"]
    token = client.redeem(code).json()["access_token"]
    assert client.userinfo(token).status_code == 200
    assert world.scalar("SELECT count(*) FROM authorisation WHERE access_token_hash IS NULL") == 0
    stored = world.scalar("SELECT string_agg(a::text, '') FROM authorisation a")
    assert token not in str(stored)
    assert client.redeem(code).json()["error"] == "invalid_grant"
    refused = client.userinfo(token)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_the_access_token_is_no_good_after_three_minutes(client: OneLogin) -> None:
    client.world.sign_in()
    token = client.tokens()["access_token"]
    client.world.execute(
        "UPDATE authorisation SET access_token_until = access_token_until - interval '181 seconds'"
    )
    assert client.userinfo(token).status_code == 401


def test_userinfo_has_what_the_scopes_stand_for(client: OneLogin) -> None:
    """3.4."""
    client.world.sign_in()
    token = client.tokens(scope="openid email wallet-subject-id")["access_token"]
    found = client.userinfo(token).json()
    assert found["email"] == "jean@example.test"
    assert found["email_verified"] is True
    assert found["wallet_subject_id"].startswith("urn:fdc:wallet.")
    assert client.userinfo(client.tokens()["access_token"]).json().keys() == {"sub"}


def test_userinfo_takes_one_statement(client: OneLogin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versioned, "_CHECK_SECONDS", 60.0)
    world = client.world
    person = world.sign_in()
    answer = client.checked(person, CORE, ADDRESS)
    token = client.redeem(answer_of(answer)["code"]).json()["access_token"]
    for _ in range(2):
        client.userinfo(token)
    with counted(world) as statements:
        assert CORE in client.userinfo(token).json()
    assert len(statements) == 1


def verified(client: OneLogin, token: str, aud: str = CLIENT) -> dict[str, object]:
    """Check a proof of identity as a client does: by the DID document."""
    header, _ = decode(token)
    document = client.world.http.get(f"{BASE}/did.json").json()
    assert document["id"] == "did:web:localhost%3A8000:identity:onelogin"
    (method,) = [one for one in document["assertionMethod"] if one["id"] == header["kid"]]
    assert method["type"] == "JsonWebKey"
    assert method["controller"] == document["id"]
    key = ECKey.import_key(method["publicKeyJwk"])
    claims = jwt.decode(token, key, algorithms=["ES256"]).claims
    assert claims["aud"] == aud
    return claims


def test_a_proved_identity_comes_as_a_token_of_the_identity_host(client: OneLogin) -> None:
    """3.4."""
    person = client.world.sign_in()
    shown = client.shown(client.checked(person, CORE, ADDRESS, PASSPORT, PERMIT, RETURN_CODE))
    claims = verified(client, str(shown[CORE]))
    assert claims["iss"] == ISSUER
    assert claims["sub"] == shown["sub"]
    assert claims["vot"] == "P2"
    assert claims["vtm"] == f"{BASE}/trustmark"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 1800
    assert claims["vc"] == {
        "type": ["VerifiableCredential", "VerifiableIdentityCredential"],
        "credentialSubject": {
            "name": [
                {
                    "nameParts": [
                        {"type": "GivenName", "value": "Ann"},
                        {"type": "GivenName", "value": "Màiri"},
                        {"type": "FamilyName", "value": "Fictional"},
                    ]
                }
            ],
            "birthDate": [{"value": "1980-02-01"}],
        },
    }
    addresses = shown[ADDRESS]
    assert isinstance(addresses, list)
    (address,) = addresses
    assert address["uprn"] == 10022812929
    assert address["addressCountry"] == "GB"
    assert shown[PASSPORT] == [
        {"documentNumber": "000000001", "icaoIssuerCode": "GBR", "expiryDate": "2035-01-01"}
    ]
    assert PERMIT not in shown
    assert RETURN_CODE not in shown


def test_the_issuers_keys_do_not_sign_identities_and_theirs_no_tokens(client: OneLogin) -> None:
    person = client.world.sign_in()
    shown = client.shown(client.checked(person, CORE))
    kid = str(decode(str(shown[CORE]))[0]["kid"]).rpartition("#")[2]
    keys = client.world.http.get(f"{BASE}/.well-known/jwks.json").json()["keys"]
    assert kid not in {key["kid"] for key in keys}
    token = client.tokens()["id_token"]
    found = KeySet.import_key_set({"keys": keys}).get_by_kid(str(decode(token)[0]["kid"]))
    jws.deserialize_compact(token, found, algorithms=["ES256"])


def test_new_identity_keys_are_published_before_they_sign(client: OneLogin) -> None:
    """3.4: rotation."""
    world = client.world
    person = world.sign_in()
    before = client.shown(client.checked(person, CORE))
    published = {one["id"] for one in world.http.get(f"{BASE}/did.json").json()["assertionMethod"]}
    assert len(published) == 2
    with world.database.transaction() as session:
        rotate_identity_keys(session, world.sealer, SYSTEM, clock.now())
    after = client.shown(client.checked(person, CORE))
    old, new = (str(decode(str(one[CORE]))[0]["kid"]) for one in (before, after))
    assert old != new
    assert {old, new} == published
    verified(client, str(before[CORE]))


def test_an_identity_that_is_not_proved_is_access_denied(client: OneLogin) -> None:
    """3.2."""
    person = client.world.sign_in()
    answer = answer_of(client.checked(person, CORE, outcome=FAILED))
    assert answer["error"] == "access_denied"
    assert client.world.scalar("SELECT count(*) FROM authorisation") == 0


def test_with_a_return_code_the_service_learns_why_instead(client: OneLogin) -> None:
    """3.4."""
    person = client.world.sign_in()
    shown = client.shown(client.checked(person, CORE, ADDRESS, RETURN_CODE, outcome=FAILED))
    assert shown[RETURN_CODE] == [{"code": "N"}]
    assert set(shown) == {"sub", RETURN_CODE}


def test_who_keeps_the_name_back_is_told_apart_from_who_failed(world: World) -> None:
    client = OneLogin.register(world, first_party=False)
    person = world.sign_in()
    denied = answer_of(client.checked(person, CORE, shared=()))
    assert denied["error"] == "access_denied"
    shown = client.shown(client.checked(person, CORE, RETURN_CODE, shared=()))
    assert shown[RETURN_CODE] == [{"code": "P"}]
    assert CORE not in shown


def test_each_claim_is_agreed_to_by_itself(world: World) -> None:
    client = OneLogin.register(world, first_party=False)
    person = world.sign_in()
    shown = client.shown(client.checked(person, CORE, ADDRESS, PASSPORT, shared=(CORE, PASSPORT)))
    assert {CORE, PASSPORT} <= set(shown)
    assert ADDRESS not in shown


def test_without_an_identity_level_no_identity_is_told(client: OneLogin) -> None:
    person = client.world.sign_in()
    client.checked(person, CORE)
    token = client.tokens(claims=wish(CORE))["access_token"]
    assert CORE not in client.userinfo(token).json()
