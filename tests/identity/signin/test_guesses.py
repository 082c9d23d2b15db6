"""Limits of passwords that an attacker cannot use against an owner."""

import statistics
import time
from typing import Any

import pytest

from identity.accounts.settings import PeopleSettings
from shared import clock
from tests.identity.people import PASSWORD, People, text_of

EMAIL = "ann@person.example"


def guess(people: People, http: Any, password: str = "not the password", email: str = EMAIL) -> Any:
    return people.send("/identity/sign-in", http=http, email=email, password=password)


def test_a_stranger_cannot_lock_the_owner_out(people: People) -> None:
    people.sign_up()
    owner, stranger = people.http, people.another_browser()
    for _ in range(8):
        assert guess(people, stranger).status_code == 422
    assert guess(people, stranger, PASSWORD).status_code == 422, "the stranger is paused"
    another = people.another_browser()
    assert guess(people, another, PASSWORD).status_code == 422, "and so is every unknown browser"
    assert guess(people, owner, PASSWORD).status_code == 303, "but not the owner's own"


def test_a_known_browser_has_a_limit_of_its_own(people: People) -> None:
    people.sign_up()
    for _ in range(5):
        guess(people, people.http)
    assert guess(people, people.http, PASSWORD).status_code == 422
    assert guess(people, people.another_browser(), PASSWORD).status_code == 303


def test_the_pause_ends_after_half_an_hour_and_does_not_grow(people: People) -> None:
    people.sign_up()
    stranger = people.another_browser()
    for _ in range(9):
        guess(people, stranger)
    longest = "SELECT min(ends_at) < now() + interval '31 minutes' FROM rate_counter WHERE used = 9"
    assert people.world.scalar(longest) is True
    people.world.execute("UPDATE rate_counter SET ends_at = ends_at - interval '31 minutes'")
    assert guess(people, stranger, PASSWORD).status_code == 303


def test_recovery_lifts_the_pause(people: People) -> None:
    people.sign_up()
    stranger = people.another_browser()
    for _ in range(5):
        guess(people, stranger)
    first = people.send("/identity/new-password", http=stranger, email=EMAIL)
    place, code = first.headers["location"], people.newest_code()
    people.send(place, http=stranger, code=code, password="another good kettle")
    assert guess(people, stranger, "another good kettle").status_code == 303


def test_an_unknown_address_is_paused_alike(people: People) -> None:
    people.sign_up()
    stranger = people.another_browser()
    answers = []
    for email in (EMAIL, "nobody@person.example"):
        said = [text_of(guess(people, stranger, email=email)) for _ in range(7)]
        answers.append(said)
    assert answers[0] == answers[1]
    keys = "SELECT count(*) FROM rate_counter WHERE used = 7"
    assert int(str(people.world.scalar(keys))) >= 2


def test_wrong_passwords_from_everywhere_slow_networks_down_not_people(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_up()
    few = PeopleSettings(environment="test", wrong_passwords_an_hour=16)
    monkeypatch.setattr("identity.signin.guesses.get_people_settings", lambda: few)
    for number in range(40):
        guess(people, people.another_browser(), email=f"n{number}@person.example")
    people.world.execute("UPDATE rate_counter SET used = 1 WHERE used > 30")
    status = [guess(people, people.http, "wrong").status_code for _ in range(14)]
    assert 429 in status, "the network has a tenth of its forms"
    now = clock.now()
    people.world.execute("DELETE FROM rate_counter WHERE ends_at > :now", now=now)
    assert guess(people, people.http, PASSWORD).status_code == 303


def test_answers_take_as_long_with_an_account_as_without(people: People) -> None:
    people.sign_up()
    people.world.execute("UPDATE account SET password_changed_at = now()")
    stranger = people.another_browser()
    people.world.execute("DELETE FROM rate_counter")

    def seconds(email: str) -> float:
        begun = time.perf_counter()
        assert guess(people, stranger, email=email).status_code == 422
        return time.perf_counter() - begun

    pairs = [(seconds(EMAIL), seconds(f"n{number}@person.example")) for number in range(25)]
    # Alternating, and the medians: a busy machine slows both sides alike.
    known, unknown = (statistics.median(side) for side in zip(*pairs, strict=True))
    assert 0.75 < known / unknown < 1.33
