import pytest

from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import ACCOUNT, GRANT, Person

pytestmark = pytest.mark.committed
CHECK = f"{GRANT}/bank-account/account-check"


@pytest.fixture
def person(site: Site) -> Person:
    made = Person(site)
    made.begin()
    made.walk("bank-account")
    return made


def give(person: Person, account: str, name: str = "M Fictional") -> None:
    person.open(f"{GRANT}/bank-account")
    person.send({**ACCOUNT, "bank_account-account": account, "bank_account-name": name})


def test_a_match_goes_on(person: Person) -> None:
    give(person, "10000011", "Morag Fictional")
    assert person.path == f"{GRANT}/tasks"
    person.walk("check-answers")


def test_the_held_name_can_be_taken_over(site: Site, person: Person) -> None:
    give(person, "10000012")
    assert person.heading == "The name is nearly right"
    assert "Morag Fictional" in person.text
    person.send({"choice": "use_held_name"})
    assert person.path == f"{GRANT}/tasks"
    assert [check["name"] for check in site.neighbours.checks] == ["M Fictional", "Morag Fictional"]


def test_a_close_match_needs_a_reason_to_go_on(site: Site, person: Person) -> None:
    give(person, "10000012")
    person.send({})
    assert person.errors == [("Select what you want to do", "#choice")]
    person.send({"choice": "go_on"})
    assert person.errors == [("Tell us why the names differ", "#reason")]
    assert person.title.startswith("Error: ")
    person.send({"choice": "go_on", "reason": "I am called Mo"})
    assert person.path == f"{GRANT}/tasks"
    person.walk("check-answers")


def test_no_match_cannot_go_on_even_with_a_made_up_form(site: Site, person: Person) -> None:
    give(person, "10000013")
    assert person.heading == "The name does not match this account"
    assert not person.tree.xpath("//input[@name='choice']")
    before = site.rows("SELECT rev FROM instance")
    forged = {"choice": "go_on", "reason": "please", "check_id": "check-1"}
    person.open(f"{GRANT}/bank-account")
    assert person.send(forged, CHECK).status_code == 409
    assert site.rows("SELECT rev FROM instance") == before
    person.open(f"{GRANT}/check-answers")
    assert person.path == f"{GRANT}/bank-account"


def test_an_account_that_cannot_be_checked_goes_on_with_a_warning(person: Person) -> None:
    give(person, "10000014")
    assert person.heading == "We could not check this account"
    person.send({"choice": "try_again"})
    assert person.heading == "We could not check this account"
    person.send({"choice": "go_on"})
    assert person.path == f"{GRANT}/tasks"


def test_a_choice_for_other_details_than_shown_is_refused(site: Site, person: Person) -> None:
    give(person, "10000014")
    old = person.page
    give(person, "20000014")
    person.page = old
    assert person.send({"choice": "go_on"}, CHECK).status_code == 409
    person.open(f"{GRANT}/check-answers")
    assert person.path == f"{GRANT}/bank-account"


def test_payments_that_is_away_keeps_the_details_and_lets_nobody_pass(
    site: Site, person: Person
) -> None:
    site.neighbours.away.add("payments")
    give(person, "10000011", "Morag Fictional")
    assert person.heading == "The check is not working at the moment"
    person.send({"choice": "go_on"})
    assert person.page.status_code == 409
    site.neighbours.away.clear()
    person.open(CHECK)
    person.send({"choice": "try_again"})
    assert person.path == f"{GRANT}/tasks"


def test_what_payments_refuses_is_shown_at_its_field_and_not_kept(
    site: Site, person: Person
) -> None:
    before = site.rows("SELECT rev, sealed FROM instance")
    give(person, "99999999")
    assert person.page.status_code == 422
    assert person.errors == [("This account number is not valid", "#bank_account-account")]
    assert person.tree.xpath("//*[@id='bank_account-account']/@value") == ["99999999"]
    assert site.rows("SELECT rev, sealed FROM instance") == before


def test_no_transaction_is_open_while_payments_is_asked(site: Site, person: Person) -> None:
    def look() -> None:
        busy.extend(
            site.rows(
                "SELECT query FROM pg_stat_activity WHERE state = 'idle in transaction'"
                " AND application_name = 'gateway-web'"
            )
        )

    busy: list[object] = []
    site.neighbours.before_check = look
    give(person, "10000011", "Morag Fictional")
    assert person.path == f"{GRANT}/tasks"
    assert busy == []
