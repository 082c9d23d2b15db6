import json
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from identity.closure.actions import EVIDENCE_RECORD, delete_account, tables_of_accounts
from identity.oidc.actions import forget_expired
from shared import clock
from shared.ids import new_id
from tests.identity.people import PASSWORD, People, text_of
from tests.identity.post import Post

EMAIL = "ann@person.example"


def close(people: People, **fields: str) -> Any:
    sent: dict[str, Any] = {"confirm": "yes"} | fields
    return people.send("/identity/account/close", **sent)


def put_check(people: People, failure: str) -> None:
    people.world.execute(
        "INSERT INTO verification (id, account_id, flow_id, state, provider, provider_reference,"
        " failure, created_at, completed_at, expires_at)"
        " VALUES (:id, :account, :id, 'failed', 'simulator', 'ref-1', :failure, now(), now(),"
        " now())",
        id=new_id(),
        account=people.account_id(),
        failure=failure,
    )


def test_the_page_says_what_goes_what_stays_why_and_how_long(people: People) -> None:
    people.sign_up()
    page = text_of(people.http.get("/identity/account/close"))
    for sentence in (
        "For 14 days you can still sign in and keep the account",
        "What is deleted",
        "What is kept, and why",
        "3 years, or 6 years where there were signs of fraud",
        "Your email address is free again afterwards",
    ):
        assert sentence in page


def test_closing_needs_a_tick_and_changes_nothing_without(people: People) -> None:
    people.sign_up()
    answer = close(people, confirm="")
    assert answer.status_code == 422
    assert 'href="#confirm"' in answer.text
    assert people.world.scalar("SELECT closing_at FROM account") is None
    assert people.http.get("/identity/account").status_code == 200


def test_an_older_sign_in_confirms_with_the_password(people: People) -> None:
    people.sign_up()
    people.world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - interval '20 minutes'"
    )
    assert 'name="password"' in people.http.get("/identity/account/close").text
    assert close(people).status_code == 422
    assert close(people, password="wrong password").status_code == 422
    assert people.world.scalar("SELECT closing_at FROM account") is None
    assert close(people, password=PASSWORD).status_code == 200
    assert people.world.scalar("SELECT closing_at FROM account") is not None


def test_closing_signs_out_everywhere_and_tells_every_channel(people: People, mail: Post) -> None:
    people.sign_up()
    people.add_phone()
    elsewhere = people.another_browser()
    first = people.send("/identity/sign-in", http=elsewhere, email=EMAIL, password=PASSWORD)
    people.send(first.headers["location"], http=elsewhere, code=people.newest_check_code())
    assert elsewhere.get("/identity/account").status_code == 200
    done = close(people)
    assert "Your account is closed" in text_of(done)
    assert elsewhere.get("/identity/account").status_code == 303
    assert people.http.get("/identity/account").status_code == 303
    mail.work()
    assert any("You closed your account" in what for what in mail.notices(EMAIL))
    assert any("You closed your account" in what for what in mail.notices("+447700900123"))


def test_who_signs_in_again_is_asked_and_can_keep_the_account(people: People, mail: Post) -> None:
    people.sign_up()
    close(people)
    flow = people.begin_flow()
    first = people.send(f"/identity/sign-in?flow={flow}", email=EMAIL, password=PASSWORD)
    second = people.send(first.headers["location"], code=people.newest_code())
    assert second.headers["location"] == f"/identity/account/closing?flow={flow}"
    page = people.http.get(second.headers["location"])
    assert "Do you want to keep your account?" in text_of(page)
    kept = people.send(second.headers["location"])
    assert kept.headers["location"] == f"/identity/continue?flow={flow}"
    mail.work(due=True)
    assert people.world.scalar("SELECT closed_at FROM account") is None
    assert any("Your account stays" in what for what in mail.notices(EMAIL))
    assert people.sign_in().headers["location"] == "/identity/account"


def test_who_does_not_keep_it_goes_on_and_it_is_deleted(people: People, mail: Post) -> None:
    people.sign_up()
    close(people)
    assert people.sign_in().headers["location"] == "/identity/account/closing"
    assert "is being closed" in text_of(people.http.get("/identity/account"))
    mail.work(due=True)
    assert people.world.scalar("SELECT closed_at FROM account") is None, "not due for 14 days"
    people.world.execute("UPDATE account SET closing_at = now() - interval '1 second'")
    people.world.execute("UPDATE outbox SET done_at = NULL WHERE topic = 'identity.closure.delete'")
    mail.work(due=True)
    assert people.world.scalar("SELECT closed_at FROM account") is not None
    assert people.http.get("/identity/account").status_code == 303


def test_deleting_leaves_nothing_personal_and_frees_the_address(people: People) -> None:
    people.world.execute(
        "UPDATE relying_party SET backchannel_logout_uri = 'https://council.example/out'"
    )
    flow = people.begin_flow()
    people.sign_up(flow=flow)
    people.http.get(f"/identity/continue?flow={flow}")
    people.add_phone()
    people.verify_identity()
    account_id = people.account_id()
    world = people.world
    put_check(people, "fraud_signs")
    world.execute(
        "INSERT INTO sharing_event VALUES (:id, :account, 'Council', 'strathclachan', '{email}',"
        " now())",
        id=new_id(),
        account=account_id,
    )
    world.execute(
        "INSERT INTO remembered_consent (account_id, client_id, scopes, updated_at, since, used_at)"
        " VALUES (:account, 'councilclient', '{email}', now(), now(), now())",
        account=account_id,
    )
    close(people)
    world.execute("UPDATE account SET closing_at = now() - interval '1 second'")
    with world.database.transaction() as session:
        assert delete_account(session, people.vault, account_id, clock.now())
    with world.database.transaction() as session:
        assert not delete_account(session, people.vault, account_id, clock.now())
        names = [table.name for table in tables_of_accounts()]
        assert {"phone", "safe_item", "passkey", "sign_in_session", "verification"} <= set(names)
        for name in (*names, "remembered_consent"):
            assert session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() == 0, name
    # Kept: the history of sharing, the record, and evidence apart from all that.
    assert world.scalar("SELECT count(*) FROM sharing_event") == 1
    assert world.scalar("SELECT count(*) FROM audit_event WHERE action = 'account.closed'") == 1
    left = str(world.scalar("SELECT (a.*)::text FROM account a"))
    assert "person" not in left
    told = "SELECT count(*) FROM outbox WHERE topic = 'identity.oidc.notify_logout'"
    assert world.scalar(told) == 1
    years = "SELECT expires_at - created_at > interval '2180 days' FROM kept_evidence"
    assert world.scalar(years) is True
    row: Any = world.scalar("SELECT id FROM kept_evidence")
    sealed: Any = world.scalar("SELECT sealed FROM kept_evidence")
    opened = people.vault.open(bytes(sealed), EVIDENCE_RECORD, row)
    assert json.loads(opened)["provider_reference"] == "ref-1"
    assert str(account_id) not in opened
    world.http = people.another_browser()
    assert people.sign_up().headers["location"] == "/identity/account"
    assert world.scalar("SELECT count(*) FROM account") == 2


def test_evidence_without_fraud_is_kept_three_years_and_then_forgotten(people: People) -> None:
    people.sign_up()
    put_check(people, "selfie_mismatch")
    close(people)
    people.world.execute("UPDATE account SET closing_at = now() - interval '1 second'")
    with people.world.database.transaction() as session:
        delete_account(session, people.vault, people.account_id(), clock.now())
    for days, left in ((3 * 365 - 1, 1), (3 * 365 + 1, 0)):
        with people.world.database.transaction() as session:
            forget_expired(session, clock.now() + timedelta(days=days))
        assert people.world.scalar("SELECT count(*) FROM kept_evidence") == left


def test_cleaners_forget_what_is_over(people: People) -> None:
    people.sign_up()
    people.add_phone()
    tables = ("contact_check", "account_change")
    for table in tables:
        assert people.world.scalar(f"SELECT count(*) FROM {table}") == 1
    with people.world.database.transaction() as session:
        forget_expired(session, clock.now() + timedelta(days=60))
    for table in tables:
        assert people.world.scalar(f"SELECT count(*) FROM {table}") == 0
    assert people.world.scalar("SELECT count(*) FROM phone") == 1


def test_a_person_downloads_what_the_account_holds(people: People) -> None:
    people.sign_up()
    people.add_phone()
    people.verify_identity()
    answer = people.http.get("/identity/account/download")
    assert answer.headers["content-disposition"].startswith('attachment; filename="my-account-')
    assert answer.headers["cache-control"] == "no-store"
    data = answer.json()
    assert data["account"]["email"] == EMAIL
    assert data["phone"]["number"] == "+447700900123"
    assert data["saved_details"][0]["claims"]["given_name"] == "Ann Marie"
    assert data["signed_in_on"]
    assert {event["what"] for event in data["activity"]} >= {"account.created", "phone.added"}
    assert "password" not in answer.text.replace("password.changed", "")
    other = people.another_browser()
    assert other.get("/identity/account/download").status_code == 303
