from typing import Any

import pytest
from sqlalchemy import text

from identity.accounts.queries import get_profile
from identity.phones.queries import get_phone
from identity.recovery.actions import apply_change
from shared import clock
from tests.identity.people import PASSWORD, People, text_of
from tests.identity.post import Post

OLD, NEW, MOBILE = "ann@person.example", "ann.new@person.example", "+447700900123"
BETTER = "another good kettle"


def email_of(people: People) -> str:
    with people.world.database.transaction() as session:
        profile = get_profile(session, people.account_id(), people.world.sealer)
    assert profile is not None
    return profile.email


def phone_of(people: People) -> str:
    with people.world.database.transaction() as session:
        phone = get_phone(session, people.account_id(), people.world.sealer)
    return phone.number if phone else ""


def stranger(people: People) -> None:
    people.world.http = people.another_browser()


def lose_email(people: People, password: str = PASSWORD) -> Any:
    """Say from another browser that the address is lost, up to the waiting page."""
    stranger(people)
    first = people.send("/identity/lost-email", email=OLD, password=password, new_email=NEW)
    if first.status_code != 303:
        return first
    second = people.send(first.headers["location"], code=people.newest_check_code())
    return people.http.get(second.headers["location"])


def change_email(people: People, email: str = NEW) -> Any:
    first = people.send("/identity/account/email", email=email)
    assert first.status_code == 303, text_of(first)
    return people.send(first.headers["location"], code=people.newest_check_code())


def say_not_me(people: People, email: str, password: str) -> Any:
    first = people.send("/identity/not-me", email=email, password=password)
    if first.status_code != 303:
        return first
    return people.send(first.headers["location"], code=people.newest_check_code())


def test_a_lost_address_is_replaced_after_seven_days_of_notices(people: People, mail: Post) -> None:
    people.sign_up()
    page = lose_email(people)
    assert "Your new address has to wait" in text_of(page)
    assert "You can do it now" not in text_of(page)
    assert email_of(people) == OLD
    mail.work()
    assert any("lost your email address" in what for what in mail.notices(OLD))
    due = "SELECT happens_at - created_at = interval '7 days' FROM account_change"
    assert people.world.scalar(due) is True
    people.world.execute("UPDATE outbox SET due_at = now() WHERE topic LIKE '%.remind'")
    mail.work()
    mail.work()
    mail.work(due=True)
    mail.work()
    assert email_of(people) == NEW
    assert any("happens tomorrow" in what for what in mail.notices(OLD))
    assert "The email address of your account was changed." in mail.notices(OLD)
    live = "SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL"
    assert people.world.scalar(live) == 0
    people.sign_in(NEW)
    level = "SELECT level FROM sign_in_session WHERE ended_at IS NULL"
    assert people.world.scalar(level) == "low", "sessions after a recovery are capped"


def test_the_owner_stops_a_waiting_address(people: People, mail: Post) -> None:
    people.sign_up()
    owner = people.http
    lose_email(people)
    people.world.http = owner
    page = people.http.get("/identity/account/changes")
    assert "Change of the email address" in text_of(page)
    change = str(people.world.scalar("SELECT id FROM account_change"))
    assert people.send("/identity/account/changes", change=change).status_code == 303
    assert people.send("/identity/account/changes", change=change).status_code == 404
    mail.work(due=True)
    assert email_of(people) == OLD
    assert not any("happens tomorrow" in what for what in mail.notices(OLD))


def test_a_stranger_cannot_stop_a_change(people: People) -> None:
    people.sign_up()
    lose_email(people)
    stranger(people)
    people.sign_up("bob@person.example")
    change = str(people.world.scalar("SELECT id FROM account_change"))
    assert people.send("/identity/account/changes", change=change).status_code == 404
    assert people.world.scalar("SELECT state FROM account_change") == "waiting"


def test_identity_and_telephone_replace_a_lost_address_at_once(people: People, mail: Post) -> None:
    people.sign_up()
    people.add_phone()
    people.verify_identity()
    page = lose_email(people)
    assert "You can do it now" in text_of(page)
    place = page.url.path + "?" + page.url.query.decode()
    details: dict[str, Any] = {
        "given_name": "Ann Marie",
        "family_name": "OPerson",
        "birth_date__day": "31",
    }
    details |= {"birth_date__month": "3", "birth_date__year": "1980"}
    wrong = people.send(place, **details | {"family_name": "Else"})
    assert wrong.status_code == 422
    second = people.send(place, **details)
    mail.work()
    text_ = mail.to(MOBILE)[-1]
    done = people.send(second.headers["location"], code=text_["personalisation"]["code"])
    assert "Your email address is changed" in text_of(done)
    assert email_of(people) == NEW
    mail.work()
    assert "The email address of your account was changed." in mail.notices(OLD)
    assert "The email address of your account was changed." in mail.notices(MOBILE)


def test_an_identity_may_be_guessed_three_times_a_day(people: People) -> None:
    people.sign_up()
    people.add_phone()
    people.verify_identity()
    page = lose_email(people)
    place = page.url.path + "?" + page.url.query.decode()
    details: dict[str, Any] = {"given_name": "X", "family_name": "Y", "birth_date__day": "1"}
    details |= {"birth_date__month": "1", "birth_date__year": "1980"}
    answers = [people.send(place, **details).status_code for _ in range(4)]
    assert answers == [422, 422, 422, 429]
    assert email_of(people) == OLD


@pytest.mark.parametrize(
    ("email", "password"), [(OLD, "wrong password"), ("nobody@person.example", PASSWORD)]
)
def test_recovery_does_not_say_whether_an_account_exists(
    people: People, email: str, password: str
) -> None:
    people.sign_up()
    stranger(people)
    ways: tuple[tuple[str, dict[str, Any]], ...]
    ways = (("lost-email", {"new_email": NEW}), ("not-me", {}))
    for path, extra in ways:
        answer = people.send(f"/identity/{path}", email=email, password=password, **extra)
        assert answer.status_code == 422
        assert "The email address or the password is not right" in text_of(answer)
    assert people.world.scalar("SELECT count(*) FROM contact_check") == 0
    assert people.world.scalar("SELECT count(*) FROM account_change") == 0


def test_a_new_password_by_email_tells_every_channel_and_caps_sessions(
    people: People, mail: Post
) -> None:
    people.sign_up()
    people.add_phone()
    stranger(people)
    first = people.send("/identity/new-password", email=OLD)
    again = people.send(first.headers["location"].replace("/code?", "/code/again?"))
    assert "sent=again" in again.headers["location"]
    done = people.send(first.headers["location"], code=people.newest_code(), password=BETTER)
    assert done.headers["location"] == "/identity/sign-in?changed=yes"
    mail.work()
    assert "The password of your account was changed." in mail.notices(MOBILE)
    assert "The password of your account was changed." in mail.notices(OLD)
    people.world.execute("DELETE FROM phone")
    first = people.send("/identity/sign-in", email=OLD, password=BETTER)
    people.send(first.headers["location"], code=people.newest_code())
    level = "SELECT level FROM sign_in_session WHERE ended_at IS NULL"
    assert people.world.scalar(level) == "low"
    people.world.execute("UPDATE account SET recovered_until = now() - interval '1 minute'")
    first = people.send("/identity/sign-in", email=OLD, password=BETTER)
    people.send(first.headers["location"], code=people.newest_code())
    assert people.world.scalar(level) == "medium"


def test_it_was_not_me_undoes_a_thief_who_changed_everything(people: People, mail: Post) -> None:
    people.sign_up()
    people.add_phone()
    # A thief in the owner's session changes password and address.
    assert people.send("/identity/account/password", password=BETTER).status_code == 303
    assert change_email(people).headers["location"] == "/identity/account?changed=email"
    mail.work()
    notice = [order for order in mail.to(OLD) if "link" in order["personalisation"]][-1]
    link = notice["personalisation"]["link"]
    assert link.endswith("/identity/not-me")
    assert "?" not in link, "a link carries no rights"
    # The owner knows the address and the password of before.
    stranger(people)
    page = say_not_me(people, OLD, PASSWORD)
    assert page.status_code == 303
    shown = text_of(people.http.get(page.headers["location"]))
    assert "Change of the email address" in shown
    assert "Change of the password" in shown
    assert NEW not in shown
    done = people.send(page.headers["location"])
    assert "Your account is safe" in text_of(done)
    assert email_of(people) == OLD
    assert people.world.scalar("SELECT count(*) FROM sign_in_session WHERE ended_at IS NULL") == 0
    for email, password in ((NEW, BETTER), (OLD, BETTER), (OLD, PASSWORD)):
        stranger(people)
        answer = people.send("/identity/sign-in", email=email, password=password)
        assert answer.status_code == 422, "the password is void until a new one is set"
    first = people.send("/identity/new-password", email=OLD)
    people.send(first.headers["location"], code=people.newest_code(), password="third good kettle")
    first = people.send("/identity/sign-in", email=OLD, password="third good kettle")
    assert first.status_code == 303
    states = people.world.scalar("SELECT array_agg(DISTINCT state) FROM account_change")
    assert "undone" in list(states)  # type: ignore[call-overload]  # another shape would fail the test


def test_a_frozen_account_cannot_be_changed_for_three_days(people: People) -> None:
    people.sign_up()
    people.world.execute("UPDATE account SET frozen_until = now() + interval '71 hours'")
    answer = people.send("/identity/account/email", email=NEW)
    assert answer.status_code == 409
    assert "cannot be changed at the moment" in text_of(answer)
    closing = people.send("/identity/account/close", confirm="yes")
    assert closing.status_code == 409
    assert people.world.scalar("SELECT closing_at FROM account") is None
    people.world.execute("UPDATE account SET frozen_until = now() - interval '1 minute'")
    assert people.send("/identity/account/email", email=NEW).status_code == 303


def test_a_former_address_speaks_for_an_account_for_seven_days_only(people: People) -> None:
    people.sign_up()
    change_email(people)
    people.world.execute("UPDATE account_change SET undo_until = now() - interval '1 minute'")
    stranger(people)
    assert say_not_me(people, OLD, PASSWORD).status_code == 422
    assert email_of(people) == NEW


def test_not_me_shares_the_limit_of_signing_in(people: People) -> None:
    people.sign_up()
    stranger(people)
    for _ in range(5):
        people.send("/identity/not-me", email=OLD, password="wrong password")
    assert say_not_me(people, OLD, PASSWORD).status_code == 422
    assert people.send("/identity/sign-in", email=OLD, password=PASSWORD).status_code == 422


def test_the_proof_of_not_me_is_needed(people: People) -> None:
    people.sign_up()
    change_email(people)
    page = say_not_me(people, OLD, PASSWORD)
    stranger(people)
    assert people.http.get(page.headers["location"]).status_code == 410
    assert people.send(page.headers["location"]).status_code == 410
    assert email_of(people) == NEW


def test_freezing_stops_what_waits_and_restores_a_removed_telephone(
    people: People, mail: Post
) -> None:
    people.sign_up()
    people.add_phone()
    first = people.send("/identity/account/phone/old?then=remove")
    people.send(first.headers["location"], code=people.newest_check_code())
    assert phone_of(people) == ""
    # The telephone was added within these days as well, so the state before both comes back.
    people.world.execute("DELETE FROM account_change WHERE kind = 'phone'")
    lose_email(people)
    page = say_not_me(people, OLD, PASSWORD)
    people.send(page.headers["location"])
    assert phone_of(people) == MOBILE
    mail.work(due=True)
    assert email_of(people) == OLD
    assert any("not theirs" in what for what in mail.notices(MOBILE))


def test_a_change_happens_once_however_often_it_is_applied(people: People) -> None:
    people.sign_up()
    lose_email(people)
    change = people.world.scalar("SELECT id FROM account_change")
    people.world.execute("UPDATE account_change SET happens_at = now()")
    done = [
        apply_change(people.world.database, people.vault, change, clock.now())  # type: ignore[arg-type]  # a double, or a value that the test chose
        for _ in range(2)
    ]
    assert [made is not None for made in done] == [True, False]


def test_a_second_wish_replaces_the_first(people: People) -> None:
    people.sign_up()
    lose_email(people)
    lose_email(people)
    states = people.world.scalar("SELECT array_agg(state ORDER BY created_at) FROM account_change")
    assert states == ["stopped", "waiting"]


def test_addresses_and_hashes_are_nowhere_at_rest(people: People, mail: Post) -> None:
    people.sign_up()
    hashed = str(people.world.scalar("SELECT password_hash FROM account"))
    people.send("/identity/account/password", password=BETTER)
    change_email(people)
    lose_email(people, BETTER)
    mail.work()
    with people.world.database.transaction() as session:
        tables = session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'identity'")
        ).scalars()
        kept = "".join(str(session.execute(text(f"SELECT * FROM {name}")).all()) for name in tables)
    assert "email.changed" in kept
    for secret in (OLD, NEW, BETTER):
        assert secret not in kept
    assert hashed not in str(people.world.scalar("SELECT array_agg(c::text) FROM account_change c"))


def test_the_page_of_ways_leads_to_all_of_them(people: People) -> None:
    page = people.http.get("/identity/cannot-sign-in")
    for path in ("new-password", "lost-email", "not-me"):
        assert f'href="/identity/{path}"' in page.text
        assert people.http.get(f"/identity/{path}").status_code == 200
