from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from identity.accounts.queries import get_profile
from identity.recovery.actions import change_email
from shared import clock
from tests.identity.people import PASSWORD, People, text_of
from tests.identity.post import Post

OLD, NEW = "ann@person.example", "ann.new@person.example"
EMAIL = "/identity/account/email"


def profile_of(people: People, account_id: UUID | None = None) -> Any:
    with people.world.database.transaction() as session:
        return get_profile(session, account_id or people.account_id(), people.world.sealer)


def age(people: People, minutes: int) -> None:
    people.world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - make_interval(mins => :m)", m=minutes
    )


def test_a_new_address_is_confirmed_and_the_old_one_told(people: People, mail: Post) -> None:
    people.sign_up()
    first = people.send(EMAIL, email=f" {NEW.upper()} ")
    mail.work()
    (order,) = mail.to(NEW)
    assert order["template"] == "identity.one_time_code"
    assert profile_of(people).email == OLD
    done = people.send(first.headers["location"], code=order["personalisation"]["code"])
    assert done.headers["location"] == "/identity/account?changed=email"
    assert "Your email address is changed" in text_of(people.http.get(done.headers["location"]))
    assert profile_of(people).email == NEW
    mail.work()
    for address in (OLD, NEW):
        assert "The email address of your account was changed." in mail.notices(address)
    (notice,) = [order for order in mail.to(OLD) if order["template"].endswith("account_notice")]
    assert notice["personalisation"]["link"].endswith("/identity/not-me")


@pytest.mark.parametrize("email", ["", "nobody", "a@b"])
def test_what_is_no_address_is_refused(people: People, email: str) -> None:
    people.sign_up()
    answer = people.send(EMAIL, email=email)
    assert answer.status_code == 422
    assert 'href="#email"' in answer.text
    assert people.world.scalar("SELECT count(*) FROM contact_check") == 0


def test_an_address_of_another_account_stays_theirs(people: People, mail: Post) -> None:
    people.sign_up("bob@person.example")
    people.world.http = people.another_browser()
    people.sign_up(OLD)
    ann = people.account_id()
    first = people.send(EMAIL, email="bob@person.example")
    assert first.status_code == 303, "whether it is taken is said to the address's owner only"
    refused = people.send(first.headers["location"], code=people.newest_check_code())
    assert "belongs to another account" in text_of(refused)
    assert profile_of(people, ann).email == OLD
    mail.work()
    assert mail.notices("bob@person.example") == []


def test_of_two_accounts_that_take_one_address_at_once_one_gets_it(people: People) -> None:
    accounts = []
    for number in range(8):
        people.world.http = people.another_browser()
        people.sign_up(f"p{number}@person.example")
        accounts.append(people.account_id())

    def take(account_id: UUID) -> bool:
        with people.world.database.transaction() as session:
            done = change_email(session, people.vault, account_id, NEW, clock.now())
        return done is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, accounts)) == 1
    assert people.world.scalar("SELECT count(*) FROM account_change") == 1


def test_an_old_sign_in_confirms_before_the_address_changes(people: People) -> None:
    people.sign_up()
    age(people, 16)
    for answer in (people.http.get(EMAIL), people.send(EMAIL, email=NEW)):
        assert answer.headers["location"] == "/identity/confirm?next=%2Fidentity%2Faccount%2Femail"


def test_a_password_is_changed_and_other_devices_are_signed_out(people: People, mail: Post) -> None:
    people.sign_up()
    mine, other = people.http, people.another_browser()
    first = people.send("/identity/sign-in", http=other, email=OLD, password=PASSWORD)
    people.send(first.headers["location"], http=other, code=people.newest_code())
    done = people.send("/identity/account/password", password="another good kettle")
    assert done.headers["location"] == "/identity/account?changed=password"
    assert other.get("/identity/account").status_code == 303
    assert mine.get("/identity/account").status_code == 200
    mail.work()
    assert "The password of your account was changed." in mail.notices(OLD)
    answer = people.send("/identity/sign-in", email=OLD, password="another good kettle")
    assert answer.status_code == 303


def test_an_old_sign_in_needs_the_present_password(people: People) -> None:
    people.sign_up()
    age(people, 16)
    place = "/identity/account/password"
    assert 'name="present"' in people.http.get(place).text
    before = people.world.scalar("SELECT password_hash FROM account")
    for present in ("", "wrong password"):
        answer = people.send(place, present=present, password="another good kettle")
        assert answer.status_code == 422
        assert 'href="#present"' in answer.text
    assert people.world.scalar("SELECT password_hash FROM account") == before
    answer = people.send(place, present=PASSWORD, password="another good kettle")
    assert answer.status_code == 303


def test_a_weak_new_password_is_refused(people: People) -> None:
    people.sign_up()
    answer = people.send("/identity/account/password", password="password1234")
    assert answer.status_code == 422
    assert 'href="#password"' in answer.text


def test_name_and_language(people: People, mail: Post) -> None:
    people.sign_up()
    people.send("/identity/account/name", name="  Ann   Person ")
    assert profile_of(people).display_name == "Ann Person"
    assert people.send("/identity/account/name", name="x" * 101).status_code == 422
    people.send("/identity/account/name", name="")
    assert profile_of(people).display_name == ""
    assert people.send("/identity/account/language", language="fr").status_code == 422
    people.send("/identity/account/language", language="gd")
    assert profile_of(people).language == "gd"
    people.send("/identity/account/password", password="another good kettle")
    mail.work()
    assert "Chaidh facal-faire a’ chunntais agad atharrachadh." in mail.notices(OLD)


def test_every_change_is_on_the_record(people: People) -> None:
    people.sign_up()
    people.send("/identity/account/name", name="Ann")
    people.send("/identity/account/language", language="gd")
    people.send("/identity/account/password", password="another good kettle")
    actions = people.world.scalar("SELECT array_agg(action) FROM audit_event")
    wanted = {"name.changed", "language.changed", "password.changed"}
    assert wanted <= set(actions)  # type: ignore[call-overload]  # another shape would fail the test
