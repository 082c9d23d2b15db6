"""Passkeys through the pages: added, used, refused, removed."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from identity.accounts import tasks
from identity.factors import actions, ceremonies
from identity.factors.queries import list_passkeys
from shared.errors import Conflict
from tests.identity.factors.authenticator import Authenticator, options_of
from tests.identity.factors.person import (
    EMAIL,
    NEW_PASSKEY,
    SECURITY,
    add_passkey,
    level,
    notices,
    password_step,
    post,
)
from tests.identity.people import PASSWORD, People, text_of

SIGN_IN = "/identity/sign-in"
ENTRY = f"{SIGN_IN}/passkey"


@pytest.fixture
def key(people: People) -> Authenticator:
    """A passkey of a person who then uses another browser."""
    people.sign_up(EMAIL)
    made: Authenticator = add_passkey(people)
    people.world.http = people.another_browser()
    return made


def enter(people: People, answer: str) -> Any:
    return post(people, ENTRY, credential=answer)


def asked(people: People) -> dict[str, Any]:
    return options_of(people.http.get(SIGN_IN).text)


def test_a_person_signs_in_with_a_passkey_alone(people: People, key: Authenticator) -> None:
    flow = people.begin_flow()
    options = options_of(people.http.get(f"{SIGN_IN}?flow={flow}").text)
    done = post(people, f"{ENTRY}?flow={flow}", credential=key.sign(options))
    assert done.headers["location"] == f"/identity/continue?flow={flow}"
    back = people.http.get(done.headers["location"])
    assert back.headers["location"].startswith("https://council.example/callback?code=")
    assert level(people) == ("high", ["hwk", "user", "pop"])
    assert people.world.scalar("SELECT sign_count FROM passkey") == key.count
    assert "new_device" in notices(people)


def test_a_passkey_that_can_be_copied_is_worth_medium(people: People) -> None:
    people.sign_up(EMAIL)
    key = add_passkey(people, Authenticator(can_sync=True))
    assert people.world.scalar("SELECT is_backed_up FROM passkey") is True
    people.world.http = people.another_browser()
    assert enter(people, key.sign(asked(people))).status_code == 303
    assert level(people) == ("medium", ["swk", "user", "pop"])


def test_the_page_asks_everybody_the_same_and_names_no_passkey(
    people: People, key: Authenticator
) -> None:
    options = asked(people)
    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    assert options["rpId"] == "localhost"
    assert asked(people)["challenge"] != options["challenge"]
    assert key.credential_id.hex() not in people.http.get(SIGN_IN).text


def test_showing_the_page_writes_nothing(people: People) -> None:
    for _ in range(3):
        people.http.get(SIGN_IN)
    assert people.world.scalar("SELECT count(*) FROM used_challenge") == 0
    assert people.world.scalar("SELECT count(*) FROM attempt") == 0


def test_an_answer_counts_once(people: People, key: Authenticator) -> None:
    answer = key.sign(asked(people))
    assert enter(people, answer).status_code == 303
    again = enter(people, answer)
    assert again.status_code == 422
    assert "did not work here" in text_of(again)


WRONG: dict[str, dict[str, object]] = {
    "another site": {"origin": "https://evil.example"},
    "another host": {"rp_id": "evil.example"},
    "nobody verified": {"is_verified": False},
    "inside a frame": {"cross_origin": True},
    "another kind of key": {"can_sync": True},
    "an unknown key": {"credential_id": b"x" * 32},
    "nobody's handle": {"user_handle": None},
    "another's handle": {"user_handle": "AAAA"},
    "another signature": {"key": Authenticator().key},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_proves_nothing_is_refused_alike(
    people: People, key: Authenticator, wrong: dict[str, object]
) -> None:
    for name, value in wrong.items():
        setattr(key, name, value)
    refused = enter(people, key.sign(asked(people)))
    assert refused.status_code == 422
    assert "That passkey did not work here" in text_of(refused)
    assert 'href="#passkey-form-button"' in refused.text
    assert people.world.scalar("SELECT count(*) FROM sign_in_session") == 1
    assert people.world.scalar("SELECT last_used_at FROM passkey") is None


@pytest.mark.parametrize(
    "answer",
    ["", "{}", "[]", "nonsense", '{"id": 1}', '{"id":"é","rawId":"é"}', "x" * 20_000],
    ids=["empty", "no members", "a list", "no JSON", "a number", "not ASCII", "too long"],
)
def test_what_is_no_answer_is_refused(people: People, answer: str) -> None:
    assert enter(people, answer).status_code == 422


def test_a_challenge_belongs_to_its_browser_purpose_and_time(
    people: People, key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = options_of(people.another_browser().get(SIGN_IN).text)
    assert enter(people, key.sign(foreign)).status_code == 422
    made_up = {**foreign, "challenge": "A" * 75}
    assert enter(people, key.sign(made_up)).status_code == 422
    other_kind = key.sign(asked(people), kind="webauthn.create")
    assert enter(people, other_kind).status_code == 422
    monkeypatch.setattr(ceremonies, "CHALLENGE_LIFE", timedelta(seconds=-1))
    old = asked(people)
    monkeypatch.undo()
    assert people.world.scalar("SELECT count(*) FROM used_challenge") == 1
    assert enter(people, key.sign(old)).status_code == 422


def test_a_copy_of_a_passkey_is_refused_and_its_owner_is_told(
    people: People, key: Authenticator
) -> None:
    assert enter(people, key.sign(asked(people))).status_code == 303
    assert enter(people, key.sign_again(asked(people))).status_code == 422
    assert notices(people)[-1] == "passkey_copied"


def test_a_passkey_follows_the_password_when_the_person_began_with_that(
    people: People, key: Authenticator
) -> None:
    place = password_step(people, people.http)
    assert place.startswith("/identity/sign-in/way/passkey?attempt=")
    assert people.world.scalar("SELECT count(*) FROM outbox WHERE topic LIKE '%send_code'") == 1
    options = options_of(people.http.get(place).text)
    assert [one["transports"] for one in options["allowCredentials"]] == [["usb"]]
    key.user_handle = None
    assert post(people, place, credential=key.sign(options)).status_code == 303
    assert level(people) == ("high", ["pwd", "hwk", "user", "pop"])


def test_five_wrong_passwords_do_not_pause_a_passkey(people: People, key: Authenticator) -> None:
    for _ in range(6):
        people.send(SIGN_IN, email=EMAIL, password="not the password")
    assert people.send(SIGN_IN, email=EMAIL, password=PASSWORD).status_code == 422
    assert enter(people, key.sign(asked(people))).status_code == 303


def test_adding_one_says_who_and_excludes_those_that_are_there(people: People) -> None:
    people.sign_up(EMAIL)
    add_passkey(people)
    options = options_of(people.http.get(NEW_PASSKEY).text)
    assert options["user"]["name"] == EMAIL
    assert EMAIL not in options["user"]["id"]
    assert len(options["excludeCredentials"]) == 1
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    page = text_of(people.http.get(SECURITY))
    assert "My phone" in page
    assert "On one device only" in page
    assert notices(people) == ["passkey_added"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "Enter a name for the passkey"), ("x" * 51, "50 characters at most")],
    ids=["none", "too long"],
)
def test_a_passkey_needs_a_name(people: People, name: str, said: str) -> None:
    people.sign_up(EMAIL)
    answer = Authenticator().register(options_of(people.http.get(NEW_PASSKEY).text))
    refused = post(people, NEW_PASSKEY, name=name, credential=answer)
    assert refused.status_code == 422
    assert said in text_of(refused)
    assert people.world.scalar("SELECT count(*) FROM passkey") == 0


def test_a_passkey_of_nobody_verified_or_of_another_page_is_not_added(people: People) -> None:
    people.sign_up(EMAIL)
    unverified = Authenticator(is_verified=False)
    foreign = Authenticator(origin="https://evil.example")
    for key in (unverified, foreign):
        answer = key.register(options_of(people.http.get(NEW_PASSKEY).text))
        assert post(people, NEW_PASSKEY, name="x", credential=answer).status_code == 422
    sign_in = options_of(people.another_browser().get(SIGN_IN).text)
    borrowed = Authenticator().register({**sign_in, "user": {"id": "AA"}})
    assert post(people, NEW_PASSKEY, name="x", credential=borrowed).status_code == 422
    assert people.world.scalar("SELECT count(*) FROM passkey") == 0


def test_a_passkey_is_one_accounts_only(people: People) -> None:
    people.sign_up(EMAIL)
    key = add_passkey(people)
    people.world.http = people.another_browser()
    people.sign_up("bob@person.example")
    answer = key.register(options_of(people.http.get(NEW_PASSKEY).text))
    refused = post(people, NEW_PASSKEY, name="x", credential=answer)
    assert "added before" in text_of(refused)
    assert people.world.scalar("SELECT count(*) FROM passkey") == 1


def remove_url(people: People) -> str:
    found = re.search(
        rf'href="({SECURITY}/passkeys/[0-9a-f-]+/remove)"', people.http.get(SECURITY).text
    )
    assert found is not None
    return found[1]


def test_a_passkey_is_removed_after_a_question(people: People) -> None:
    people.sign_up(EMAIL)
    key = add_passkey(people)
    place = remove_url(people)
    assert "Remove this passkey?" in text_of(people.http.get(place))
    assert people.world.scalar("SELECT count(*) FROM passkey") == 1
    done = people.send(place)
    assert done.headers["location"] == f"{SECURITY}?done=passkey-removed"
    assert notices(people) == ["passkey_added", "passkey_removed"]
    assert people.http.get(place).status_code == 404
    people.world.http = people.another_browser()
    assert enter(people, key.sign(asked(people))).status_code == 422


def test_the_last_passkey_of_an_account_without_a_password_stays(people: People) -> None:
    people.sign_up(EMAIL)
    add_passkey(people)
    people.world.execute("UPDATE account SET password_hash = 'none'")
    refused = people.send(remove_url(people))
    assert "This is the only way to sign in" in text_of(refused)
    assert people.world.scalar("SELECT count(*) FROM passkey") == 1
    add_passkey(people, Authenticator(), "Another")
    assert people.send(remove_url(people)).status_code == 303
    assert people.world.scalar("SELECT count(*) FROM passkey") == 1


def test_nobody_removes_or_sees_anothers_passkey(people: People) -> None:
    people.sign_up(EMAIL)
    add_passkey(people)
    place = remove_url(people)
    people.world.http = people.another_browser()
    people.sign_up("bob@person.example")
    assert people.http.get(place).status_code == 404
    assert post(people, place).status_code == 404
    assert people.world.scalar("SELECT count(*) FROM passkey") == 1
    assert "My phone" not in people.http.get(SECURITY).text


def test_a_passkey_added_in_a_low_session_lifts_nobody(people: People) -> None:
    people.sign_up(EMAIL)
    people.world.execute("UPDATE sign_in_session SET level = 'low', factors = '{recovery}'")
    key = add_passkey(people)
    people.world.http = people.another_browser()
    assert enter(people, key.sign(asked(people))).status_code == 303
    assert level(people) == ("low", ["user", "pop"])


def test_simultaneous_removals_leave_one_way_to_sign_in(people: People) -> None:
    people.sign_up(EMAIL)
    for number in range(3):
        add_passkey(people, Authenticator(), f"Key {number}")
    people.world.execute("UPDATE account SET password_hash = 'none'")
    account_id = people.account_id()
    with people.world.database.transaction() as session:
        known = [one.id for one in list_passkeys(session, people.vault, account_id)]

    def remove(number: int) -> bool:
        try:
            with people.world.database.transaction() as session:
                return actions.remove_passkey(session, account_id, known[number % 3])
        except Conflict:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(remove, range(16))) == 2
    assert people.world.scalar("SELECT count(*) FROM passkey") == 1


def test_every_notice_has_its_words() -> None:
    told = ("passkey", "totp", "backup_codes")
    sent = {f"{name}_added" for name in told} | {"passkey_removed", "totp_removed"}
    sent |= {"passkey_copied", "backup_code_used", "codes_paused", "confirming_paused"}
    assert sent | {"new_device"} <= set(tasks._SENTENCES)
