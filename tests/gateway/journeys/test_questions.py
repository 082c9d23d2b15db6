import pytest

from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import GRANT, Person

pytestmark = pytest.mark.committed


def test_a_wrong_answer_is_shown_with_its_field_and_nothing_is_kept(site: Site) -> None:
    person = Person(site)
    person.begin()
    before = site.rows("SELECT rev, sealed FROM instance")
    page = person.send({"lives_in_scotland": "perhaps"})
    assert page.status_code == 422
    assert person.title.startswith("Error: Do you live in Scotland?")
    assert person.errors == [("Select yes if you live in Scotland", "#lives_in_scotland")]
    assert person.tree.xpath("//*[@id='lives_in_scotland']")
    assert site.rows("SELECT rev, sealed FROM instance") == before


def test_a_wrong_date_leads_to_its_part_and_keeps_what_was_typed(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("date-of-birth")
    person.send({"date_of_birth-day": "31", "date_of_birth-month": "2"})
    assert person.errors == [("The date must include a year", "#date_of_birth-year")]
    assert person.tree.xpath("//*[@id='date_of_birth-year' and @aria-invalid='true']")
    assert person.tree.xpath("string(//*[@id='date_of_birth-day']/@value)") == "31"


def test_a_form_without_its_token_changes_nothing(site: Site) -> None:
    person = Person(site)
    person.begin()
    before = site.rows("SELECT rev FROM instance")
    answer = person.browser.post(str(person.page.url), data={"lives_in_scotland": "yes"})
    assert answer.status_code == 403
    assert site.rows("SELECT rev FROM instance") == before


def test_the_same_answer_twice_is_one_move(site: Site) -> None:
    person = Person(site)
    person.begin()
    first = person.page
    person.send({"lives_in_scotland": "yes"})
    before = site.rows("SELECT rev, sealed FROM instance")
    person.page = first
    person.send({"lives_in_scotland": "yes"})
    assert person.path == f"{GRANT}/pays-for-heating"
    assert site.rows("SELECT rev, sealed FROM instance") == before


def test_pages_ahead_lead_to_the_one_that_comes_now(site: Site) -> None:
    person = Person(site)
    person.open(f"{GRANT}/check-answers")
    assert person.path == GRANT
    person.begin()
    for key in ("check-answers", "bank-account", "eligibility", "nonsense", "sign-in"):
        person.open(f"{GRANT}/{key}")
        assert person.path == f"{GRANT}/lives-in-scotland"
    hidden = person.page
    person.page = hidden
    person.send({"heating_fuel": "gas"}, f"{GRANT}/heating-fuel")
    assert person.path == f"{GRANT}/lives-in-scotland"
    assert site.rows("SELECT rev FROM instance")[0].rev == 1


def test_going_back_shows_the_answer_and_a_change_moves_the_way(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("eligibility")
    assert person.heading == "You are likely to get this"
    assert "£250.00" in person.text
    person.open(f"{GRANT}/lives-in-scotland")
    assert person.tree.xpath("//input[@value='yes' and @checked]")
    person.send({"lives_in_scotland": "no"})
    assert person.heading == "You are not likely to get this"
    assert "You do not live in Scotland." in person.text
    assert person.tree.xpath("//main//a[starts-with(@href, '/search')]")
    person.open(f"{GRANT}/lives-in-scotland")
    person.send({"lives_in_scotland": "yes"})
    assert person.heading == "You are likely to get this"


def test_the_language_changes_without_losing_the_answers(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.send({"lives_in_scotland": "yes"})
    person.open(f"{GRANT}/lives-in-scotland?lang=gd")
    assert person.heading == "A bheil thu a’ fuireach ann an Alba?"
    assert person.tree.xpath("//input[@value='yes' and @checked]")
    assert person.tree.xpath("string(/html/@lang)") == "gd"
    person.open(f"{GRANT}/pays-for-heating")
    heading = person.tree.xpath("//h1//span[@lang='en']")
    assert heading[0].text_content() == "Do you or your partner pay to heat your home?"


def test_two_browsers_do_not_see_each_other(site: Site) -> None:
    one, other = Person(site), Person(site)
    one.begin()
    one.send({"lives_in_scotland": "no"})
    other.begin()
    assert other.path == f"{GRANT}/lives-in-scotland"
    assert not other.tree.xpath("//input[@checked]")
    assert site.count("instance") == 2


def test_the_cookie_is_no_key_to_the_database(site: Site) -> None:
    person = Person(site)
    person.begin()
    token = person.browser.cookies["journey"]
    (row,) = site.rows("SELECT browser_hash, sealed FROM instance")
    assert token.encode() not in bytes(row.browser_hash)
    person.send({"lives_in_scotland": "yes"})
    (row,) = site.rows("SELECT sealed FROM instance")
    assert b"lives_in_scotland" not in bytes(row.sealed)


def test_starting_anew_drops_what_was_told(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.send({"lives_in_scotland": "yes"})
    person.open(GRANT)
    person.send({}, f"{GRANT}/discard")
    person.begin()
    assert not person.tree.xpath("//input[@checked]")
    assert site.rows("SELECT state FROM instance ORDER BY created_at")[0].state == "discarded"


def test_an_unknown_service_is_not_found(site: Site) -> None:
    person = Person(site)
    assert person.open("/journeys/no-such-service").status_code == 404
    assert person.open("/journeys/no-such-service/question").status_code == 404
