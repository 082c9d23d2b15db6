"""Codes of an authenticator app and backup codes, through the pages and by themselves."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import text

from identity.factors import actions, rules
from identity.factors.checks import find_factor, try_factor
from identity.factors.interface import Check
from shared import clock
from shared.ids import new_id
from tests.identity.factors.person import (
    APP,
    BACKUP,
    EMAIL,
    SECURITY,
    add_app,
    level,
    make_codes,
    notices,
    password_step,
    post,
)
from tests.identity.people import People, text_of

# The secret and the first codes of RFC 6238, appendix B (SHA-1), cut to six digits.
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_CODES = [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")]
WRONG = "000000"


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES)
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert rules.match_step(RFC_SECRET, code, now) == seconds // 30
    assert rules.match_step(RFC_SECRET, f" {code[:3]} {code[3:]} ", now) == seconds // 30


@pytest.mark.parametrize(("seconds", "good"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(seconds: int, *, good: bool) -> None:
    now = datetime.fromtimestamp(1111111109, UTC) + timedelta(seconds=seconds)
    assert (rules.match_step(RFC_SECRET, "081804", now) is not None) == good


@pytest.mark.parametrize("typed", ["", "28708", "2870820", "２８７０８２", "28708a"])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert rules.match_step(RFC_SECRET, typed, datetime.fromtimestamp(59, UTC)) is None


def test_an_app_is_added_with_its_first_code_and_then_asked_for(people: People) -> None:
    people.sign_up(EMAIL)
    secret = add_app(people)
    assert "The authenticator app was added" in text_of(
        people.http.get(f"{SECURITY}?done=app-added")
    )
    people.world.http = people.another_browser()
    flow = people.begin_flow()
    place = password_step(people, people.http, flow)
    assert place.startswith("/identity/sign-in/way/totp?attempt=")
    assert "Enter the code from your authenticator app" in text_of(people.http.get(place))
    done = post(people, place, code=pyotp.TOTP(secret).now())
    assert done.headers["location"] == f"/identity/continue?flow={flow}"
    assert level(people) == ("medium", ["pwd", "otp"])
    assert notices(people) == ["totp_added", "new_device"]


def test_the_code_that_added_the_app_is_spent(people: People) -> None:
    people.sign_up(EMAIL)
    secret = add_app(people)
    people.world.execute("UPDATE totp SET last_step = last_step + 10")
    place = password_step(people, people.http)
    refused = post(people, place, code=pyotp.TOTP(secret).now())
    assert refused.status_code == 422
    assert "was used before" in text_of(refused)


def test_an_app_needs_a_right_code_and_a_young_page_of_its_owner(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_up(EMAIL)
    page = people.http.get(APP).text
    sealed = re.findall(r'name="enrolment" value="([^"]+)"', page)[0]
    shown = re.findall(r'id="secret">([A-Z2-7 ]+)<', page)[0]
    code = pyotp.TOTP(shown.replace(" ", "")).now()
    wrong = post(people, APP, enrolment=sealed, code="12345")
    assert wrong.status_code == 422
    assert shown in wrong.text, "a wrong code does not change the key"
    assert "open for too long" in text_of(post(people, APP, enrolment=sealed[:-8], code=code))
    with monkeypatch.context() as patched:
        patched.setattr(rules, "ENROLMENT_LIFE", timedelta(seconds=-1))
        old = people.http.get(APP).text
    sealed_old = re.findall(r'name="enrolment" value="([^"]+)"', old)[0]
    assert "open for too long" in text_of(post(people, APP, enrolment=sealed_old, code=code))
    people.world.http = people.another_browser()
    people.sign_up("bob@person.example")
    assert "open for too long" in text_of(post(people, APP, enrolment=sealed, code=code))
    assert people.world.scalar("SELECT count(*) FROM totp") == 0


def test_an_app_is_not_replaced_in_silence(people: People) -> None:
    people.sign_up(EMAIL)
    add_app(people)
    before = people.world.scalar("SELECT secret_sealed FROM totp")
    assert people.http.get(APP).headers["location"] == SECURITY
    assert people.send(f"{APP}/remove").headers["location"] == f"{SECURITY}?done=app-removed"
    add_app(people)
    assert people.world.scalar("SELECT secret_sealed FROM totp") != before
    assert notices(people) == ["totp_added", "totp_removed", "totp_added"]


def test_a_double_click_on_a_right_code_goes_on(people: People) -> None:
    people.sign_up(EMAIL)
    secret = add_app(people)
    place = password_step(people, people.http)
    code = pyotp.TOTP(secret).now()
    assert post(people, place, code=code).status_code == 303
    assert post(people, place, code=code).headers["location"] == "/identity/account"


def test_a_password_is_good_for_half_an_hour(people: People) -> None:
    people.sign_up(EMAIL)
    secret = add_app(people)
    people.world.http = people.another_browser()
    place = password_step(people, people.http)
    people.world.execute("UPDATE attempt SET created_at = created_at - interval '31 minutes'")
    assert people.http.get(place).status_code == 410
    assert post(people, place, code=pyotp.TOTP(secret).now()).status_code == 410
    assert people.world.scalar("SELECT count(*) FROM sign_in_session") == 1


def test_another_browser_cannot_answer_for_this_one(people: People) -> None:
    people.sign_up(EMAIL)
    secret = add_app(people)
    place = password_step(people, people.another_browser())
    people.world.http = people.another_browser()
    assert post(people, place, code=pyotp.TOTP(secret).now()).status_code == 410


def test_a_stranger_with_the_password_cannot_keep_the_owner_out(people: People) -> None:
    people.sign_up(EMAIL)
    secret, owner, stranger = add_app(people), people.http, people.another_browser()
    place = password_step(people, stranger)
    wrong = [post(people, place, stranger, code=WRONG) for _ in range(5)]
    assert {answer.status_code for answer in wrong} == {422}
    right = post(people, place, stranger, code=pyotp.TOTP(secret).now())
    assert "too many wrong tries" in text_of(right)
    assert notices(people)[-1] == "codes_paused"
    third = people.another_browser()
    again = post(people, password_step(people, third), third, code=pyotp.TOTP(secret).now())
    assert "too many wrong tries" in text_of(again), "all unknown browsers are counted together"
    mine = password_step(people, owner)
    assert post(people, mine, owner, code=pyotp.TOTP(secret).now()).status_code == 303
    people.world.execute("UPDATE rate_counter SET ends_at = ends_at - interval '31 minutes'")
    people.world.execute("UPDATE totp SET last_step = last_step - 10")
    assert post(people, place, stranger, code=pyotp.TOTP(secret).now()).status_code == 303


def test_ways_are_listed_after_the_password_only_and_the_choice_is_remembered(
    people: People,
) -> None:
    people.sign_up(EMAIL)
    add_app(people)
    codes = make_codes(people)
    people.world.http = people.another_browser()
    attempt = password_step(people, people.http).partition("?")[2]
    listed = f"/identity/sign-in/another-way?{attempt}"
    said = text_of(people.http.get(listed))
    order = [
        "A code from your authenticator app",
        "A code by email",
        "A backup code",
    ]
    assert sorted(order, key=said.index) == order
    assert "Choose a way to sign in" in text_of(post(people, listed, way="retina"))
    paper = post(people, listed, way="backup-code")
    assert paper.headers["location"] == f"/identity/sign-in/way/backup-code?{attempt}"
    email = post(people, listed, way="email")
    assert email.headers["location"] == f"/identity/sign-in/code?{attempt}"
    page = people.http.get(email.headers["location"])
    assert "Try another way" in text_of(page)
    assert post(people, email.headers["location"], code=people.newest_code()).status_code == 303
    assert level(people) == ("medium", ["pwd", "otp"])
    assert password_step(people, people.http).startswith("/identity/sign-in/code?")
    assert codes
    assert people.another_browser().get(listed).status_code == 410


def test_an_unsent_code_is_not_asked_for(people: People) -> None:
    people.sign_up(EMAIL)
    add_app(people)
    attempt = password_step(people, people.http).partition("?")[2]
    page = people.http.get(f"/identity/sign-in/code?{attempt}")
    assert page.headers["location"] == f"/identity/sign-in/another-way?{attempt}"
    assert people.world.scalar("SELECT count(*) FROM attempt WHERE code_hash IS NULL") == 1


def test_a_backup_code_works_once_and_new_ones_replace_the_rest(people: People) -> None:
    people.sign_up(EMAIL)
    codes = make_codes(people)
    assert not any(code in people.http.get(BACKUP).text for code in codes)
    people.world.http = people.another_browser()
    # Paper alone is no reason to ask for it first.
    attempt = password_step(people, people.http)
    assert attempt.startswith("/identity/sign-in/code?")
    place = f"/identity/sign-in/way/backup-code?{attempt.partition('?')[2]}"
    assert "not right" in text_of(post(people, place, code="aaaaa-aaaaa"))
    typed = codes[3].upper().replace("-", " ")
    assert post(people, place, code=typed).status_code == 303
    assert level(people) == ("medium", ["pwd", "otp"])
    assert "backup_code_used" in notices(people)
    assert "9 backup codes left" in text_of(people.http.get(BACKUP))
    again = password_step(people, people.http)
    assert again.startswith("/identity/sign-in/code?"), "what is for emergencies is not remembered"
    place = f"/identity/sign-in/way/backup-code?{again.partition('?')[2]}"
    assert post(people, place, code=codes[3]).status_code == 422
    make_codes(people)
    assert post(people, place, code=codes[4]).status_code == 422
    assert people.world.scalar("SELECT count(*) FROM backup_code") == 10


def check_of(people: People) -> dict[str, object]:
    return {
        "vault": people.vault,
        "account_id": people.account_id(),
        "check_id": new_id(),
        "browser_hash": b"b" * 32,
        "origin": "",
        "language": "en",
        "now": clock.now(),
    }


@pytest.mark.parametrize("name", ["totp", "backup-code"])
def test_sixteen_simultaneous_uses_of_a_code_have_one_winner(people: People, name: str) -> None:
    people.sign_up(EMAIL)
    secret, codes = add_app(people), make_codes(people)
    known = check_of(people)
    for round_number in range(5):
        code = pyotp.TOTP(secret).now() if name == "totp" else codes[round_number]

        def use(_: int, code: str = code) -> bool:
            with people.world.database.transaction() as session:
                factor = find_factor(name)
                assert factor is not None
                check = Check(session=session, **known)  # type: ignore[arg-type]  # members by name
                return factor.check(check, code) is not None

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(use, range(16))) == 1
        people.world.execute("UPDATE totp SET last_step = last_step - 10")


def test_sixteen_simultaneous_guesses_are_all_counted(people: People) -> None:
    people.sign_up(EMAIL)
    add_app(people)
    known = check_of(people)

    def guess(_: int) -> bool:
        with people.world.database.transaction() as session:
            factor = find_factor("totp")
            assert factor is not None
            return try_factor(Check(session=session, **known), factor, WRONG).is_paused  # type: ignore[arg-type]  # members by name

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(guess, range(16))) == 11
    assert notices(people).count("codes_paused") == 1


def test_sixteen_simultaneous_answers_to_a_challenge_have_one_winner(people: People) -> None:
    ends_at = clock.now() + timedelta(minutes=1)
    for challenge in (b"one", b"two", b"three"):

        def spend(_: int, challenge: bytes = challenge) -> bool:
            with people.world.database.transaction() as session:
                return actions.spend_challenge(session, challenge, ends_at)

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(spend, range(16))) == 1


def test_no_secret_stands_in_the_database_in_clear(people: People) -> None:
    people.sign_up(EMAIL)
    secret, codes = add_app(people), make_codes(people)
    with people.world.database.transaction() as session:
        names = session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'identity'")
        ).scalars()
        stored = "\n".join(
            str(row)
            for name in names
            for row in session.execute(text(f"SELECT t::text FROM identity.{name} t")).scalars()
        )
    assert "totp" in stored
    for hidden in (
        secret,
        secret.encode().hex(),
        *codes,
        *(code.replace("-", "") for code in codes),
    ):
        assert hidden not in stored
        assert hidden.encode().hex() not in stored
