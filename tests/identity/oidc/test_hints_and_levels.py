"""Wanted levels, ages, hints and languages of an authorization request (Core, 3.1.2.1)."""

import json
from uuid import UUID

import pytest

from identity.oidc import flows
from identity.oidc.asked import Asked
from identity.oidc.core_acr import URN, acr_of, essential_acr, reaches
from identity.relying_parties.options import ClientOptions
from identity.signin.levels import LEVELS
from shared import clock
from shared.web.language import LANGUAGES
from tests.identity.oidc.world import OIDC, World, answer_of, decode
from tests.identity.people import People, text_of


def demand(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


def age_session(world: World, seconds: int = 60) -> None:
    world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - make_interval(secs => :s)",
        s=seconds,
    )


def is_sign_in(location: str) -> bool:
    return location.startswith("/identity/sign-in?flow=")


def test_levels_are_ordered_and_known_by_word_and_urn() -> None:
    for number, level in enumerate(LEVELS):
        for other, wanted in enumerate(LEVELS):
            assert reaches(level, wanted) == reaches(level, f"{URN}{wanted}") == (number >= other)
    assert not reaches("medium", "surprise")
    assert not reaches("surprise", "low")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((), "medium"),
        (("medium",), "medium"),
        ((f"{URN}medium",), f"{URN}medium"),
        (("high", f"{URN}medium", "low"), f"{URN}medium"),
        (("high",), "medium"),
    ],
)
def test_acr_speaks_the_clients_words_and_never_claims_more(
    asked: tuple[str, ...], told: str
) -> None:
    assert acr_of("medium", Asked(acr_values=asked)) == told


@pytest.mark.parametrize(
    ("wish", "values"),
    [
        (None, None),
        ({"values": ["high"]}, None),
        ({"essential": True}, None),
        ({"essential": True, "value": "high"}, ("high",)),
        ({"essential": True, "values": ["a", "b"]}, ("a", "b")),
    ],
)
def test_only_an_essential_acr_with_values_is_a_demand(
    wish: dict[str, object] | None, values: tuple[str, ...] | None
) -> None:
    assert essential_acr(Asked(claims={"id_token": {"acr": wish}})) == values


def test_a_level_that_is_there_is_told(client_world: World) -> None:
    tokens = client_world.tokens(acr_values=f"surprise {URN}medium")
    assert decode(tokens["id_token"])[1]["acr"] == f"{URN}medium"


def test_a_level_that_is_missing_leads_to_a_stronger_sign_in_and_is_only_a_wish(
    client_world: World,
) -> None:
    begun = client_world.authorize(acr_values="high")
    assert begun.headers["location"].startswith("/identity/step-up?flow=")
    kept = client_world.scalar("SELECT request -> 'asked' -> 'acr_values' FROM flow")
    assert kept == ["high"], "the page of signing in sees what is wanted"
    flow = answer_of(begun)["flow"]
    with client_world.database.transaction() as session:
        flows.record_level_waived(session, UUID(flow), clock.now())
    back = client_world.http.get(f"/identity/continue?flow={flow}")
    tokens = client_world.redeem(answer_of(back)["code"]).json()
    assert decode(tokens["id_token"])[1]["acr"] == "medium"
    assert client_world.code(acr_values="high", prompt="none"), "nobody is asked"


def test_a_level_that_is_demanded_and_not_reached_is_an_error(client_world: World) -> None:
    begun = client_world.authorize(claims=demand("high"))
    assert begun.headers["location"].startswith("/identity/step-up?flow=")
    flow = UUID(answer_of(begun)["flow"])
    with client_world.database.transaction() as session:
        flows.record_level_waived(session, flow, clock.now())
    again = client_world.http.get(f"/identity/continue?flow={flow}")
    assert again.headers["location"] == f"/identity/step-up?flow={flow}", "a demand stays"
    silent = answer_of(client_world.authorize(claims=demand("high"), prompt="none"))
    assert silent["error"] == "unmet_authentication_requirements"
    hopeless = answer_of(client_world.authorize(claims=demand("surprise")))
    assert hopeless["error"] == "unmet_authentication_requirements"
    assert client_world.scalar("SELECT count(*) FROM authorisation") == 0


def test_a_demand_that_is_met_is_answered(client_world: World) -> None:
    tokens = client_world.tokens(claims=demand("high", f"{URN}low"))
    assert decode(tokens["id_token"])[1]["acr"] == f"{URN}low"


def test_a_registration_may_name_level_and_age(world: World) -> None:
    world.register(options=ClientOptions(default_acr_values=("high",), default_max_age=30))
    world.sign_in()
    age_session(world, 20)
    assert world.authorize().headers["location"].startswith("/identity/step-up?"), "the level"
    assert world.code(acr_values="low"), "a request's own wish counts instead"
    age_session(world, 40)
    assert is_sign_in(world.authorize(acr_values="low").headers["location"]), "the age"
    assert world.code(acr_values="low", max_age="3600")


def test_max_age_zero_always_signs_in_anew(client_world: World) -> None:
    age_session(client_world, 1)
    assert is_sign_in(client_world.authorize(max_age="0").headers["location"])
    silent = answer_of(client_world.authorize(max_age="0", prompt="none"))
    assert silent["error"] == "login_required"


def test_auth_time_tells_when_the_person_signed_in(client_world: World) -> None:
    age_session(client_world, 100)
    claims = decode(client_world.tokens(max_age="1000")["id_token"])[1]
    age = int(str(claims["iat"])) - int(str(claims["auth_time"]))
    assert 99 <= age <= 130


@pytest.mark.parametrize(
    "name", ["login_hint", "ui_locales", "claims_locales", "display", "acr_values"]
)
def test_hints_have_an_end(client_world: World, name: str) -> None:
    assert client_world.code(**{name: "a" * 64})
    refused = answer_of(client_world.authorize(**{name: "a" * 600}))
    assert refused["error"] == "invalid_request"
    assert name in refused["error_description"]


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap"])
def test_every_display_is_accepted(client_world: World, display: str) -> None:
    assert client_world.code(display=display)


def test_a_hint_of_the_person_who_is_signed_in_is_good(client_world: World) -> None:
    hint = client_world.tokens()["id_token"]
    assert client_world.code(id_token_hint=hint)
    assert client_world.code(id_token_hint=hint, prompt="none")


def test_a_hint_for_somebody_else_leads_to_sign_in(client_world: World) -> None:
    hint = client_world.tokens()["id_token"]
    client_world.sign_in("ross@example.test")
    before = client_world.scalar("SELECT count(*) FROM authorisation")
    assert is_sign_in(client_world.authorize(id_token_hint=hint).headers["location"])
    silent = answer_of(client_world.authorize(id_token_hint=hint, prompt="none"))
    assert silent["error"] == "login_required"
    assert client_world.scalar("SELECT count(*) FROM authorisation") == before


@pytest.mark.parametrize("kind", ["access_token", "garbage", "unsigned", "changed", "long"])
def test_what_is_no_hint_is_refused(client_world: World, kind: str) -> None:
    tokens = client_world.tokens()
    _head, body, signature = tokens["id_token"].split(".")
    wrong = {
        "access_token": tokens["access_token"],
        "garbage": "a.b.c",
        "unsigned": f"eyJhbGciOiJub25lIn0.{body}.",
        "changed": f"{_head}.{body}A.{signature}",
        "long": "a" * 20_000,
    }
    refused = answer_of(client_world.authorize(id_token_hint=wrong[kind]))
    assert refused["error"] == "invalid_request"


def test_a_hint_of_another_client_is_refused(client_world: World) -> None:
    client_world.register("other-client")
    hint = client_world.tokens(client_id="other-client")["id_token"]
    assert answer_of(client_world.authorize(id_token_hint=hint))["error"] == "invalid_request"


@pytest.mark.parametrize("path", ["sign-in", "create-account"])
def test_a_login_hint_fills_the_form_in(people: People, path: str) -> None:
    flow = people.begin_flow(login_hint='ann@person.example"><b>')
    page = people.http.get(f"/identity/{path}?flow={flow}").text
    assert 'value="ann@person.example&#34;&gt;&lt;b&gt;"' in page
    other = people.begin_flow(login_hint="0131 496 0000")
    assert "0131" not in people.http.get(f"/identity/{path}?flow={other}").text


def test_ui_locales_chooses_the_language_of_the_flow_only(people: People) -> None:
    assert "gd" in LANGUAGES
    flow = people.begin_flow(ui_locales="fr gd-GB en")
    english = people.http.get("/identity/sign-in")
    page = people.http.get(f"/identity/sign-in?flow={flow}")
    assert 'lang="gd"' in page.text
    assert 'lang="en"' in english.text
    assert "lang" not in people.http.cookies, "nobody chose it for good"
    assert text_of(page) != text_of(english)
    chosen = people.http.get(f"/identity/sign-in?flow={flow}&lang=en")
    assert text_of(chosen) != text_of(page), "the person's own choice counts more"
    assert text_of(people.http.get(f"/identity/sign-in?flow={flow}")) == text_of(chosen)


def test_the_error_page_speaks_the_language_too(world: World) -> None:
    page = world.http.get(f"{OIDC}/authorize", params={"client_id": "x", "ui_locales": "gd"})
    assert page.status_code == 400
    assert '<html lang="gd"' in page.text
