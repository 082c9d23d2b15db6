"""Plans basic, implicit, hybrid and their form_post twins: asking, signing in, being refused."""

from urllib.parse import urlencode

import pytest

from identity.relying_parties.options import ClientOptions
from identity.relying_parties.profiles import PLAIN, RESPONSE_TYPES
from identity.relying_parties.rules import RelyingParty, check_relying_party
from tests.identity.conformance.core_client import (
    CLIENT,
    EMAIL,
    OTHER_CALLBACK,
    Run,
    Variant,
    in_its_plans,
)
from tests.identity.oidc.world import CALLBACK, OIDC, World, challenge_of
from tests.identity.people import text_of


@pytest.fixture
def run(request: pytest.FixtureRequest, world: World) -> Run:
    variant: Variant = request.param
    made = Run(world, variant)
    made.register()
    made.add_person()
    return made


@in_its_plans
def test_oidcc_server(run: Run) -> None:
    """A request in a fresh browser ends with tokens that pass every check."""
    answer = run.start()
    assert (answer["state"], answer["iss"]) == ("st=te==", OIDC)
    run.finish(answer)


@in_its_plans
def test_oidcc_response_type_missing(run: Run) -> None:
    refused = run.ask(response_type=None)
    if run.variant.form_post:
        given = run.read(refused)
    else:
        # Without a type there is no fragment to expect: errors go where a code would go.
        given = Run(run.world, Variant("basic", "code", form_post=False)).read(refused)
    assert (given["error"], given["state"]) == ("invalid_request", "st=te==")


@in_its_plans
def test_oidcc_idtoken_signature(run: Run) -> None:
    """The signature is checked with the published key of the token's ``kid``."""
    assert run.finish(run.start()).claims["sub"]


@in_its_plans
def test_oidcc_idtoken_unsigned(run: Run) -> None:
    """Unsigned ID tokens are not offered: neither registered nor issued."""
    party = RelyingParty(
        client_id=CLIENT,
        name="A service",
        organisation="strathclachan",
        profile="oidc",
        auth_method="client_secret_basic",
        secret_hash=bytes(32),
        redirect_uris=(CALLBACK,),
        grant_types=("authorization_code",),
        sector="council.example",
        id_token_alg="none",
    )
    faults = check_relying_party(
        party,
        auth_methods=PLAIN.auth_methods,
        grant_types=PLAIN.grant_types,
        id_token_algorithms=PLAIN.id_token_algorithms,
        pkce_exemptions=True,
        production=False,
    )
    assert [fault.field for fault in faults] == ["id_token_alg"]
    document = run.world.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    assert "none" not in document["id_token_signing_alg_values_supported"]


@in_its_plans
def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(run: Run) -> None:
    run.finish(run.start(nonce=None), nonce=None)


@in_its_plans
def test_oidcc_ensure_request_without_nonce_fails(run: Run) -> None:
    given = run.read(run.ask(nonce=None))
    assert given["error"] == "invalid_request"
    assert run.world.scalar("SELECT count(*) FROM authorisation") == 0


@in_its_plans
def test_oidcc_alternate_happy_flow(run: Run) -> None:
    """Another registered address with a query of its own, no state, another nonce."""
    run.callback = OTHER_CALLBACK
    answer = run.start(state=None, nonce="another")
    assert "state" not in answer
    run.finish(answer, nonce="another")


@in_its_plans
def test_oidcc_display_page(run: Run) -> None:
    run.finish(run.start(display="page"))


@in_its_plans
def test_oidcc_display_popup(run: Run) -> None:
    run.finish(run.start(display="popup"))


@in_its_plans
def test_oidcc_prompt_login(run: Run) -> None:
    """The person signs in again, sees the page for it, and the time of signing in is new."""
    run.start()
    run.world.execute(
        "UPDATE sign_in_session SET authenticated_at = authenticated_at - interval '1 minute'"
    )
    begun = run.ask(prompt="login")
    page = run.world.http.get(run.page_to_sign_in(begun))
    assert text_of(page).startswith("Confirm that it is you")
    before = run.world.scalar("SELECT extract(epoch FROM authenticated_at) FROM sign_in_session")
    given = run.finish(run.read(run.sign_in(begun)))
    assert int(str(given.claims["auth_time"])) > int(float(str(before)))


@in_its_plans
def test_oidcc_prompt_none_not_logged_in(run: Run) -> None:
    given = run.read(run.ask(prompt="none"))
    assert (given["error"], given["state"]) == ("login_required", "st=te==")


@in_its_plans
def test_oidcc_prompt_none_logged_in(run: Run) -> None:
    first = run.finish(run.start())
    second = run.finish(run.read(run.ask(prompt="none")))
    assert all(first.claims[name] == second.claims[name] for name in ("sub", "auth_time"))


@in_its_plans
def test_oidcc_max_age_1(run: Run) -> None:
    """A sign-in of some seconds ago is too old, and the person sees the page to do it again."""
    run.start()
    run.world.execute(
        "UPDATE sign_in_session SET authenticated_at = authenticated_at - interval '5 seconds'"
    )
    begun = run.ask(max_age="1")
    page = run.world.http.get(run.page_to_sign_in(begun))
    assert text_of(page).startswith("Confirm that it is you")
    before = run.world.scalar("SELECT extract(epoch FROM authenticated_at) FROM sign_in_session")
    given = run.finish(run.read(run.sign_in(begun)))
    assert int(str(given.claims["auth_time"])) > int(float(str(before)))


@in_its_plans
def test_oidcc_max_age_10000(run: Run) -> None:
    first = run.finish(run.start())
    second = run.finish(run.read(run.ask(max_age="10000")))
    assert first.claims["auth_time"] == second.claims["auth_time"]


@in_its_plans
def test_oidcc_ensure_request_with_unknown_parameter_succeeds(run: Run) -> None:
    run.finish(run.start(extra="foobar"))


@in_its_plans
def test_oidcc_id_token_hint(run: Run) -> None:
    """The token of the person who is signed in brings the same person without a page."""
    answer = run.start()
    first = run.finish(answer)
    hint = answer.get("id_token") or first.body["id_token"]
    second = run.finish(run.read(run.ask(prompt="none", id_token_hint=hint)))
    assert first.claims["sub"] == second.claims["sub"]


@in_its_plans
def test_oidcc_login_hint(run: Run) -> None:
    begun = run.ask(login_hint=EMAIL)
    assert f'value="{EMAIL}"' in run.world.http.get(begun.headers["location"]).text
    run.finish(run.read(run.sign_in(begun)))


@in_its_plans
def test_oidcc_ui_locales(run: Run) -> None:
    run.finish(run.start(ui_locales="se"))


@in_its_plans
def test_oidcc_claims_locales(run: Run) -> None:
    run.finish(run.start(claims_locales="se"))


@in_its_plans
def test_oidcc_ensure_request_with_acr_values_succeeds(run: Run) -> None:
    """A wished level that is reached is told in the client's own word."""
    document = run.world.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    wished = document["acr_values_supported"][:2]
    given = run.finish(run.start(acr_values=" ".join(wished)))
    assert given.claims["acr"] in wished


@in_its_plans
def test_oidcc_ensure_registered_redirect_uri(run: Run) -> None:
    """An address that is not registered ends on our own page, which has its fixed words."""
    refused = run.ask(redirect_uri=f"{CALLBACK}/not-registered")
    assert (refused.status_code, refused.headers.get("location")) == (400, None)
    assert 'id="oidc-error"' in refused.text
    assert text_of(refused).startswith("This sign-in link does not work")


@in_its_plans
def test_oidcc_ensure_post_request_succeeds(run: Run) -> None:
    """The request may come as a form."""
    query = {
        "client_id": CLIENT,
        "response_type": run.variant.response_type,
        "redirect_uri": CALLBACK,
        "scope": "openid",
        "state": "st=te==",
        "nonce": "n/nce==",
    }
    if run.variant.form_post:
        query["response_mode"] = "form_post"
    again = run.world.http.post(
        f"{OIDC}/authorize",
        content=urlencode(query),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert again.status_code == 303
    begun = run.world.http.get(again.headers["location"])
    run.finish(run.read(run.sign_in(begun)))


@in_its_plans
def test_oidcc_ensure_request_with_valid_pkce_succeeds(run: Run) -> None:
    """A challenge is enforced, although the client may do without."""
    challenge = challenge_of(run.world.verifier)
    answer = run.start(code_challenge=challenge, code_challenge_method="S256")
    assert run.redeem(answer["code"]).json()["error"] == "invalid_grant"
    assert run.redeem(answer["code"], code_verifier=run.world.verifier).status_code == 200


def test_certification_options_can_be_registered_outside_production_only() -> None:
    options = ClientOptions(response_types=RESPONSE_TYPES, permit_missing_nonce=True)
    party = RelyingParty(
        client_id=CLIENT,
        name="A service",
        organisation="strathclachan",
        profile="oidc",
        auth_method="client_secret_basic",
        secret_hash=bytes(32),
        redirect_uris=(CALLBACK,),
        grant_types=("authorization_code",),
        sector="council.example",
        pkce="exempt",
        options=options,
    )
    fields = [
        [
            fault.field
            for fault in check_relying_party(
                party,
                auth_methods=PLAIN.auth_methods,
                grant_types=PLAIN.grant_types,
                id_token_algorithms=PLAIN.id_token_algorithms,
                pkce_exemptions=True,
                production=production,
            )
        ]
        for production in (False, True)
    ]
    assert fields == [[], ["permit_missing_nonce"]]
