from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from identity.accounts.settings import PeopleSettings
from identity.codes.actions import start_check, use_check
from identity.codes.rules import Target
from identity.factors.actions import replace_backup_codes
from identity.phones.queries import get_phone
from identity.signin.queries import list_sessions
from shared import clock
from shared.errors import Problem
from tests.identity.people import PASSWORD, People, text_of
from tests.identity.post import Post

MOBILE, OTHER, LANDLINE = "+447700900123", "+447700900456", "+441632960001"
PHONE = "/identity/account/phone"


def number_of(people: People) -> str:
    with people.world.database.transaction() as session:
        phone = get_phone(session, people.account_id(), people.world.sealer)
    return phone.number if phone else ""


def prove_old(people: People, then: str) -> Any:
    first = people.send(f"{PHONE}/old?then={then}")
    assert first.status_code == 303, text_of(first)
    return people.send(first.headers["location"], code=people.newest_check_code())


def test_a_mobile_is_confirmed_by_a_text_and_becomes_a_claim(people: People, mail: Post) -> None:
    people.sign_up()
    first = people.send(PHONE, phone="07700 900123")
    mail.work()
    (text_,) = mail.to(MOBILE)
    assert (text_["channel"], text_["template"]) == ("sms", "identity.text_code")
    assert people.world.scalar("SELECT count(*) FROM contact_check WHERE code_sealed IS NULL") == 1
    assert "+447700900123" in text_of(people.http.get(first.headers["location"]))
    done = people.send(first.headers["location"], code=text_["personalisation"]["code"])
    assert done.headers["location"] == "/identity/account?changed=phone"
    assert "07700 900123" in text_of(people.http.get(done.headers["location"]))
    with people.world.database.transaction() as session:
        phone = get_phone(session, people.account_id(), people.world.sealer)
    assert phone is not None
    assert phone.claims == {"phone_number": MOBILE, "phone_number_verified": True}
    mail.work()
    assert mail.notices("ann@person.example") == ["A telephone was added to your account."]


def test_a_landline_is_called(people: People, mail: Post) -> None:
    people.sign_up()
    first = people.send(PHONE, phone="01632 960001")
    mail.work()
    (call,) = mail.to(LANDLINE)
    assert (call["channel"], call["template"]) == ("voice", "identity.spoken_code")
    assert "We are calling" in text_of(people.http.get(first.headers["location"]))


@pytest.mark.parametrize("typed", ["", "12", "0909 879 0000"])
def test_a_wrong_number_is_refused_and_nothing_is_sent(people: People, typed: str) -> None:
    people.sign_up()
    jobs = people.world.scalar("SELECT count(*) FROM outbox")
    answer = people.send(PHONE, phone=typed)
    assert answer.status_code == 422
    assert 'href="#phone"' in answer.text
    assert people.world.scalar("SELECT count(*) FROM contact_check") == 0
    assert people.world.scalar("SELECT count(*) FROM outbox") == jobs


def test_a_number_is_changed_only_with_a_code_to_the_one_before(people: People, mail: Post) -> None:
    people.sign_up()
    people.add_phone()
    refused = people.send(PHONE, phone="07700 900456")
    assert refused.headers["location"] == f"{PHONE}/old?then=change"
    proved = prove_old(people, "change")
    assert proved.headers["location"].startswith(f"{PHONE}?proof=")
    first = people.send(proved.headers["location"], phone="07700 900456")
    done = people.send(first.headers["location"], code=people.newest_check_code())
    assert done.status_code == 303
    assert number_of(people) == OTHER
    mail.work()
    told = "The telephone of your account was changed."
    assert told in mail.notices(MOBILE)
    assert told in mail.notices(OTHER)
    assert told in mail.notices("ann@person.example")


def test_a_proof_is_good_in_its_browser_and_for_a_quarter_of_an_hour(people: People) -> None:
    people.sign_up()
    people.add_phone()
    proved = prove_old(people, "change")
    people.world.execute("UPDATE contact_check SET consumed_at = now() - interval '16 minutes'")
    late = people.send(proved.headers["location"], phone="07700 900456")
    assert late.headers["location"] == f"{PHONE}/old?then=change"
    assert number_of(people) == MOBILE


def test_removing_a_number_tells_it_and_the_email(people: People, mail: Post) -> None:
    people.sign_up()
    people.add_phone()
    assert prove_old(people, "remove").headers["location"] == "/identity/account?changed=phone"
    assert number_of(people) == ""
    mail.work()
    assert "The telephone was removed from your account." in mail.notices(MOBILE)
    assert "The telephone was removed from your account." in mail.notices("ann@person.example")


def test_a_lost_telephone_waits_three_days_and_can_be_stopped(people: People, mail: Post) -> None:
    people.sign_up()
    people.add_phone()
    people.send(f"{PHONE}/lost", way="wait")
    assert number_of(people) == MOBILE
    assert "will be removed" in text_of(people.http.get(PHONE))
    mail.work()
    assert any("lost your telephone" in what for what in mail.notices(MOBILE))
    change = str(people.world.scalar("SELECT id FROM account_change WHERE state = 'waiting'"))
    stopped = people.send("/identity/account/changes", change=change)
    assert stopped.status_code == 303
    mail.work(due=True)
    assert number_of(people) == MOBILE
    people.send(f"{PHONE}/lost", way="wait")
    mail.work(due=True)
    assert number_of(people) == ""
    assert people.world.scalar("SELECT recovered_until > now() FROM account") is True
    assert people.http.get("/identity/account").status_code == 303, "signed out"


def test_a_lost_telephone_goes_at_once_for_a_backup_code(people: People) -> None:
    people.sign_up()
    people.add_phone()
    with people.world.database.transaction() as session:
        codes = replace_backup_codes(session, people.vault, people.account_id(), clock.now())
    for typed in ("", "0000000000"):
        wrong = people.send(f"{PHONE}/lost", way="now", backup_code=typed)
        assert wrong.status_code == 422
        assert 'href="#backup_code"' in wrong.text
        assert number_of(people) == MOBILE
    right = people.send(f"{PHONE}/lost", way="now", backup_code=codes[0])
    assert right.headers["location"] == "/identity/account?changed=phone"
    assert number_of(people) == ""


@pytest.mark.parametrize("factor", ["passkey_synced", "totp", "backup_code"])
def test_a_lost_telephone_goes_at_once_for_a_stronger_sign_in(people: People, factor: str) -> None:
    people.sign_up()
    people.add_phone()
    people.world.execute("UPDATE sign_in_session SET factors = ARRAY['password', :f]", f=factor)
    assert people.send(f"{PHONE}/lost", way="now").status_code == 303
    assert number_of(people) == ""


@pytest.mark.parametrize("factor", ["email_code", "sms_code", "voice_code", "recovery"])
def test_a_mailbox_alone_removes_no_telephone_at_once(people: People, factor: str) -> None:
    people.sign_up()
    people.add_phone()
    people.verify_identity()
    people.world.execute("UPDATE sign_in_session SET factors = ARRAY['password', :f]", f=factor)
    assert people.send(f"{PHONE}/lost", way="now").status_code == 422
    assert number_of(people) == MOBILE


def test_an_old_sign_in_confirms_before_a_change(people: People) -> None:
    people.sign_up()
    people.world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - interval '16 minutes'"
    )
    answer = people.send(PHONE, phone="07700 900123")
    assert answer.headers["location"].startswith("/identity/confirm?next=")
    assert people.world.scalar("SELECT count(*) FROM contact_check") == 0


def test_another_persons_check_opens_nothing(people: People) -> None:
    people.sign_up()
    first = people.send(PHONE, phone="07700 900123")
    code = people.newest_check_code()
    other = people.another_browser()
    people.world.http, mine = other, people.http
    people.sign_up("bob@person.example")
    # Even in the same browser another account's check is none of theirs.
    people.world.execute(
        "UPDATE contact_check SET browser_hash = (SELECT browser_hash FROM attempt"
        " ORDER BY created_at DESC LIMIT 1)"
    )
    answer = people.send(first.headers["location"], code=code)
    assert answer.status_code == 410
    assert people.world.scalar("SELECT count(*) FROM phone") == 0
    assert mine is not other


def test_the_sixth_code_in_an_hour_is_refused(people: People) -> None:
    people.sign_up()
    answers = [people.send(PHONE, phone="07700 900123").status_code for _ in range(6)]
    assert answers == [303] * 5 + [429]
    assert people.world.scalar("SELECT count(*) FROM contact_check") == 5


def begin(people: People, account_id: Any, number: str, network: str = "") -> Any:
    with people.world.database.transaction() as session:
        return start_check(
            session,
            people.vault,
            purpose="confirm_phone",
            target=Target("sms", number),
            account_id=account_id,
            browser_hash=b"b" * 32,
            language="en",
            now=clock.now(),
            network=network,
        )


def test_one_number_and_one_network_get_few_codes_whatever_the_account(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = []
    for number in range(6):
        people.world.http = people.another_browser()
        people.sign_up(f"p{number}@person.example")
        accounts.append(people.account_id())
    for account in accounts[:5]:
        begin(people, account, MOBILE)
    with pytest.raises(Problem) as refused:
        begin(people, accounts[5], MOBILE)
    assert refused.value.status == 429
    monkeypatch.setattr(
        "identity.codes.actions.get_people_settings",
        lambda: PeopleSettings(environment="test", phone_codes_per_address=2),
    )
    for number, account in enumerate(accounts[:2]):
        begin(people, account, f"+44770090080{number}", "203.0.113.9")
    with pytest.raises(Problem):
        begin(people, accounts[2], "+447700900809", "203.0.113.9")


def test_sixteen_simultaneous_uses_of_a_code_have_one_winner(people: People) -> None:
    people.sign_up()
    account_id = people.account_id()
    for round_ in range(5):
        check_id = begin(people, account_id, f"+44770090070{round_}")
        code = people.newest_check_code()

        def use(_: int, check_id: Any = check_id, code: str = code) -> bool:
            with people.world.database.transaction() as session:
                used = use_check(
                    session,
                    people.vault,
                    check_id=check_id,
                    browser_hash=b"b" * 32,
                    purpose="confirm_phone",
                    code=code,
                    now=clock.now(),
                )
            return used is not None

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(use, range(16))) == 1


@pytest.mark.parametrize(
    ("minutes", "wrong", "other"),
    [(0, 0, ""), (16, 0, ""), (0, 5, ""), (0, 0, "yes")],
    ids=["good", "after 15 minutes", "after five wrong ones", "another browser"],
)
def test_a_code_is_good_for_its_time_tries_and_browser(
    people: People, minutes: int, wrong: int, other: str
) -> None:
    people.sign_up()
    check_id, code = begin(people, people.account_id(), MOBILE), people.newest_check_code()
    people.world.execute(
        "UPDATE contact_check SET code_expires_at = code_expires_at - make_interval(mins => :m)",
        m=minutes,
    )
    false = f"{(int(code) + 1) % 10**6:06}"

    def use(typed: str) -> bool:
        with people.world.database.transaction() as session:
            used = use_check(
                session,
                people.vault,
                check_id=check_id,
                browser_hash=(b"c" if other else b"b") * 32,
                purpose="confirm_phone",
                code=typed,
                now=clock.now(),
            )
        return used is not None

    assert not any(use(false) for _ in range(wrong))
    assert use(code) is (minutes == 0 and wrong == 0 and not other)


def test_a_telephone_is_asked_for_at_sign_in_and_counts_as_a_factor(
    people: People, mail: Post
) -> None:
    people.sign_up()
    people.add_phone()
    people.world.http = people.another_browser()
    first = people.send("/identity/sign-in", email="ann@person.example", password=PASSWORD)
    assert "/phone" in first.headers["location"], first.headers["location"]
    mail.work()
    code = [order for order in mail.to(MOBILE) if "code" in order["personalisation"]][-1]
    page = people.http.get(first.headers["location"])
    assert "We have sent a text" in text_of(page)
    done = people.send(first.headers["location"], code=code["personalisation"]["code"])
    assert done.headers["location"] == "/identity/account", text_of(done)
    with people.world.database.transaction() as session:
        newest = list_sessions(session, people.account_id(), clock.now())[0]
    assert newest.factors == ("password", "sms_code")
    assert newest.level == "medium"


def test_numbers_and_codes_are_nowhere_at_rest(people: People, mail: Post) -> None:
    people.sign_up()
    first = people.send(PHONE, phone="07700 900123")
    code = people.newest_check_code()
    people.send(first.headers["location"], code=code)
    people.send(f"{PHONE}/lost", way="wait")
    mail.work()
    with people.world.database.transaction() as session:
        tables = session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'identity'")
        ).scalars()
        kept = "".join(str(session.execute(text(f"SELECT * FROM {name}")).all()) for name in tables)
    assert "phone.added" in kept
    for secret in ("7700900123", "900123", f"'{code}'"):
        assert secret not in kept
