from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from identity.accounts.vault import Vault, open_vault
from identity.signin import actions
from identity.signin.actions import Visitor
from identity.signin.attempts import CODE_RECORD, renew_code, start_attempt, use_code
from shared import clock
from shared.crypto import Sealer
from shared.db import Database
from shared.errors import Problem
from shared.ids import new_id
from tests.identity.people import PASSWORD, People, text_of

BROWSER = b"b" * 32
EMAIL = "ann@person.example"


@pytest.fixture
def vault(identity_database: Database, sealer: Sealer) -> Vault:
    return open_vault(identity_database, sealer)


def begin(database: Database, vault: Vault, now: datetime) -> tuple[UUID, str]:
    with database.transaction() as session:
        attempt_id = start_attempt(
            session,
            vault,
            purpose="sign_up",
            email=EMAIL,
            account_id=None,
            browser_hash=BROWSER,
            language="en",
            password_hash="hash",
            now=now,
        )
    return attempt_id, code_of(database, vault, attempt_id)


def code_of(database: Database, vault: Vault, attempt_id: UUID) -> str:
    with database.transaction() as session:
        sealed = session.connection().exec_driver_sql(
            "SELECT code_sealed FROM attempt WHERE id = %s", (attempt_id,)
        )
        return vault.open(bytes(sealed.scalar_one()), CODE_RECORD, attempt_id)


def use(database: Database, vault: Vault, attempt_id: UUID, code: str, **changes: object) -> bool:
    given = {"browser_hash": BROWSER, "purpose": "sign_up", "now": clock.now()} | changes
    with database.transaction() as session:
        used = use_code(session, vault, attempt_id=attempt_id, code=code, **given)  # type: ignore[arg-type]  # members by name
    return used is not None


def test_a_code_works_once(identity_database: Database, vault: Vault) -> None:
    attempt_id, code = begin(identity_database, vault, clock.now())
    assert use(identity_database, vault, attempt_id, f" {code[:3]}-{code[3:]} ")
    assert not use(identity_database, vault, attempt_id, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"browser_hash": b"c" * 32},
        {"purpose": "sign_in"},
        {"after": timedelta(minutes=15, seconds=1)},
    ],
    ids=["another browser", "another purpose", "after 15 minutes"],
)
def test_a_code_is_good_for_its_browser_purpose_and_time_only(
    identity_database: Database, vault: Vault, changes: dict[str, Any]
) -> None:
    now = clock.now()
    attempt_id, code = begin(identity_database, vault, now)
    changed = {"now": now + changes.get("after", timedelta()), **changes}
    changed.pop("after", None)
    assert not use(identity_database, vault, attempt_id, code, **changed)
    assert use(identity_database, vault, attempt_id, code)


def test_after_five_wrong_tries_the_right_code_is_wrong_too(
    identity_database: Database, vault: Vault
) -> None:
    attempt_id, code = begin(identity_database, vault, clock.now())
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert not any(use(identity_database, vault, attempt_id, wrong) for _ in range(5))
    assert not use(identity_database, vault, attempt_id, code)


def test_a_code_of_another_attempt_is_wrong(identity_database: Database, vault: Vault) -> None:
    first, _ = begin(identity_database, vault, clock.now())
    second, code = begin(identity_database, vault, clock.now())
    if code != code_of(identity_database, vault, first):
        assert not use(identity_database, vault, first, code)
    assert use(identity_database, vault, second, code)


def test_a_new_code_replaces_the_one_before(identity_database: Database, vault: Vault) -> None:
    attempt_id, old = begin(identity_database, vault, clock.now())
    for _ in range(4):
        use(identity_database, vault, attempt_id, "999999" if old != "999999" else "999998")
    renew(identity_database, vault, attempt_id)
    new = code_of(identity_database, vault, attempt_id)
    if new != old:
        assert not use(identity_database, vault, attempt_id, old)
    assert use(identity_database, vault, attempt_id, new)


def renew(database: Database, vault: Vault, attempt_id: UUID) -> bool:
    with database.transaction() as session:
        return renew_code(
            session,
            vault,
            attempt_id=attempt_id,
            browser_hash=BROWSER,
            purpose="sign_up",
            now=clock.now(),
        )


def test_the_sixth_code_in_an_hour_is_refused_and_the_fifth_stays_good(
    identity_database: Database, vault: Vault
) -> None:
    attempt_id, _ = begin(identity_database, vault, clock.now())
    assert all(renew(identity_database, vault, attempt_id) for _ in range(4))
    with pytest.raises(Problem) as refusal:
        renew(identity_database, vault, attempt_id)
    assert refusal.value.status == 429
    assert use(identity_database, vault, attempt_id, code_of(identity_database, vault, attempt_id))


def test_a_strangers_requests_do_not_use_up_what_the_owner_needs(people: People) -> None:
    people.sign_up(EMAIL)
    stranger = people.another_browser()
    answers = [people.send("/identity/new-password", http=stranger, email=EMAIL) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    first = people.send("/identity/sign-in", email=EMAIL, password=PASSWORD)
    assert first.status_code == 303
    assert people.send(first.headers["location"], code=people.newest_code()).status_code == 303


def test_sixteen_simultaneous_uses_of_a_code_have_one_winner(
    identity_database: Database, vault: Vault
) -> None:
    visitor = Visitor(BROWSER, "127.0.0.1", "", "en")
    for _ in range(5):
        now = clock.now()
        with identity_database.transaction() as session:
            attempt_id = actions.start_sign_up(
                session, vault, visitor, email=f"{new_id()}@x.example", password_hash="h", now=now
            )
        code = code_of(identity_database, vault, attempt_id)

        def finish(_: int, attempt_id: UUID = attempt_id, code: str = code) -> bool:
            with identity_database.transaction() as session:
                opened = actions.finish_with_code(
                    session,
                    vault,
                    visitor,
                    attempt_id=attempt_id,
                    purpose="sign_up",
                    code=code,
                    flow_id=None,
                    now=clock.now(),
                )
            return opened is not None

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(finish, range(16))) == 1


def test_two_sign_ups_for_one_address_make_one_account(people: People) -> None:
    first = people.send("/identity/create-account", email=EMAIL, password=PASSWORD)
    first_code = people.newest_code()
    other = people.another_browser()
    second = people.send("/identity/create-account", http=other, email=EMAIL, password=PASSWORD)
    second_code = people.newest_code()
    assert people.send(first.headers["location"], code=first_code).status_code == 303
    late = people.send(second.headers["location"], http=other, code=second_code)
    assert late.status_code in (410, 422)
    assert people.world.scalar("SELECT count(*) FROM account") == 1
    assert people.world.scalar("SELECT count(*) FROM sign_in_session") == 1


@pytest.mark.parametrize("code", ["", "12345", "12345a", "１２３４５６", "1234567"])
def test_what_is_no_code_is_refused_without_counting_a_try(people: People, code: str) -> None:
    first = people.send("/identity/create-account", email=EMAIL, password=PASSWORD)
    answer = people.send(first.headers["location"], code=code)
    assert answer.status_code == 422
    assert 'href="#code"' in answer.text
    assert people.world.scalar("SELECT tries FROM attempt") == 0


def test_a_second_click_on_the_code_form_goes_on(people: People) -> None:
    flow = people.begin_flow()
    first = people.send(f"/identity/create-account?flow={flow}", email=EMAIL, password=PASSWORD)
    place, code = first.headers["location"], people.newest_code()
    done = people.send(place, code=code)
    assert done.status_code == 303
    again = people.http.post(
        place,
        data={
            "code": code,
            "csrf_token": people.http.get("/identity/sign-in").text.partition('n" value="')[2][:64],
        },
    )
    assert again.headers["location"] == done.headers["location"]
    assert people.world.scalar("SELECT count(*) FROM sign_in_session") == 1


def test_an_old_attempt_leads_to_a_new_start_on_the_same_flow(people: People) -> None:
    flow = people.begin_flow()
    first = people.send(f"/identity/create-account?flow={flow}", email=EMAIL, password=PASSWORD)
    people.world.execute("UPDATE attempt SET expires_at = now() - interval '1 minute'")
    page = people.http.get(first.headers["location"])
    assert page.status_code == 410
    assert "start again" in text_of(page)
    assert f"/identity/create-account?flow={flow}" in page.text


def test_another_browser_cannot_use_the_page_of_an_attempt(people: People) -> None:
    first = people.send("/identity/create-account", email=EMAIL, password=PASSWORD)
    page = people.another_browser().get(first.headers["location"])
    assert page.status_code == 410
    assert EMAIL not in page.text


def test_old_attempts_are_deleted_as_new_ones_come(
    identity_database: Database, vault: Vault
) -> None:
    begin(identity_database, vault, clock.now() - timedelta(days=2))
    begin(identity_database, vault, clock.now())
    with identity_database.transaction() as session:
        count = session.connection().exec_driver_sql("SELECT count(*) FROM attempt").scalar_one()
    assert count == 1
