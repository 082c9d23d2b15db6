from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared import clock
from tests.identity.people import PASSWORD, People, text_of


def sign_in(people: People, email: str = "ann@person.example", password: str = PASSWORD) -> Any:
    return people.send("/identity/sign-in", email=email, password=password)


def test_a_person_signs_up_and_comes_back_to_the_service(people: People) -> None:
    flow = people.begin_flow()
    answer = people.sign_up(flow=flow)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/identity/continue?flow={flow}"
    back = people.http.get(answer.headers["location"])
    assert back.headers["location"].startswith("https://council.example/callback?code=")


def test_a_person_signs_in_with_password_and_code_and_comes_back(people: People) -> None:
    people.sign_up()
    flow, other = people.begin_flow(prompt="login"), people.another_browser()
    people.world.http = other
    flow = people.begin_flow()
    first = people.send(
        f"/identity/sign-in?flow={flow}", email="ANN@person.example ", password=PASSWORD
    )
    assert first.status_code == 303
    assert f"flow={flow}" in first.headers["location"]
    assert "Council service" in text_of(other.get(f"/identity/sign-in?flow={flow}"))
    second = people.send(first.headers["location"], code=people.newest_code())
    assert second.headers["location"] == f"/identity/continue?flow={flow}"
    cookie = second.headers["set-cookie"]
    assert cookie.startswith("clachan-session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_without_a_flow_sign_in_leads_to_the_account(people: People) -> None:
    answer = people.sign_up()
    assert answer.headers["location"] == "/identity/account"
    assert "ann@person.example" in text_of(people.http.get("/identity/account"))


def test_sign_in_leads_to_the_page_that_was_asked_for_once(people: People) -> None:
    people.sign_up()
    people.http.cookies.clear()
    asked = people.http.get("/identity/account/sessions?page=2")
    assert asked.headers["location"] == "/identity/sign-in"
    answer = people.send(sign_in(people).headers["location"], code=people.newest_code())
    assert answer.headers["location"] == "/identity/account/sessions?page=2"
    assert "clachan-page" not in people.http.cookies


@pytest.mark.parametrize(
    "forged", ["https://evil.example/", "//evil.example", "/identity/sign-out", "/payments/"]
)
def test_a_forged_page_to_return_to_leads_to_the_account(people: People, forged: str) -> None:
    people.sign_up()
    people.http.cookies.clear()
    people.http.cookies.set("clachan-page", forged)
    answer = people.send(sign_in(people).headers["location"], code=people.newest_code())
    assert answer.headers["location"] == "/identity/account"


def test_the_account_leads_back_to_a_service_left_in_another_tab(people: People) -> None:
    flow = people.begin_flow()
    people.http.get(f"/identity/sign-in?flow={flow}")
    people.sign_up()
    page = people.http.get("/identity/account")
    assert "Council service" in text_of(page)
    assert f"/identity/continue?flow={flow}" in page.text


@pytest.mark.parametrize(
    ("email", "password", "named"),
    [
        ("", PASSWORD, ["#email"]),
        ("ann", "short", ["#email", "#password"]),
        ("ann@person.example", "password1234", ["#password"]),
        ("ann@person.example", "", ["#password"]),
    ],
)
def test_a_bad_sign_up_names_its_fields_and_stores_nothing(
    people: People, email: str, password: str, named: list[str]
) -> None:
    answer = people.send("/identity/create-account", email=email, password=password)
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    for field in named:
        assert f'href="{field}"' in answer.text
    assert answer.text.count("ds_question--error") == len(named)
    assert people.world.scalar("SELECT count(*) FROM attempt") == 0
    assert people.world.scalar("SELECT count(*) FROM outbox") == 0
    if password:
        assert password not in answer.text


def test_a_known_address_gets_the_same_answers_and_no_code(people: People) -> None:
    people.sign_up("ann@person.example")
    answers = []
    for email in ("ann@person.example", "new@person.example"):
        people.world.http = people.another_browser()
        first = people.send("/identity/create-account", email=email, password=PASSWORD)
        page = people.http.get(first.headers["location"])
        wrong = people.send(first.headers["location"], code="000000")
        place = first.headers["location"].partition("attempt=")[0]
        answers.append(
            (
                first.status_code,
                place,
                page.status_code,
                text_of(page).replace(email, "X"),
                wrong.status_code,
                text_of(wrong).replace(email, "X"),
            )
        )
    assert answers[0] == answers[1]
    assert people.world.scalar("SELECT count(*) FROM account") == 1
    rows = "SELECT count(*) FROM attempt WHERE code_hash IS NULL AND account_id IS NOT NULL"
    assert people.world.scalar(rows) == 1


def test_wrong_passwords_and_unknown_addresses_get_the_same_answer(people: People) -> None:
    people.sign_up()
    wrong = sign_in(people, password="not the password")
    unknown = sign_in(people, email="nobody@person.example")
    assert wrong.status_code == unknown.status_code == 422
    assert text_of(wrong) == text_of(unknown)


def test_five_wrong_passwords_pause_sign_in_without_saying_so(people: People) -> None:
    people.sign_up()
    wrong = [sign_in(people, password="not the password") for _ in range(5)]
    paused = sign_in(people)
    assert {text_of(answer) for answer in wrong} == {text_of(paused)}
    assert people.world.scalar("SELECT count(*) FROM attempt WHERE purpose = 'sign_in'") == 0
    notices = "SELECT count(*) FROM outbox WHERE topic = 'identity.accounts.tell_owner'"
    assert people.world.scalar(notices) == 1
    people.world.execute("UPDATE rate_counter SET ends_at = ends_at - interval '31 minutes'")
    assert sign_in(people).status_code == 303


def test_the_right_password_forgets_wrong_ones(people: People) -> None:
    people.sign_up()
    for _ in range(4):
        sign_in(people, password="not the password")
    assert sign_in(people).status_code == 303
    for _ in range(4):
        sign_in(people, password="not the password")
    assert sign_in(people).status_code == 303


def test_a_new_password_lifts_the_pause_and_ends_every_session(people: People) -> None:
    people.sign_up()
    owner = people.http
    people.world.http = people.another_browser()
    for _ in range(5):
        sign_in(people, password="not the password")
    first = people.send("/identity/new-password", email="ann@person.example")
    assert "If ann@person.example has an account" in text_of(
        people.http.get(first.headers["location"])
    )
    done = people.send(
        first.headers["location"], code=people.newest_code(), password="another good kettle"
    )
    assert done.headers["location"] == "/identity/sign-in?changed=yes"
    assert sign_in(people).status_code == 422
    assert sign_in(people, password="another good kettle").status_code == 303
    assert owner.get("/identity/account").headers["location"] == "/identity/sign-in"


def test_a_refused_new_password_keeps_the_code_good(people: People) -> None:
    people.sign_up()
    first = people.send("/identity/new-password", email="ann@person.example")
    code = people.newest_code()
    weak = people.send(first.headers["location"], code=code, password="ann@person.example")
    assert weak.status_code == 422
    assert 'href="#password"' in weak.text
    good = people.send(first.headers["location"], code=code, password="another good kettle")
    assert good.status_code == 303


def test_a_new_password_for_an_unknown_address_looks_the_same(people: People) -> None:
    people.sign_up()
    pages = []
    for email in ("ann@person.example", "nobody@person.example"):
        first = people.send("/identity/new-password", email=email)
        pages.append(text_of(people.http.get(first.headers["location"])).replace(email, "X"))
    assert pages[0] == pages[1]
    assert people.world.scalar("SELECT count(*) FROM attempt WHERE code_hash IS NOT NULL") == 2


def test_a_cancelled_sign_in_goes_back_to_the_service(people: People) -> None:
    flow = people.begin_flow()
    answer = people.send(f"/identity/sign-in?flow={flow}", email="", password="")
    assert answer.status_code == 422
    token = answer.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    left = people.http.post(f"/identity/cancel?flow={flow}", data={"csrf_token": token})
    back = people.http.get(left.headers["location"])
    assert "error=access_denied" in back.headers["location"]


def test_an_address_that_sends_too_many_forms_must_wait(people: People) -> None:
    token = people.http.get("/identity/sign-in").text.partition('csrf_token" value="')[2][:64]
    form = {"csrf_token": token, "email": "", "password": ""}
    now = clock.now() + timedelta(minutes=30)
    people.http.post("/identity/sign-in", data=form)
    people.world.execute("UPDATE rate_counter SET used = 120, ends_at = :at", at=now)
    refused = people.http.post("/identity/sign-in", data=form)
    assert refused.status_code == 429
    assert "Too many forms" in text_of(refused)


def test_a_form_without_its_token_is_refused(people: People) -> None:
    people.http.get("/identity/create-account")
    answer = people.http.post(
        "/identity/create-account", data={"email": "ann@person.example", "password": PASSWORD}
    )
    assert answer.status_code == 403
    assert people.world.scalar("SELECT count(*) FROM attempt") == 0


def test_a_flow_that_is_gone_says_so(people: People) -> None:
    assert people.http.get(f"/identity/sign-in?flow={uuid4()}").status_code == 404
