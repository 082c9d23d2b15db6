"""Clients without a secret: PKCE always, no rights of their own; nobody else passes as one."""

from pathlib import Path

import pytest

from identity.relying_parties.grants import CIBA, DEVICE, TOKEN_EXCHANGE
from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import PLAIN
from identity.relying_parties.registration_file import read_registrations
from identity.relying_parties.rules import RelyingParty, check_relying_party
from tests.identity.oidc.world import (
    CALLBACK,
    OIDC,
    PUBLIC_URL,
    SECRET,
    World,
    answer_of,
    challenge_of,
)

BARE: dict[str, str | None] = {"client_assertion": None, "client_assertion_type": None}


@pytest.fixture
def app(world: World) -> World:
    world.register("phone-app", auth_method="none")
    world.sign_in()
    return world


def redeem(world: World, code: str, client_id: str = "phone-app", **changes: str | None):  # type: ignore[no-untyped-def]  # noqa: ANN201 - an answer
    return world.redeem(code, OIDC, **({"client_id": client_id} | BARE | changes))


def test_a_public_client_signs_a_person_in(app: World) -> None:
    tokens = redeem(app, app.code(client_id="phone-app"))
    assert tokens.status_code == 200, tokens.text
    again = app.refresh(tokens.json()["refresh_token"], OIDC, **({"client_id": "phone-app"} | BARE))
    assert again.status_code == 200
    spent = app.refresh(tokens.json()["refresh_token"], OIDC, **({"client_id": "phone-app"} | BARE))
    assert spent.json()["error"] == "invalid_grant"
    metadata = app.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    assert "none" in metadata["token_endpoint_auth_methods_supported"]


@pytest.mark.parametrize("missing", ["code_challenge", "code_challenge_method"])
def test_it_always_needs_pkce(app: World, missing: str) -> None:
    answer = answer_of(app.authorize(OIDC, client_id="phone-app", **{missing: None}))
    assert answer["error"] == "invalid_request"


def test_not_even_a_recorded_exception_spares_it_pkce(world: World) -> None:
    world.register("phone-app", auth_method="none", pkce="exempt")
    world.sign_in()
    answer = answer_of(
        world.authorize(client_id="phone-app", code_challenge=None, code_challenge_method=None)
    )
    assert answer["error"] == "invalid_request"


def test_its_code_is_worthless_without_the_verifier(app: World) -> None:
    code = app.code(client_id="phone-app")
    for verifier in (None, "x" * 43):
        assert redeem(app, code, code_verifier=verifier).json()["error"] == "invalid_grant"
    assert app.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0
    assert challenge_of(app.verifier)


@pytest.mark.parametrize(
    "method", ["private_key_jwt", "client_secret_basic", "client_secret_post", "tls_client_auth"]
)
def test_a_confidential_client_never_passes_as_none(world: World, method: str) -> None:
    """Regression: a library of the field let confidential clients in without their secret."""
    options = ClientOptions(tls_client_auth_san_dns="council.example")
    world.register(auth_method=method, options=options)
    world.sign_in()
    code = world.code()
    answer = redeem(world, code, "council-client")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert world.scalar("SELECT count(code_consumed_at) FROM authorisation") == 0


def test_a_public_client_cannot_pretend_to_have_a_secret(app: World) -> None:
    code = app.code(client_id="phone-app")
    answer = redeem(app, code, client_secret=SECRET)
    assert answer.json()["error"] == "invalid_client"
    assertion = app.redeem(code, client_id="phone-app")
    assert assertion.json()["error"] == "invalid_client"
    assert redeem(app, code).status_code == 200


@pytest.mark.parametrize("grant", ["client_credentials", TOKEN_EXCHANGE, CIBA])
def test_it_gets_nothing_of_its_own(world: World, grant: str) -> None:
    world.register("phone-app", auth_method="none", grant_types=(grant,), scopes=("x.read",))
    form = {"grant_type": grant, "client_id": "phone-app", "auth_req_id": "x"}
    answer = world.http.post(f"{OIDC}/token", data=form)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("unauthorized_client", "invalid_grant")
    asked = {"client_id": "phone-app", "scope": "openid", "login_hint": "jean@example.test"}
    refused = world.http.post(f"{OIDC}/bc-authorize", data=asked)
    assert refused.json()["error"] == "unauthorized_client"
    assert world.scalar("SELECT count(*) FROM polled_request") == 0


def faults(**changes: object) -> set[str]:
    members = {"sector": "app.example"} | changes
    party = RelyingParty("phone-app", "App", "strathclachan", "oidc", "none", **members)  # type: ignore[arg-type]  # members by name
    found = check_relying_party(
        party,
        auth_methods=PLAIN.auth_methods,
        grant_types=PLAIN.grant_types,
        id_token_algorithms=PLAIN.id_token_algorithms,
        pkce_exemptions=True,
        production=True,
    )
    return {fault.field for fault in found}


def test_registration_holds_public_clients_to_their_limits() -> None:
    assert faults(grant_types=(DEVICE, "refresh_token")) == set()
    for grant in ("client_credentials", TOKEN_EXCHANGE, CIBA):
        assert "grant_types" in faults(grant_types=(grant,))
    assert "pkce" in faults(grant_types=(DEVICE,), pkce="exempt")
    assert "sector" in faults(grant_types=(DEVICE,), sector="")
    assert not faults(grant_types=(DEVICE,), sector="", subject_type="public")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"backchannel_token_delivery_mode": "push"}, "backchannel_token_delivery_mode"),
        ({"backchannel_token_delivery_mode": "ping"}, "backchannel_client_notification_endpoint"),
        (
            {"backchannel_authentication_request_signing_alg": "RS256"},
            "backchannel_authentication_request_signing_alg",
        ),
        ({"backchannel_user_code_parameter": True}, "backchannel_user_code_parameter"),
        ({"resources": ("records",)}, "resources"),
        ({"serves": ("https://x.example/#y",)}, "resources"),
    ],
    ids=lambda value: str(value)[:45],
)
def test_registration_refuses_what_is_not_offered(options: dict[str, object], field: str) -> None:
    assert field in faults(grant_types=(DEVICE,), options=ClientOptions(**options))  # type: ignore[arg-type]  # members by name


def test_the_file_of_clients_knows_public_ones(tmp_path: Path) -> None:
    content = f"""
relying_parties:
  - client_id: phone-app
    name: App
    organisation: strathclachan
    auth_method: none
    redirect_uris: ["{CALLBACK}"]
"""
    (found,) = read_registrations(content, {"public_url": PUBLIC_URL}, tmp_path)
    assert found.party.auth_method == "none"
    assert found.party.secret_hash is None
    assert found.jwks == []
