from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from identity.accounts.actions import create_account
from identity.accounts.vault import Vault
from identity.factors import browsers
from identity.signin import actions
from identity.signin.actions import SignedIn, Visitor
from identity.signin.queries import get_session, list_sessions
from identity.signin.rules import device_name
from shared import clock
from shared.crypto import Sealer
from tests.identity.people import PASSWORD, People, text_of

NOW = clock.now()
VISITOR = Visitor(b"b" * 32, "127.0.0.1", "Firefox on Linux", "en")


@pytest.fixture
def opened(identity_session: Session, sealer: Sealer) -> SignedIn:
    account_id = create_account(
        identity_session,
        Vault(sealer, b"k" * 32),
        email="ann@person.example",
        password_hash="h",
        language="en",
        now=NOW,
    )
    assert account_id is not None
    return actions.open_session(identity_session, VISITOR, account_id=account_id, now=NOW)


def test_a_session_says_how_its_person_signed_in(
    identity_session: Session, opened: SignedIn
) -> None:
    found = get_session(identity_session, opened.cookie, NOW)
    assert found is not None
    assert (found.account_id, found.methods, found.level) == (
        opened.account_id,
        ("pwd", "otp"),
        "medium",
    )
    assert get_session(identity_session, opened.cookie + "x", NOW) is None
    assert get_session(identity_session, "", NOW) is None


def test_an_hour_without_use_ends_it(identity_session: Session, opened: SignedIn) -> None:
    assert get_session(identity_session, opened.cookie, NOW + timedelta(minutes=59)) is not None
    assert get_session(identity_session, opened.cookie, NOW + timedelta(minutes=60)) is None


def test_use_keeps_it_awake_but_not_beyond_four_hours(
    identity_session: Session, opened: SignedIn
) -> None:
    at = NOW
    for _ in range(5):
        at += timedelta(minutes=45)
        found = get_session(identity_session, opened.cookie, at)
        assert found is not None
        actions.extend_session(identity_session, found, at)
    assert get_session(identity_session, opened.cookie, NOW + timedelta(minutes=239)) is not None
    assert get_session(identity_session, opened.cookie, NOW + timedelta(hours=4)) is None


def test_signing_in_again_keeps_the_session_under_a_new_cookie(
    identity_session: Session, opened: SignedIn
) -> None:
    later = NOW + timedelta(minutes=10)
    visitor = Visitor(b"b" * 32, "127.0.0.1", "", "en", cookie=opened.cookie)
    again = actions.open_session(identity_session, visitor, account_id=opened.account_id, now=later)
    assert again.session_id == opened.session_id
    assert get_session(identity_session, opened.cookie, later) is None
    found = get_session(identity_session, again.cookie, later)
    assert found is not None
    assert found.authenticated_at == later


def test_another_person_in_the_same_browser_ends_the_first_ones_session(
    identity_session: Session, opened: SignedIn, sealer: Sealer
) -> None:
    other = create_account(
        identity_session,
        Vault(sealer, b"k" * 32),
        email="bob@person.example",
        password_hash="h",
        language="en",
        now=NOW,
    )
    assert other is not None
    visitor = Visitor(b"b" * 32, "127.0.0.1", "", "en", cookie=opened.cookie)
    actions.open_session(identity_session, visitor, account_id=other, now=NOW)
    assert list_sessions(identity_session, opened.account_id, NOW) == []


def test_a_session_is_ended_once_and_by_its_owner_only(
    identity_session: Session, opened: SignedIn
) -> None:
    stranger = opened.session_id
    assert not actions.end_session(identity_session, stranger, opened.session_id, NOW)
    assert get_session(identity_session, opened.cookie, NOW) is not None
    assert actions.end_session(identity_session, opened.account_id, opened.session_id, NOW)
    assert not actions.end_session(identity_session, opened.account_id, opened.session_id, NOW)
    assert get_session(identity_session, opened.cookie, NOW) is None


def test_a_person_sees_and_ends_a_session_elsewhere(people: People) -> None:
    people.sign_up()
    elsewhere = people.another_browser()
    elsewhere.headers["User-Agent"] = "Mozilla/5.0 (Android 15) Firefox/140"
    first = people.send(
        "/identity/sign-in", http=elsewhere, email="ann@person.example", password=PASSWORD
    )
    people.send(first.headers["location"], http=elsewhere, code=people.newest_code())
    assert elsewhere.get("/identity/account").status_code == 200
    page = people.http.get("/identity/account/sessions")
    assert "Firefox on Android device" in text_of(page)
    other = str(people.world.scalar("SELECT id FROM sign_in_session WHERE device LIKE 'Firefox%'"))
    ended = people.send("/identity/account/sessions", session=other)
    assert ended.headers["location"] == "/identity/account/sessions?ended=yes"
    assert elsewhere.get("/identity/account").status_code == 303
    assert people.http.get("/identity/account").status_code == 200


def sign_in_elsewhere(
    people: People, agent: str = "Mozilla/5.0 (Windows NT 10.0) Firefox/140"
) -> Any:
    elsewhere = people.another_browser()
    elsewhere.headers["User-Agent"] = agent
    first = people.send(
        "/identity/sign-in", http=elsewhere, email="ann@person.example", password=PASSWORD
    )
    people.send(first.headers["location"], http=elsewhere, code=people.newest_code())
    return elsewhere


def test_a_person_ends_all_sessions_but_this_one(people: People) -> None:
    people.sign_up()
    others = [sign_in_elsewhere(people) for _ in range(2)]
    page = text_of(people.http.get("/identity/account/sessions"))
    assert page.count("Password, A code by email") == 3
    assert page.count("Level Medium") == 3
    done = people.send("/identity/account/sessions/others")
    assert done.headers["location"] == "/identity/account/sessions?ended=others"
    assert "All other devices are signed out" in text_of(people.http.get(done.headers["location"]))
    assert people.http.get("/identity/account").status_code == 200
    assert {other.get("/identity/account").status_code for other in others} == {303}


def test_the_owner_is_told_of_a_device_that_is_new(people: People) -> None:
    people.sign_up()
    told = (
        "SELECT array_agg(payload ->> 'device') FROM outbox"
        " WHERE topic = 'identity.accounts.tell_owner' AND payload ->> 'what' = 'new_device'"
    )
    assert people.world.scalar(told) is None, "the first browser surprises nobody"
    elsewhere = sign_in_elsewhere(people)
    assert people.world.scalar(told) == ["Firefox on Windows"]
    people.send("/identity/sign-out", http=elsewhere)
    first = people.send(
        "/identity/sign-in", http=elsewhere, email="ann@person.example", password=PASSWORD
    )
    people.send(first.headers["location"], http=elsewhere, code=people.newest_code())
    assert people.world.scalar(told) == ["Firefox on Windows"], "now it is known"


def test_an_account_keeps_its_newest_twenty_browsers(people: People) -> None:
    people.sign_up()
    account_id = people.account_id()
    with people.world.database.transaction() as session:
        for number in range(30):
            later = NOW + timedelta(minutes=number)
            browsers.remember(session, account_id, bytes([number]) * 32, "totp", later)
    assert people.world.scalar("SELECT count(*) FROM known_browser") == 20
    with people.world.database.transaction() as session:
        assert browsers.is_known(session, account_id, bytes([29]) * 32, NOW)
        assert not browsers.is_known(session, account_id, bytes([1]) * 32, NOW)
        assert not browsers.is_known(
            session, account_id, bytes([29]) * 32, NOW + timedelta(days=401)
        )


def test_signing_out_needs_a_press_and_ends_the_session(people: People) -> None:
    people.sign_up()
    assert "Do you want to sign out?" in text_of(people.http.get("/identity/sign-out"))
    assert people.http.get("/identity/account").status_code == 200
    people.send("/identity/sign-out")
    assert people.http.get("/identity/account").headers["location"] == "/identity/sign-in"
    assert people.world.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL") == 0


def test_a_malformed_session_id_is_a_refusal(people: People) -> None:
    people.sign_up()
    assert people.send("/identity/account/sessions", session="nonsense").status_code == 404


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19) Version/19 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140 Safari/537.36 Edg/140", "Edge on Windows"),
        ("curl/8", ""),
    ],
)
def test_a_device_has_a_name_that_people_know(agent: str, name: str) -> None:
    assert device_name(agent) == name
