from datetime import timedelta

import pytest
from sqlalchemy import text

from gateway.journeys.actions import drafts
from shared.clock import now
from tests.gateway.journeys import applications
from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import Person

pytestmark = pytest.mark.committed
OTHER = "0191d6e0-0000-7000-8000-00000000000f"


@pytest.mark.parametrize(
    "page", ["", "/confirmation", "/new-payment", "/new-payment/account-check"]
)
def test_another_persons_case_is_not_found(site: Site, page: str) -> None:
    sent = applications.send(site.database, site.sealer, subject=OTHER)
    person = Person(site)
    assert person.open(f"/journeys/cases/{sent.reference}{page}").status_code == 404
    assert sent.reference not in person.text


@pytest.mark.parametrize("page", ["/new-payment", "/new-payment/account-check"])
def test_nobody_gives_an_account_for_another_persons_case(site: Site, page: str) -> None:
    sent = applications.send(site.database, site.sealer, subject=OTHER)
    site.work()
    with site.database.transaction() as session:
        session.execute(text("UPDATE payout SET state = 'returned'"))
    person = Person(site)
    person.open("/journeys/winter-heating-grant")
    person.open("/journeys")
    person.open("/journeys/winter-heating-grant")
    answer = person.send({"choice": "try_again"}, f"/journeys/cases/{sent.reference}{page}")
    assert answer.status_code == 404
    assert site.count("payout") == 1
    assert site.neighbours.checks == []


def test_the_list_holds_only_ones_own(site: Site) -> None:
    mine = applications.send(site.database, site.sealer, subject=site.neighbours.subject)
    other = applications.send(site.database, site.sealer, subject=OTHER)
    person = Person(site)
    for path in ("/journeys", "/journeys/cases"):
        person.open(path)
        assert mine.reference in person.text
        assert other.reference not in person.text


def test_a_case_needs_a_signed_in_person(site: Site) -> None:
    sent = applications.send(site.database, site.sealer, subject=OTHER)
    browser = site.browser()
    browser.follow_redirects = False
    answer = browser.get(f"/journeys/cases/{sent.reference}")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/journeys/sign-in?return_to=")


def test_a_case_says_how_it_stands_before_and_after_the_decision(site: Site) -> None:
    sent = applications.send(site.database, site.sealer, subject=site.neighbours.subject)
    person = Person(site)
    person.open(f"/journeys/cases/{sent.reference}")
    assert "We have your application and are deciding it." in person.text
    site.work()
    person.open(f"/journeys/cases/{sent.reference}")
    assert "The payment waits for approval" in person.text
    assert "You live in Scotland." in person.text
    assert person.tree.xpath("//main//a[starts-with(@href, '/notifications/mailbox/')]")


def test_a_draft_is_forgotten_when_its_time_is_over(site: Site) -> None:
    begun = applications.begin(site.database, site.sealer)
    with site.database.transaction() as session:
        drafts.answer(session, site.sealer, begun.id, "lives_in_scotland", value=True, now=now())
    with site.database.transaction() as session:
        drafts.forget(session, site.sealer, begun.id, now() + timedelta(days=27))
    assert site.count("instance", "state = 'draft'") == 1
    with site.database.transaction() as session:
        drafts.forget(session, site.sealer, begun.id, now() + timedelta(days=29))
        drafts.forget(session, site.sealer, begun.id, now() + timedelta(days=29))
    assert site.count("instance", "state = 'discarded'") == 1
    assert site.count("instance_event", "move = 'discard'") == 1


def test_a_sent_application_is_never_forgotten(site: Site) -> None:
    sent = applications.send(site.database, site.sealer)
    before = site.rows("SELECT rev, sealed FROM instance")
    with site.database.transaction() as session:
        drafts.forget(session, site.sealer, sent.id, now() + timedelta(days=4000))
    assert site.rows("SELECT rev, sealed FROM instance") == before
