"""One Login's registration template, and the sector that stays."""

import base64
import json

import pytest
from joserfc.jwk import RSAKey

from identity.oidc.tasks import FORGET_TOPIC, forget
from identity.relying_parties.commands import _register_all
from identity.relying_parties.onelogin_template import read_templates
from identity.relying_parties.registration_file import Registration
from shared.errors import Invalid
from shared.outbox import Job
from tests.identity.oidc.onelogin import BASE, CORE
from tests.identity.oidc.world import CALLBACK, World, answer_of, rsa_key

CLIENT = "Kc0000InventedClient"


def template(**changes: object) -> str:
    key: RSAKey = rsa_key(1)
    pem = key.as_pem(private=False).decode().splitlines()
    return json.dumps(
        {
            "ClientID": CLIENT,
            "ClientName": "Apply for an invented licence",
            "ClientType": "web",
            "Channel": "WEB",
            "ServiceType": "MANDATORY",
            "RedirectUrls": [CALLBACK],
            "PostLogoutRedirectUrls": ["https://council.example/out"],
            "BackChannelLogoutUri": "",
            "SectorIdentifierUri": "https://council.example/",
            "SubjectType": "pairwise",
            "PublicKeySource": "STATIC",
            "PublicKey": "".join(pem[1:-1]),
            "TokenAuthMethod": "private_key_jwt",
            "Scopes": ["openid", "email"],
            "Claims": [CORE],
            "ClientLoCs": ["P0", "P2"],
            "IdentityVerificationSupported": True,
            "IdTokenSigningAlgorithm": "ES256",
            "JarValidationRequired": False,
            "PKCEEnforced": False,
            "MaxAgeEnabled": True,
            "PermitMissingNonce": False,
            "CookieConsentShared": False,
            "OneLoginService": False,
            "IsActive": True,
            "SmokeTest": False,
            "TestClient": False,
            "TestClientEmailAllowlist": [],
        }
        | changes
    )


def read(**changes: object) -> Registration:
    (found,) = read_templates(template(**changes), "strathclachan")
    return found


def test_every_member_finds_its_place() -> None:
    party = read().party
    assert party.profile == "onelogin"
    assert party.sector == "council.example"
    assert party.pkce == "exempt"
    assert party.options.levels_of_confidence == ("P2",)
    assert party.options.allowed_claims == (CORE,)
    assert party.options.max_age_enabled
    assert party.options.environment == "live"
    assert party.keys[0].thumbprint() == rsa_key(1).thumbprint()
    assert read(PKCEEnforced=True).party.pkce == "required"
    assert read(TestClient=True).party.options.environment == "sandbox"
    assert not read(IsActive=False).party.options.is_active
    assert read(IdentityVerificationSupported=False).party.options.levels_of_confidence == ()
    assert read(JarValidationRequired=True).party.options.require_signed_request_object
    jwks = read(PublicKeySource="JWKS", JwksUrl="https://council.example/jwks", PublicKey="")
    assert jwks.party.options.jwks_uri == "https://council.example/jwks"
    secret = "an invented secret of more than forty letters"
    shared = read(TokenAuthMethod="client_secret_post", ClientSecret=secret, PublicKey="").party
    assert shared.secret_hash is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"Surprise": 1},
        {"ClientLoCs": ["P7"]},
        {"PublicKey": "no key"},
        {"PublicKeySource": "JWKS"},
        {"TokenAuthMethod": "client_secret_post", "ClientSecret": "short"},
        {"PublicKey": base64.b64encode(b"x" * 90).decode()},
    ],
    ids=["member", "level", "key", "jwks", "secret", "bytes"],
)
def test_a_contradiction_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        read(**changes)


def register(world: World, **changes: object) -> None:
    with world.database.transaction() as session:
        _register_all(session, [read(**changes)], world.settings)


def test_a_registered_template_signs_people_in(world: World) -> None:
    register(world, Scopes=["openid"])
    world.sign_in()
    answer = world.authorize(
        BASE, client_id=CLIENT, code_challenge=None, code_challenge_method=None
    )
    assertion = world.assertion(CLIENT, f"{BASE}/token", key=rsa_key(1))
    tokens = world.redeem(
        answer_of(answer)["code"],
        BASE,
        client_id=CLIENT,
        client_assertion=assertion,
        code_verifier=None,
    )
    assert tokens.status_code == 200


@pytest.mark.committed
def test_the_sector_changes_only_while_nobody_signed_in(world: World) -> None:
    register(world, Scopes=["openid"])
    register(world, Scopes=["openid"], SectorIdentifierUri="https://other.example/")
    world.sign_in()
    answer = world.authorize(
        BASE, client_id=CLIENT, code_challenge=None, code_challenge_method=None
    )
    assert "code" in answer_of(answer)
    for change in (
        {"SectorIdentifierUri": "https://third.example/"},
        {"SubjectType": "public"},
    ):
        with pytest.raises(Invalid):
            register(world, Scopes=["openid"], **change)
    # Authorisations are forgotten, what they proved is not.
    world.execute("UPDATE authorisation SET expires_at = now() - interval '1 second'")
    forget(Job(1, FORGET_TOPIC, {"slot": 1}, 1, world.database, world.settings))
    assert world.scalar("SELECT count(*) FROM authorisation") == 0
    with pytest.raises(Invalid):
        register(world, Scopes=["openid"], SectorIdentifierUri="https://third.example/")
    register(world, Scopes=["openid", "email"], SectorIdentifierUri="https://other.example/")
    assert world.scalar("SELECT sector FROM relying_party") == "other.example"
