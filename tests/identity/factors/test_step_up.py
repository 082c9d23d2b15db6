"""Proving more in a live session: for a service's level, for its max_age, for a change of ours."""

import json
from typing import Any

import pyotp
import pytest

from tests.identity.factors.authenticator import Authenticator, options_of
from tests.identity.factors.person import (
    APP,
    EMAIL,
    NEW_PASSKEY,
    add_app,
    add_passkey,
    level,
    notices,
    password_step,
    post,
)
from tests.identity.people import PASSWORD, People, text_of

ESSENTIAL = {"claims": {"id_token": {"acr": {"essential": True, "value": "high"}}}}
WISH = {"acr_values": ["urn:clachan:acr:gpg44:high"]}
MEDIUM = {"acr_values": ["medium"]}


def begin(people: People, asked: dict[str, Any], **changes: str) -> str:
    """Begin a flow as a client that wants a level; returns its id."""
    flow = people.begin_flow(**{"prompt": "login"} | changes)
    people.world.execute(
        "UPDATE flow SET created_at = created_at - interval '1 minute', request = jsonb_set("
        "request, '{asked}', cast(:asked AS jsonb)) WHERE id = :id",
        asked=json.dumps(asked),
        id=flow,
    )
    people.world.execute("UPDATE sign_in_session SET authenticated_at = now()")
    return flow


def go_on(people: People, flow: str) -> str:
    answer = people.http.get(f"/identity/continue?flow={flow}")
    assert answer.status_code in (302, 303), answer.text
    return str(answer.headers["location"])


@pytest.fixture
def signed_in(people: People) -> People:
    people.sign_up(EMAIL)
    return people


@pytest.mark.parametrize("asked", [WISH, ESSENTIAL], ids=["a wish", "a demand"])
def test_a_session_grows_to_the_wanted_level_and_keeps_its_id(
    signed_in: People, asked: dict[str, Any]
) -> None:
    people = signed_in
    key = add_passkey(people)
    flow = begin(people, asked)
    before = people.world.scalar("SELECT id FROM sign_in_session")
    people.world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - interval '30 seconds'"
    )
    place = go_on(people, flow)
    assert place == f"/identity/step-up?flow={flow}"
    page = people.http.get(place)
    assert "needs a stronger proof" in text_of(page)
    old_cookie = people.http.cookies["clachan-session"]
    done = post(people, place, credential=key.sign(options_of(page.text)))
    assert done.headers["location"] == f"/identity/continue?flow={flow}"
    assert go_on(people, flow).startswith("https://council.example/callback?code=")
    assert level(people) == ("high", ["pwd", "otp", "hwk", "user", "pop"])
    assert people.world.scalar("SELECT id FROM sign_in_session") == before
    assert people.world.scalar("SELECT level FROM authorisation") == "high"
    age = "SELECT extract(epoch FROM now() - authenticated_at) FROM authorisation"
    assert float(str(people.world.scalar(age))) < 20
    assert people.http.cookies["clachan-session"] != old_cookie


def test_a_level_that_is_there_asks_nothing(signed_in: People) -> None:
    flow = begin(signed_in, MEDIUM)
    assert go_on(signed_in, flow).startswith("https://council.example/callback?code=")


@pytest.mark.parametrize("value", ["urn:mace:silver", "unheard-of"])
def test_a_wish_that_nobody_knows_asks_nothing(signed_in: People, value: str) -> None:
    flow = begin(signed_in, {"acr_values": [value]})
    assert go_on(signed_in, flow).startswith("https://council.example/callback?code=")


def test_a_wish_may_be_left_and_is_not_put_twice(signed_in: People) -> None:
    people = signed_in
    flow = begin(people, WISH)
    place = go_on(people, flow)
    assert "than your account can give yet" in text_of(people.http.get(place))
    left = post(people, place.replace("/step-up?", "/step-up/without?"))
    assert left.headers["location"] == f"/identity/continue?flow={flow}"
    assert go_on(people, flow).startswith("https://council.example/callback?code=")
    assert people.world.scalar("SELECT level FROM authorisation") == "medium"


def test_a_demand_that_is_left_is_an_error_for_the_service(signed_in: People) -> None:
    people = signed_in
    flow = begin(people, ESSENTIAL)
    place = go_on(people, flow)
    post(people, place.replace("/step-up?", "/step-up/without?"))
    assert "error=unmet_authentication_requirements" in go_on(people, flow)
    assert people.world.scalar("SELECT count(*) FROM authorisation") == 0


@pytest.mark.parametrize(
    ("asked", "answer"),
    [(WISH, "code="), (ESSENTIAL, "error=unmet_authentication_requirements")],
    ids=["a wish", "a demand"],
)
def test_a_client_that_forbids_to_ask(
    signed_in: People, asked: dict[str, Any], answer: str
) -> None:
    flow = begin(signed_in, asked)
    signed_in.world.execute(
        "UPDATE flow SET request = jsonb_set(request, '{prompt}', '[\"none\"]') WHERE id = :id",
        id=flow,
    )
    assert answer in go_on(signed_in, flow)


def test_vectors_of_trust_want_two_factors(signed_in: People) -> None:
    people = signed_in
    people.world.execute(
        "UPDATE sign_in_session SET level = 'low', factors = '{password}', methods = '{pwd}'"
    )
    secret = add_app(people)
    people.world.execute("UPDATE totp SET enrolled_level = 'medium'")
    flow = begin(people, {"vtr": [["Cl", "Cm"]]})
    place = go_on(people, flow)
    assert place.startswith("/identity/step-up?")
    assert text_of(post(people, place, code="")).count("Enter the code") > 1
    assert "The code is not right" in text_of(post(people, place, code="000000"))
    assert level(people) == ("low", ["pwd"])
    assert post(people, place, code=pyotp.TOTP(secret).now()).status_code == 303
    assert level(people) == ("medium", ["pwd", "otp"])
    assert go_on(people, flow).startswith("https://council.example/callback?code=")


def test_a_recovered_session_is_not_lifted_by_a_code_alone(signed_in: People) -> None:
    people = signed_in
    secret = add_app(people)
    people.world.execute("UPDATE sign_in_session SET level = 'low', factors = '{recovery}'")
    flow = begin(people, MEDIUM)
    place = go_on(people, flow)
    assert "than your account can give yet" in text_of(people.http.get(place))
    refused = post(people, place, code=pyotp.TOTP(secret).now())
    assert refused.status_code == 200
    assert level(people)[0] == "low"


def test_a_passkey_that_proves_too_little_is_not_asked_for(signed_in: People) -> None:
    people = signed_in
    add_passkey(people, Authenticator(can_sync=True))
    place = go_on(people, begin(people, WISH))
    page = people.http.get(place)
    assert "data-passkey" not in page.text
    bound = add_passkey(people, Authenticator())
    options = options_of(people.http.get(place).text)
    assert len(options["allowCredentials"]) == 1
    assert post(people, place, credential=bound.sign(options)).status_code == 303
    assert level(people)[0] == "high"


def test_another_person_cannot_step_up_on_ones_flow(signed_in: People) -> None:
    people = signed_in
    flow = begin(people, WISH)
    go_on(people, flow)
    people.world.execute("UPDATE flow SET account_id = session_id")
    assert people.http.get(f"/identity/step-up?flow={flow}").status_code == 403


def age(people: People, minutes: int) -> None:
    people.world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - make_interval(mins => :minutes)",
        minutes=minutes,
    )


def test_a_change_wants_a_fresh_sign_in_and_leads_back(signed_in: People) -> None:
    people = signed_in
    age(people, 16)
    sent = people.http.get(NEW_PASSKEY)
    assert sent.headers["location"] == (
        "/identity/confirm?next=%2Fidentity%2Faccount%2Fsecurity%2Fpasskeys%2Fnew"
    )
    place = sent.headers["location"]
    page = people.http.get(place)
    assert "You are signed in as a…n@person.example" in text_of(page)
    assert EMAIL not in page.text
    wrong = post(people, place, password="not the password")
    assert wrong.status_code == 422
    assert post(people, place, password="").status_code == 422
    assert people.http.get(NEW_PASSKEY).status_code == 303
    done = post(people, place, password=PASSWORD)
    assert done.headers["location"] == NEW_PASSKEY
    assert people.http.get(NEW_PASSKEY).status_code == 200
    assert level(people) == ("medium", ["pwd", "otp"])


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (NEW_PASSKEY, {"name": "x", "credential": "{}"}),
        (APP, {"enrolment": "x", "code": "123456"}),
        (f"{APP}/remove", {}),
        ("/identity/account/security/backup-codes", {}),
    ],
    ids=["add a passkey", "add an app", "remove the app", "make codes"],
)
def test_no_form_changes_anything_in_an_old_session(
    signed_in: People, path: str, fields: dict[str, str]
) -> None:
    add_app(signed_in)
    age(signed_in, 16)
    assert (
        post(signed_in, path, None, **fields).headers["location"].startswith("/identity/confirm?")
    )
    assert signed_in.world.scalar("SELECT count(*) FROM totp") == 1
    assert signed_in.world.scalar("SELECT count(*) FROM backup_code") == 0


@pytest.mark.parametrize(
    "following",
    ["https://evil.example", "//evil.example", "/identity/account/../../x", "/payments", "/\\evil"],
)
def test_confirming_leads_to_our_own_pages_only(signed_in: People, following: str) -> None:
    token = post(signed_in, f"/identity/confirm?next={following}", password=PASSWORD)
    assert token.headers["location"] == "/identity/account"


def test_prompt_login_in_a_live_session_asks_for_one_proof(signed_in: People) -> None:
    people = signed_in
    flow = people.begin_flow(prompt="login")
    assert go_on(people, flow) == f"/identity/sign-in?flow={flow}"
    place = people.http.get(f"/identity/sign-in?flow={flow}").headers["location"]
    assert place == f"/identity/confirm?flow={flow}"
    said = text_of(people.http.get(place))
    assert "Council service asks you to show once more that it is you" in said
    done = post(people, place, password=PASSWORD)
    assert done.headers["location"] == f"/identity/continue?flow={flow}"
    assert go_on(people, flow).startswith("https://council.example/callback?code=")
    assert people.world.scalar("SELECT count(*) FROM sign_in_session") == 1


def test_max_age_in_a_live_session_takes_a_passkey(signed_in: People) -> None:
    people = signed_in
    key = add_passkey(people)
    age(people, 10)
    flow = people.begin_flow(max_age="60")
    place = people.http.get(go_on(people, flow)).headers["location"]
    answer = key.sign(options_of(people.http.get(place).text))
    assert post(people, place, credential=answer).status_code == 303
    assert post(people, place, credential=answer).status_code == 422
    assert go_on(people, flow).startswith("https://council.example/callback?code=")


def test_somebody_else_may_sign_in_instead(signed_in: People) -> None:
    people = signed_in
    flow = people.begin_flow(prompt="login")
    page = people.http.get(f"/identity/confirm?flow={flow}")
    other = f"/identity/sign-in?other=yes&amp;flow={flow}"
    assert other in page.text
    assert people.http.get(other.replace("&amp;", "&")).status_code == 200
    chosen = people.begin_flow(prompt="select_account")
    assert people.http.get(f"/identity/sign-in?flow={chosen}").status_code == 200


def test_strangers_do_not_pause_a_confirmation_nor_it_the_sign_in(signed_in: People) -> None:
    people, place = signed_in, "/identity/confirm"
    stranger = people.another_browser()
    for _ in range(6):
        people.send("/identity/sign-in", http=stranger, email=EMAIL, password="not the password")
    assert post(people, place, password=PASSWORD).status_code == 303
    people.world.execute("DELETE FROM rate_counter")
    for _ in range(5):
        assert post(people, place, password="not the password").status_code == 422
    assert post(people, place, password=PASSWORD).status_code == 422
    assert notices(people)[-1] == "confirming_paused"
    answer = people.send("/identity/sign-in", http=stranger, email=EMAIL, password=PASSWORD)
    assert answer.status_code == 303
    people.world.execute("UPDATE rate_counter SET ends_at = ends_at - interval '31 minutes'")
    assert post(people, place, password=PASSWORD).status_code == 303


def test_nobody_confirms_without_a_session(people: People) -> None:
    assert people.http.get("/identity/confirm").headers["location"] == "/identity/sign-in"
    flow = people.begin_flow()
    sent = people.http.get(f"/identity/step-up?flow={flow}")
    assert sent.headers["location"] == f"/identity/sign-in?flow={flow}"


def test_a_flow_on_the_way_to_a_passkey_is_not_lost(signed_in: People) -> None:
    people = signed_in
    flow = begin(people, WISH)
    page = people.http.get(go_on(people, flow)).text
    assert f'href="{NEW_PASSKEY}?flow={flow}"' in page
    key = Authenticator()
    options = options_of(people.http.get(f"{NEW_PASSKEY}?flow={flow}").text)
    answer = key.register(options)
    done = post(people, f"{NEW_PASSKEY}?flow={flow}", name="Key", credential=answer)
    assert done.headers["location"] == f"/identity/continue?flow={flow}"
    place = go_on(people, flow)
    answer = key.sign(options_of(people.http.get(place).text))
    assert post(people, place, credential=answer).status_code == 303
    assert level(people)[0] == "high"


def test_the_password_step_still_needs_the_whole_page_without_a_session(people: People) -> None:
    people.sign_up(EMAIL)
    assert password_step(people, people.another_browser()).startswith("/identity/sign-in/code?")
