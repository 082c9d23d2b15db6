"""The authorization request: what leads back to the client, and what must never do so."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from identity.oidc.authorize import CHECKS
from tests.identity.oidc.world import CALLBACK, OIDC, SCOT, World, answer_of


@pytest.fixture
def scot(world: World) -> World:
    world.register("sandboxscot01", profile="scotaccount")
    world.sign_in()
    return world


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": None},
        {"client_id": "nobody"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": f"{CALLBACK}?a=b"},
        {"redirect_uri": f"{CALLBACK}#x"},
        {"redirect_uri": CALLBACK.upper()},
    ],
)
def test_a_bad_client_or_address_never_leads_anywhere(
    client_world: World, wrong: dict[str, str | None]
) -> None:
    answer = client_world.authorize(**wrong)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert 'id="oidc-error"' in answer.text
    assert client_world.scalar("SELECT count(*) FROM flow") == 0
    assert client_world.scalar("SELECT count(*) FROM authorisation") == 0


def test_programs_get_the_page_as_json(client_world: World) -> None:
    answer = client_world.http.get(
        f"{OIDC}/authorize", params={"client_id": "x"}, headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_client_given_twice_is_told_on_a_page(client_world: World) -> None:
    query = "client_id=council-client&client_id=council-client"
    assert client_world.http.get(f"{OIDC}/authorize?{query}").status_code == 400


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unauthorized_client"),
        ({"response_type": "id_token code token surprise"}, "unsupported_response_type"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "surprise"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"userinfo": 1}'}, "invalid_request"),
        ({"claims": '{"userinfo": {"email": 1}}'}, "invalid_claims"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://council.example/r"}, "request_uri_not_supported"),
        ({"nonce": "n" * 5000}, "invalid_request"),
    ],
)
def test_other_faults_lead_back_with_state_and_issuer(
    client_world: World, wrong: dict[str, str | None], error: str
) -> None:
    answer = answer_of(client_world.authorize(**wrong))
    assert answer["error"] == error
    assert answer["state"] == "st=te=="
    assert answer["iss"] == OIDC
    assert "code" not in answer
    assert client_world.scalar("SELECT count(*) FROM flow") == 0
    assert client_world.scalar("SELECT count(*) FROM authorisation") == 0


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"nonce": None}, "invalid_request", "nonce"),
        ({"state": None}, "invalid_request", "state"),
        ({"scope": "openid email"}, "invalid_scope", "email"),
        ({"scope": "openid profile"}, "invalid_scope", "profile"),
        ({"scope": "openid scotaccount.mobile"}, "invalid_scope", "mobile"),
        (
            {"scope": "scotaccount.address"},
            "invalid_scope",
            "Invalid scope: missing scope openid",
        ),
        ({"code_challenge": None}, "invalid_request", "Required PKCE method(s)"),
        ({"dis_prompt": "surprise"}, "invalid_dis_prompt", "Invalid dis_prompt: surprise"),
    ],
)
def test_faults_of_scotaccount_carry_its_words(
    scot: World, wrong: dict[str, str | None], error: str, text: str
) -> None:
    """S8 among them: profile and email are never granted in this profile."""
    answer = answer_of(scot.authorize(SCOT, **{"client_id": "sandboxscot01"} | wrong))
    assert answer["error"] == error
    assert text in answer["error_description"]


def test_two_dis_prompts_have_their_own_refusal(scot: World) -> None:
    query = {
        "client_id": "sandboxscot01",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }
    pairs = [*query.items(), ("dis_prompt", "create_account"), ("dis_prompt", "other")]
    answer = answer_of(scot.http.get(f"{SCOT}/authorize", params=pairs))
    assert answer["error"] == "invalid_dis_prompt"
    assert "found more than one" in answer["error_description"]


def test_state_comes_back_letter_by_letter(client_world: World) -> None:
    """S9."""
    state = "a=b&c+d e/%2F?é=="
    location = client_world.authorize(state=state).headers["location"]
    assert dict(parse_qsl(urlsplit(location).query))["state"] == state
    assert "+" not in urlsplit(location).query, "a blank is %20, which every client decodes"


def test_a_query_of_the_redirect_uri_stays(world: World) -> None:
    address = f"{CALLBACK}?service=heating"
    world.register(redirect_uris=(address,))
    world.sign_in()
    answer = answer_of(world.authorize(redirect_uri=address))
    assert answer["service"] == "heating"
    assert "code" in answer


def test_unknown_scopes_of_plain_clients_are_passed_over(client_world: World) -> None:
    tokens = client_world.tokens(scope="openid phone surprise")
    assert tokens["scope"] == "openid"


def test_the_old_name_of_a_scope_is_understood(scot: World) -> None:
    answer = answer_of(
        scot.authorize(SCOT, client_id="sandboxscot01", scope="openid gpg-45-medium")
    )
    assert "flow" in answer
    asked = scot.scalar("SELECT request -> 'scopes' FROM flow")
    assert asked == ["openid", "scotaccount.gpg45.medium"]


def test_a_post_is_read_again_by_get_so_that_the_session_counts(client_world: World) -> None:
    form = {"client_id": "council-client", "redirect_uri": CALLBACK, "state": "s=="}
    answer = client_world.http.post(f"{OIDC}/authorize", data=form)
    assert answer.status_code == 303
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{OIDC}/authorize"
    assert dict(parse_qsl(location.query)) == form


def test_form_post_has_a_visible_button_and_no_script(client_world: World) -> None:
    answer = client_world.authorize(response_mode="form_post")
    assert answer.status_code == 200
    assert f'action="{CALLBACK}"' in answer.text
    assert 'name="code"' in answer.text
    assert "<button" in answer.text
    assert "form-action 'self' https://council.example" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}],
)
def test_a_wish_for_a_new_sign_in_is_granted(client_world: World, changes: dict[str, str]) -> None:
    client_world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - interval '10 seconds'"
    )
    location = client_world.authorize(**changes).headers["location"]
    assert location.startswith("/identity/sign-in?flow=")


def test_a_young_session_answers_max_age(client_world: World) -> None:
    assert client_world.code(max_age="10000")


def test_nobody_signed_in_leads_to_the_sign_in_page(world: World) -> None:
    world.register()
    answer = world.authorize()
    assert answer.headers["location"].startswith("/identity/sign-in?flow=")
    assert "clachan-browser" in answer.cookies


def test_prompt_none_without_a_session_is_login_required(world: World) -> None:
    world.register()
    assert answer_of(world.authorize(prompt="none"))["error"] == "login_required"
    assert world.scalar("SELECT count(*) FROM flow") == 0


def test_prompt_none_with_a_session_gives_a_code(client_world: World) -> None:
    assert client_world.code(prompt="none")


def test_prompt_none_with_attributes_is_refused(scot: World) -> None:
    answer = answer_of(
        scot.authorize(
            SCOT,
            client_id="sandboxscot01",
            prompt="none",
            scope="openid scotaccount.gpg45.medium",
        )
    )
    assert answer["error"] == "interaction_required"


@pytest.mark.parametrize("changes", [{"dis_prompt": "create_account"}, {"prompt": "create"}])
def test_create_account_opens_sign_up(world: World, changes: dict[str, str]) -> None:
    """S15."""
    world.register("sandboxscot01", profile="scotaccount")
    answer = world.authorize(SCOT, client_id="sandboxscot01", **changes)
    assert answer.headers["location"].startswith("/identity/create-account?flow=")


def test_a_service_account_cannot_sign_people_in(world: World) -> None:
    world.register(grant_types=("client_credentials",))
    assert answer_of(world.authorize())["error"] == "unauthorized_client"


def test_an_exempt_client_may_leave_pkce_out_but_not_undo_it(world: World) -> None:
    """Q1."""
    world.register(pkce="exempt")
    world.sign_in()
    without = world.code(code_challenge=None, code_challenge_method=None)
    assert world.redeem(without).status_code == 400, "a verifier without a challenge"
    assert world.redeem(without, code_verifier=None).status_code == 200
    with_one = world.code()
    assert world.redeem(with_one, code_verifier=None).status_code == 400
    refused = world.authorize(code_challenge=None, code_challenge_method=None, nonce=None)
    assert answer_of(refused)["error"] == "invalid_request"


def test_the_client_and_its_address_are_checked_before_anything_can_lead_back() -> None:
    takes = {"take_request": "authorize", "take_object": "pushed"}
    names = [row.check.__name__ for row in CHECKS]
    assert names[:4] == ["check_client", *takes, "check_present"]
    for row in CHECKS:
        only = takes.get(row.check.__name__)
        assert row.authorize or only == "pushed"
        assert row.pushed or only == "authorize"
    assert {row.check.__name__ for row in CHECKS if row.resume} >= {
        "check_client",
        "check_redirect_uri",
        "check_scope",
    }


def test_codes_and_queries_stay_out_of_caches(client_world: World) -> None:
    assert client_world.authorize().headers["cache-control"] == "no-store"
