import threading
from pathlib import Path

import httpx
import pytest

from gateway.eligibility.rules import evaluate
from gateway.journeys import queries
from gateway.journeys.actions import submission
from gateway.journeys.commands import publish_folder
from shared.clock import now
from shared.errors import Conflict
from tests.gateway.journeys import applications
from tests.gateway.journeys.conftest import GRANT as FILE
from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import GRANT, Person

pytestmark = pytest.mark.committed


def test_nothing_is_sent_without_the_declaration(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("check-answers")
    person.send({})
    assert person.page.status_code == 422
    assert person.errors == [("Confirm that your answers are correct and complete", "#declaration")]
    assert site.count("instance", "submitted_at IS NOT NULL") == 0
    assert site.count("outbox", "topic = 'gateway.journeys.perform'") == 0


def test_the_review_shows_every_answer_with_its_source(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("check-answers")
    assert "Confirmed by ScotAccount on 20 November 2026" in person.text
    assert "Account number ending 0011" in person.text
    assert "10000011" not in person.page.text
    changes = person.tree.xpath("//main//dl//a/@href")
    assert f"{GRANT}/heating-fuel?change=1" in changes
    assert not any("date-of-birth" in change for change in changes)


def test_a_change_from_the_review_leads_back_to_it(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("check-answers")
    person.open(f"{GRANT}/heating-fuel?change=1")
    person.send({"heating_fuel": "oil"})
    assert person.path == f"{GRANT}/check-answers"
    assert "Heating oil" in person.text


def test_a_double_click_sends_once(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("check-answers")
    fields = {
        str(field.get("name")): str(field.get("value"))
        for field in person.tree.xpath("//form[.//input[@name='declaration']]//input")
    }
    answers: list[httpx.Response] = []

    def click() -> None:
        with httpx.Client(
            cookies=person.browser.cookies, follow_redirects=True, timeout=60
        ) as browser:
            answers.append(browser.post(f"{site.url}{GRANT}/check-answers", data=fields))

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.url.path for answer in answers}) == 1
    assert answers[0].url.path.endswith("/confirmation")
    assert site.count("instance", "submitted_at IS NOT NULL") == 1
    assert site.count("instance_event", "move = 'submit'") == 1
    site.work()
    assert len(site.neighbours.payments) == 1
    assert len(site.neighbours.messages) == 1


def test_going_back_after_sending_changes_nothing(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("heating-fuel")
    old = person.page
    person.walk("confirmation")
    before = site.rows("SELECT rev, sealed FROM instance")
    person.page = old
    person.send({"heating_fuel": "oil"}, f"{GRANT}/heating-fuel")
    assert person.path == GRANT
    assert "You have already sent an application" in person.text
    assert site.rows("SELECT rev, sealed FROM instance") == before


def test_an_application_with_open_questions_is_not_sent(site: Site) -> None:
    begun = applications.begin(site.database, site.sealer, "somebody")
    with pytest.raises(Conflict), site.database.transaction() as session:
        submission.submit(session, site.sealer, begun.id, now())
    assert site.count("instance", "state = 'draft' AND rev = 1") == 1


def test_an_anonymous_application_is_not_sent(site: Site) -> None:
    begun = applications.begin(site.database, site.sealer)
    applications.fill(site.database, site.sealer, begun.id)
    with pytest.raises(Conflict), site.database.transaction() as session:
        submission.submit(session, site.sealer, begun.id, now())
    assert site.count("instance", "submitted_at IS NULL") == 1


def test_an_application_stays_on_its_version(site: Site, tmp_path: Path) -> None:
    person = Person(site)
    person.begin()
    person.walk("heating-fuel")
    text = FILE.read_text().replace("How do you mainly heat your home?", "What heats your home?")
    (tmp_path / FILE.name).write_text(text)
    publish_folder(site.database, tmp_path)
    person.open(f"{GRANT}/heating-fuel")
    assert person.heading == "How do you mainly heat your home?"
    person.walk("confirmation")
    site.work()
    assert len(site.neighbours.payments) == 1
    site.neighbours.subject = "somebody-else"
    other = Person(site)
    other.begin()
    other.walk("heating-fuel")
    assert other.heading == "What heats your home?"


def test_a_decision_can_be_computed_again(site: Site) -> None:
    sent = applications.send(site.database, site.sealer)
    site.work()
    with site.database.transaction() as session:
        held = queries.lock_instance(session, sent.id)
        kept = queries.find_decision(session, site.sealer, sent.id)
        service = queries.get_service(session, held.service_id, held.version)
        assert kept is not None
        again = submission.decide_again(service, held.open(site.sealer), held)
        assert (
            again.as_dict()
            == evaluate(service.rule_set, again.inputs, kept.on_date, "en").as_dict()
        )
    assert kept.outcome == "eligible"
    assert kept.amount_pence == 25000
    assert kept.result["reasons"] == list(again.reasons)
    assert kept.result["inputs"] == dict(again.inputs)


def test_the_letter_comes_in_the_language_in_which_the_application_was_sent(site: Site) -> None:
    person = Person(site)
    person.begin()
    person.walk("check-answers")
    person.open(f"{GRANT}/check-answers?lang=gd")
    person.send({"declaration": "yes"})
    site.work()
    (letter,) = site.neighbours.messages.values()
    assert letter["language"] == "gd"
    assert letter["sender_name"] == "Comhairle Shrath Chlachain"
    assert letter["title"] == "Your Tabhartas Teasachaidh a’ Gheamhraidh has been awarded"


def test_who_is_not_eligible_gets_the_reasons_and_no_money(site: Site) -> None:
    young = {**applications.VERIFIED, "date_of_birth": "1996-05-05"}
    sent = applications.send(site.database, site.sealer, verified=young)
    site.work()
    assert site.neighbours.payments == {}
    (letter,) = site.neighbours.messages.values()
    assert "was not successful" in letter["title"]
    reason = "You are under pension age and receive none of the qualifying benefits."
    assert f"* {reason}" in letter["body"]
    assert site.rows(f"SELECT state FROM instance WHERE id = '{sent.id}'")[0].state == "completed"
