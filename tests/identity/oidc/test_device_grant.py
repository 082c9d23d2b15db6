"""RFC 8628: codes, pages, polling, single use."""

import json
from collections import Counter
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.oidc.polled_pages import GUESSES
from identity.oidc.tasks import FORGET_TOPIC, forget
from identity.oidc.user_codes import ALPHABET, clean_user_code, make_user_code, show_user_code
from identity.relying_parties.grants import DEVICE
from shared.outbox import Job
from tests.identity.oidc.grants import RECORD, Grants, error_of
from tests.identity.oidc.test_at_rest import counted, dump
from tests.identity.oidc.test_single_use import in_parallel
from tests.identity.oidc.world import OIDC, SECRET, decode
from tests.identity.people import text_of


def test_a_device_gets_its_two_codes(grants: Grants) -> None:
    answer = grants.ask_device()
    assert answer["verification_uri"] == "http://localhost:8000/identity/device"
    complete = f"{answer['verification_uri']}?user_code={answer['user_code']}"
    assert answer["verification_uri_complete"] == complete
    assert answer["expires_in"] == 1800
    assert answer["interval"] == 5
    first, dash, last = answer["user_code"].partition("-")
    assert (len(first), dash, len(last)) == (4, "-", 4)
    assert set(first + last) <= set(ALPHABET)


def test_the_whole_way_of_a_device(grants: Grants) -> None:
    asked = grants.ask_device(scope="openid")
    waiting = grants.poll_device(asked["device_code"])
    assert error_of(waiting) == (400, "authorization_pending")
    grants.approve_device(asked["user_code"].lower().replace("-", " "))
    tokens = grants.poll_device(asked["device_code"])
    assert tokens.status_code == 200, tokens.text
    assert tokens.headers["cache-control"] == "no-store"
    body = tokens.json()
    assert {"access_token", "id_token", "refresh_token", "scope"} <= body.keys()
    claims = decode(body["id_token"])[1]
    assert claims["aud"] == "tv-app"
    assert "nonce" not in claims
    again = grants.post(
        "/token",
        None,
        grant_type="refresh_token",
        refresh_token=body["refresh_token"],
        client_id="tv-app",
    )
    assert again.status_code == 200, again.text


def test_every_page_says_who_asks_and_for_what(grants: Grants) -> None:
    asked = grants.ask_device(scope="openid email")
    prefilled = grants.world.http.get(f"/identity/device?user_code={asked['user_code']}")
    assert f'value="{asked["user_code"]}"' in prefilled.text
    flow = grants.enter(asked["user_code"])
    page = grants.world.http.get(f"/identity/device/confirm?flow={flow}")
    words = text_of(page)
    assert "Is this your device?" in words
    assert "Council service" in words
    assert "Your email address" in words
    onward = grants.people.send(f"/identity/device/confirm?flow={flow}", decision="continue")
    consent = grants.world.http.get(onward.headers["location"])
    assert consent.headers["location"].startswith("/identity/consent")
    grants.people.send(f"/identity/consent?flow={flow}", share_email="yes")
    assert "Your email address" in text_of(grants.world.http.get(f"/identity/approve?flow={flow}"))
    done = grants.decide(flow)
    words = text_of(grants.world.http.get(done.headers["location"]))
    assert "You approved the request" in words
    assert "You can go back to your device." in words
    tokens = grants.poll_device(asked["device_code"]).json()
    assert tokens["scope"] == "openid email"


def test_what_is_not_shared_is_not_in_the_token(grants: Grants) -> None:
    asked = grants.ask_device(scope="openid email")
    flow = grants.enter(asked["user_code"])
    grants.world.http.get(f"/identity/continue?flow={flow}")
    grants.people.send(f"/identity/consent?flow={flow}", share_email="no")
    assert "Your email address" not in text_of(
        grants.world.http.get(f"/identity/approve?flow={flow}")
    )
    grants.decide(flow)
    tokens = grants.poll_device(asked["device_code"]).json()
    assert tokens["scope"] == "openid"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert "email" not in grants.world.http.get(f"{OIDC}/userinfo", headers=bearer).json()


def test_nobody_signed_in_is_led_through_sign_in(grants: Grants) -> None:
    asked = grants.ask_device()
    grants.world.http.cookies.delete("clachan-session")
    flow = grants.enter(asked["user_code"])
    answer = grants.world.http.get(f"/identity/continue?flow={flow}")
    assert answer.headers["location"] == f"/identity/sign-in?flow={flow}"
    refused = grants.world.http.get(f"/identity/approve?flow={flow}")
    assert refused.headers["location"].startswith("/identity/sign-in")
    assert grants.world.scalar("SELECT count(decided_at) FROM polled_request") == 0


@pytest.mark.parametrize("place", ["confirm", "approve", "cancel"])
def test_a_refusal_reaches_the_device(grants: Grants, place: str) -> None:
    asked = grants.ask_device()
    flow = grants.enter(asked["user_code"])
    if place == "confirm":
        done = grants.people.send(f"/identity/device/confirm?flow={flow}", decision="refuse")
    else:
        grants.world.http.get(f"/identity/continue?flow={flow}")
    if place == "approve":
        done = grants.decide(flow, "refuse")
    if place == "cancel":
        onward = grants.people.send(f"/identity/cancel?flow={flow}")
        done = grants.world.http.get(onward.headers["location"])
    assert "result=refused" in done.headers["location"]
    assert error_of(grants.poll_device(asked["device_code"])) == (400, "access_denied")
    assert grants.world.scalar("SELECT count(*) FROM authorisation") == 0
    again = grants.decide(flow)
    assert again.status_code == (403 if place == "confirm" else 409)


def test_polling_too_fast_makes_it_slower(grants: Grants) -> None:
    code = grants.ask_device()["device_code"]
    errors = [error_of(grants.poll_device(code))[1] for _ in range(3)]
    assert errors == ["authorization_pending", "slow_down", "slow_down"]
    assert grants.world.scalar("SELECT interval_seconds FROM polled_request") == 15
    grants.world.execute("UPDATE polled_request SET polled_at = now() - interval '14 s'")
    assert error_of(grants.poll_device(code))[1] == "slow_down"
    grants.world.execute("UPDATE polled_request SET polled_at = now() - interval '21 s'")
    assert error_of(grants.poll_device(code))[1] == "authorization_pending"


def test_an_expired_code_says_so_and_cannot_be_approved(grants: Grants) -> None:
    asked = grants.ask_device()
    flow = grants.enter(asked["user_code"])
    grants.world.execute("UPDATE polled_request SET valid_until = now() - interval '1 s'")
    assert error_of(grants.poll_device(asked["device_code"])) == (400, "expired_token")
    grants.world.execute("UPDATE flow SET account_id = :account", account=grants.person.account_id)
    assert grants.decide(flow).status_code == 409
    typed = grants.people.send("/identity/device", user_code=asked["user_code"])
    assert typed.status_code == 422
    assert grants.world.scalar("SELECT count(*) FROM authorisation") == 0


def test_another_clients_code_is_worthless_and_unharmed(grants: Grants) -> None:
    grants.register("other-tv", DEVICE, auth_method="none", redirect_uris=(), sector="o.example")
    asked = grants.ask_device()
    grants.approve_device(asked["user_code"])
    refused = grants.poll_device(asked["device_code"], "other-tv")
    assert error_of(refused) == (400, "invalid_grant")
    assert grants.poll_device(asked["device_code"]).status_code == 200
    spent = grants.poll_device(asked["device_code"])
    assert error_of(spent) == (400, "invalid_grant")


@pytest.mark.committed
def test_of_sixteen_parallel_polls_exactly_one_gets_tokens(grants: Grants) -> None:
    for _ in range(6):
        asked = grants.ask_device()
        grants.approve_device(asked["user_code"])
        answers = in_parallel(partial(grants.poll_device, asked["device_code"]))
        assert Counter(one.status_code for one in answers) == {200: 1, 400: 15}
        assert {one.json()["error"] for one in answers if one.status_code == 400} == {
            "invalid_grant"
        }


@pytest.mark.committed
def test_of_sixteen_parallel_decisions_exactly_one_counts(grants: Grants) -> None:
    asked = grants.ask_device()
    flow = grants.enter(asked["user_code"])
    grants.world.http.get(f"/identity/continue?flow={flow}")
    answers = in_parallel(lambda: grants.decide(flow))
    assert Counter(one.status_code for one in answers) == {303: 1, 409: 15}
    assert grants.world.scalar("SELECT count(*) FROM authorisation") == 1


def test_a_poll_costs_one_statement(grants: Grants) -> None:
    code = grants.ask_device()["device_code"]
    grants.poll_device(code)
    with counted(grants.world) as statements:
        grants.poll_device(code)
    assert len(statements) == 1


def test_guesses_are_limited_for_a_browser(grants: Grants) -> None:
    asked = grants.ask_device()
    for _ in range(GUESSES):
        wrong = grants.people.send("/identity/device", user_code="BBBB-BBBB")
        assert wrong.status_code == 422
        assert "Error:" in wrong.text.partition("</title>")[0]
    right = grants.people.send("/identity/device", user_code=asked["user_code"])
    assert right.status_code == 429
    assert right.headers["retry-after"]
    assert grants.world.scalar("SELECT count(*) FROM flow") == 0


def test_a_flow_of_a_device_cannot_be_continued_by_another_browser(grants: Grants) -> None:
    asked = grants.ask_device()
    flow = grants.enter(asked["user_code"])
    stranger = grants.people.another_browser()
    for path in ("/identity/device/confirm", "/identity/continue"):
        assert stranger.get(f"{path}?flow={flow}").status_code == 403


def test_codes_are_kept_as_hashes_only(grants: Grants) -> None:
    asked = grants.ask_device()
    content = dump(grants.world)
    assert b"tv-app" in content
    for value in (asked["device_code"], asked["user_code"], asked["user_code"].replace("-", "")):
        assert value.encode() not in content
        assert value.encode().hex().encode() not in content


@pytest.mark.committed
def test_expired_requests_are_forgotten_and_the_rest_stays(grants: Grants) -> None:
    for _ in range(3):
        grants.ask_device()
    grants.world.execute("UPDATE polled_request SET expires_at = now() - interval '1 s'")
    kept = grants.ask_device()
    forget(Job(1, FORGET_TOPIC, {"slot": 1}, 1, grants.world.database, grants.world.settings))
    assert grants.world.scalar("SELECT count(*) FROM polled_request") == 1
    assert error_of(grants.poll_device(kept["device_code"]))[1] == "authorization_pending"


def test_a_device_outlives_the_browsers_session_until_its_owner_ends_it(grants: Grants) -> None:
    asked = grants.ask_device()
    grants.approve_device(asked["user_code"])
    tokens = grants.poll_device(asked["device_code"]).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    page = grants.world.http.get("/identity/requests")
    assert "Council service" in text_of(page)
    access = grants.world.scalar("SELECT id FROM authorisation")
    other = grants.world.sign_in("ross@example.test")
    grants.people.send("/identity/requests/end", access=str(access))
    assert grants.world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
    assert other.account_id != grants.person.account_id
    grants.world.http.cookies.set("clachan-session", grants.person.cookie)
    ended = grants.people.send("/identity/requests/end", access=str(access))
    assert ended.headers["location"] == "/identity/requests?ended=yes"
    assert grants.world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 401


def test_only_registered_clients_may_ask(grants: Grants) -> None:
    grants.world.register()
    refused = grants.post("/device_authorization", "council-client", scope="openid")
    assert error_of(refused) == (400, "unauthorized_client")
    unknown = grants.post("/device_authorization", None, client_id="nobody")
    assert error_of(unknown) == (401, "invalid_client")
    assert grants.world.scalar("SELECT count(*) FROM polled_request") == 0


def test_a_confidential_device_client_proves_itself(grants: Grants) -> None:
    grants.register(
        "kiosk", DEVICE, auth_method="client_secret_post", redirect_uris=(), sector="k.example"
    )
    bare = grants.post("/device_authorization", None, client_id="kiosk")
    assert error_of(bare) == (401, "invalid_client")
    asked = grants.ask_device("kiosk", client_secret=SECRET)
    grants.approve_device(asked["user_code"])
    assert error_of(grants.poll_device(asked["device_code"], "kiosk")) == (401, "invalid_client")
    tokens = grants.poll_device(asked["device_code"], "kiosk", client_secret=SECRET)
    assert tokens.status_code == 200


def test_typed_permissions_of_a_device_are_agreed_to(grants: Grants) -> None:
    grants.register(
        "tv-app",
        DEVICE,
        auth_method="none",
        redirect_uris=(),
        sector="tv.example",
        options={"authorization_details_types": ("record_access",)},
    )
    asked = grants.ask_device(authorization_details=as_json([RECORD]))
    flow = grants.enter(asked["user_code"])
    onward = grants.world.http.get(f"/identity/continue?flow={flow}")
    assert onward.headers["location"].startswith("/identity/consent")
    consent = grants.world.http.get(onward.headers["location"])
    assert "Read your records about housing for 7 days" in text_of(consent)
    grants.people.send(f"/identity/consent?flow={flow}")
    grants.decide(flow)
    tokens = grants.poll_device(asked["device_code"]).json()
    assert tokens["authorization_details"] == [RECORD]


def as_json(value: object) -> str:
    return json.dumps(value)


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_code_or_nothing(typed: str) -> None:
    letters = clean_user_code(typed)
    assert letters == "" or (len(letters) == 8 and set(letters) <= set(ALPHABET))
    assert clean_user_code(letters) == letters


@given(st.text(alphabet=ALPHABET, min_size=8, max_size=8), st.sampled_from(" -.\u00a0\u2013"))
def test_every_way_of_writing_a_code_is_understood(letters: str, sign: str) -> None:
    for typed in (
        show_user_code(letters),
        letters.lower(),
        sign.join(letters),
        f"  {letters[:4]}{sign}{letters[4:]} ",
        "".join(chr(ord(letter) + 0xFEE0) for letter in letters),
    ):
        assert clean_user_code(typed) == letters


def test_codes_do_not_repeat_and_hold_no_vowel() -> None:
    codes = {make_user_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert not set("AEIOUY0123456789") & set("".join(codes))
