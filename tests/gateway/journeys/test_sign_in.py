import pytest

from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import GRANT, Person

pytestmark = pytest.mark.committed


def test_answers_stay_across_sign_in(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("sign-in")
    assert site.count("instance", "subject IS NULL") == 1
    person.walk("tasks")
    assert site.count("instance", f"subject = '{site.neighbours.subject}'") == 1
    person.open(f"{GRANT}/lives-in-scotland")
    assert person.tree.xpath("//input[@value='yes' and @checked]")
    assert site.neighbours.calls == ["authorize openid"]


def test_one_correlation_id_follows_the_story(site: Site) -> None:
    person = Person(site)
    person.apply()
    site.work()
    (row,) = site.rows("SELECT correlation_id FROM instance")
    assert site.neighbours.correlations == {row.correlation_id}
    audited = site.rows(
        "SELECT DISTINCT correlation_id FROM audit_event WHERE object_type <> 'service'"
    )
    assert [found.correlation_id for found in audited] == [row.correlation_id]
    assert person.browser.cookies["correlation"] == row.correlation_id


def test_who_stops_signing_in_is_told_and_keeps_everything(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("sign-in")
    site.neighbours.refuses_sign_in = "access_denied"
    person.open("/journeys/sign-in?return_to=" + person.path)
    assert person.path == f"{GRANT}/sign-in"
    assert "You were not signed in" in person.text
    assert site.count("instance", "subject IS NULL AND state = 'draft'") == 1


def test_unfinished_applications_wait_on_another_device(site: Site) -> None:
    first, second = Person(site), Person(site)
    first.begin()
    first.walk("prove-identity")
    second.open("/journeys")
    assert second.heading == "Your applications"
    (link,) = second.tree.xpath("//main//a[contains(@href, 'winter-heating-grant')]/@href")
    second.open(link)
    second.walk("prove-identity")
    assert site.count("instance") == 1


def test_a_draft_of_this_browser_takes_over_an_older_one_of_the_person(site: Site) -> None:
    first, second = Person(site), Person(site)
    first.begin()
    first.walk("bank-account")
    second.begin()
    second.send({"lives_in_scotland": "yes"})
    second.walk(
        "sign-in",
        pays_for_heating={"pays_for_heating": "no"},
        eligibility={"choice": "apply_anyway"},
    )
    second.walk("tasks")
    states = site.rows("SELECT state FROM instance ORDER BY created_at")
    assert [row.state for row in states] == ["discarded", "draft"]
    second.open(f"{GRANT}/pays-for-heating")
    assert second.tree.xpath("//input[@value='no' and @checked]")


def test_a_claimed_draft_is_closed_to_everybody_else_at_the_device(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    person.browser.cookies.delete("journeys-session")
    site.neighbours.subject = "0191d6e0-0000-7000-8000-000000000002"
    person.open(f"{GRANT}/lives-in-scotland")
    assert person.path == GRANT
    assert not person.tree.xpath("//a[normalize-space()='Continue']")
    person.begin()
    assert not person.tree.xpath("//input[@checked]")
    assert site.count("instance") == 2


def test_a_session_that_ended_leads_to_sign_in_and_back(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    person.browser.cookies.delete("journeys-session")
    person.open(f"{GRANT}/prove-identity")
    assert person.path == f"{GRANT}/prove-identity"
    assert site.neighbours.calls.count("authorize openid") == 2


def test_signing_out_asks_first_and_then_closes_the_applications(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    person.open("/journeys/sign-out")
    assert person.heading == "Do you want to sign out?"
    person.send({}, "/journeys/sign-out")
    assert person.path == "/"
    assert site.count("web_session") == 0
    person.open(GRANT)
    assert "An application that was begun here is saved." in person.text


@pytest.mark.parametrize(
    ("verification", "words"),
    [
        ("failed", "We could not confirm who you are"),
        ("no_address", "We did not get everything that we need"),
        ("none", "We did not get everything that we need"),
    ],
)
def test_a_proof_that_fails_has_its_page_and_a_second_try(
    site: Site, verification: str, words: str
) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    site.neighbours.verification = verification
    person.send({})
    assert person.path == f"{GRANT}/prove-identity"
    assert words in person.text
    site.neighbours.verification = "good"
    person.send({})
    assert person.path == f"{GRANT}/tasks"
    person.walk("heating-fuel")


def test_a_person_who_declines_keeps_their_choices(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    site.neighbours.refuses_sign_in = "access_denied"
    person.send({})
    assert "You stopped, so nothing was shared with us" in person.text
    assert "If you cannot do this online" in person.text
    site.neighbours.refuses_sign_in = ""
    person.send({})
    person.walk("heating-fuel")


@pytest.mark.parametrize(("verification", "status"), [("forged", 502), ("foreign", 502)])
def test_a_claims_token_that_is_not_the_issuers_or_not_the_persons_is_not_kept(
    site: Site, verification: str, status: int
) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    before = site.rows("SELECT rev, sealed FROM instance")
    site.neighbours.verification = verification
    assert person.send({}).status_code == status
    assert "We could not use your verified details" in person.text
    assert site.rows("SELECT rev, sealed FROM instance") == before


def test_an_issuer_that_is_away_loses_nothing(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    site.neighbours.away.add("attributes")
    assert person.send({}).status_code == 503
    site.neighbours.away.clear()
    person.open(f"{GRANT}/prove-identity/return")
    assert person.path == f"{GRANT}/tasks"


def test_the_way_back_without_the_scopes_leads_to_the_proof(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    person.open(f"{GRANT}/prove-identity/return")
    assert person.path == f"{GRANT}/prove-identity"
    assert "attributes" not in site.neighbours.calls


def test_a_verified_birth_date_that_differs_shows_the_answer_again(site: Site) -> None:
    site.neighbours.birth_date = "1996-05-05"
    person = Person(site)
    person.begin()
    person.walk("prove-identity")
    person.send({})
    person.walk("qualifying-benefit")
    person.answer()
    assert person.path == f"{GRANT}/eligibility"
    assert person.heading == "You are not likely to get this"
    assert "The answer has changed" in person.text
