"""What is given once is given once: told kindly on the pages, and refused surely when sent."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from gateway.journeys.actions import submission
from gateway.journeys.definition.model import Once
from shared.clock import now
from tests.conftest import Cluster
from tests.gateway.journeys import applications
from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import GRANT, Person

pytestmark = pytest.mark.committed
INDEX = "uq_instance_subject_draft"
YOUNG = {**applications.VERIFIED, "date_of_birth": "1996-05-05"}
LINK = "//main//a[contains(@href, '/journeys/cases/')]/@href"
BEGIN = f"//main//form[@action='{GRANT}']"


def draft(site: Site, subject: str) -> UUID:
    """Return an application of a person that is ready to be sent."""
    begun = applications.begin(site.database, site.sealer, subject)
    applications.fill(site.database, site.sealer, begun.id)
    return begun.id


def submit(site: Site, instance_id: UUID, at: datetime) -> None:
    with site.database.transaction() as session:
        submission.submit(session, site.sealer, instance_id, at)


def picture(site: Site) -> list[Any]:
    return site.rows("SELECT * FROM instance ORDER BY id") + site.rows(
        "SELECT instance_id, rev FROM instance_event ORDER BY 1, 2"
    )


def test_who_was_awarded_it_is_told_and_begins_no_second_one(site: Site) -> None:
    sent = applications.send(site.database, site.sealer, subject=site.neighbours.subject)
    site.work()
    person = Person(site)
    person.open("/journeys")
    person.open(GRANT)
    assert "You can get this once a year, and apply again from 1 October" in person.text
    assert person.tree.xpath(LINK) == [f"/journeys/cases/{sent.reference}"]
    assert person.tree.xpath(BEGIN) == []
    person.open("/journeys/sign-out")
    person.send({}, GRANT)
    assert person.path == GRANT
    assert site.count("instance") == 1


def test_an_application_that_is_not_decided_yet_stands_against_another(site: Site) -> None:
    applications.send(site.database, site.sealer, subject=site.neighbours.subject)
    person = Person(site)
    person.open("/journeys")
    person.open(GRANT)
    assert "We have not decided it yet." in person.text
    assert person.tree.xpath(BEGIN) == []


def test_who_signs_in_later_is_told_then_and_sends_nothing(site: Site) -> None:
    sent = applications.send(site.database, site.sealer, subject=site.neighbours.subject)
    site.work()
    person = Person(site)
    person.begin()
    person.walk("sign-in")
    person.open(person.tree.xpath("//a[contains(@class, 'ds_button')]/@href")[0])
    assert person.path == GRANT
    assert f"/journeys/cases/{sent.reference}" in person.tree.xpath(LINK)
    assert "It cannot be sent while the other one counts." in person.text
    assert "Continue" not in person.text
    before = picture(site)
    for page in ("tasks", "heating-fuel", "check-answers"):
        assert person.open(f"{GRANT}/{page}").url.path == GRANT
        person.send({"declaration": "yes", "heating_fuel": "oil"}, f"{GRANT}/{page}")
    assert picture(site) == before
    person.open(GRANT)
    person.send({}, f"{GRANT}/discard")
    assert site.count("instance", "state = 'discarded'") == 1


def test_an_application_that_was_not_awarded_stands_against_nothing(site: Site) -> None:
    subject = site.neighbours.subject
    applications.send(site.database, site.sealer, verified=YOUNG, subject=subject)
    site.work()
    assert site.count("instance_event", "move = 'refuse'") == 1
    person = Person(site)
    person.apply()
    site.work()
    assert site.count("instance_event", "move = 'award'") == 1
    assert len(site.neighbours.payments) == 1


def test_a_second_one_is_refused_until_the_year_is_over(site: Site) -> None:
    subject = str(uuid4())
    first = draft(site, subject)
    submit(site, first, applications.moment(20))
    site.work()
    second = draft(site, subject)
    before = picture(site)
    # Summer time: half past ten in London is the last hour but one of 30 September.
    for late in (applications.moment(21), datetime(2027, 9, 30, 22, 30, tzinfo=UTC)):
        with pytest.raises(submission.AlreadySentError):
            submit(site, second, late)
    site.work()
    assert picture(site) == before
    assert len(site.neighbours.payments) == 1
    submit(site, second, datetime(2027, 9, 30, 23, 30, tzinfo=UTC))
    site.work()
    assert site.count("instance_event", "move = 'award'") == 2


def test_another_person_is_not_held_back(site: Site) -> None:
    applications.send(site.database, site.sealer)
    applications.send(site.database, site.sealer)
    site.work()
    assert site.count("instance_event", "move = 'award'") == 2


@pytest.fixture
def two_drafts(site: Site, cluster: Cluster) -> Iterator[tuple[UUID, UUID]]:
    """Two applications of one person, which only the lack of an index makes possible."""
    subject = str(uuid4())
    made = draft(site, subject), draft(site, str(uuid4()))
    with psycopg.connect(cluster.admin_url, autocommit=True) as admin:
        admin.execute("SET search_path = gateway")
        (definition,) = admin.execute(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'gateway' AND indexname = %s",
            (INDEX,),
        ).fetchone() or ("",)
        admin.execute(f"DROP INDEX {INDEX}".encode())
        try:
            with site.database.transaction() as session:
                session.execute(
                    text("UPDATE instance SET subject = :subject"), {"subject": subject}
                )
            yield made
        finally:
            admin.execute("TRUNCATE instance CASCADE")
            admin.execute(str(definition).encode())


def test_eight_at_once_of_two_applications_are_one(
    site: Site, two_drafts: tuple[UUID, UUID]
) -> None:
    start, at = threading.Barrier(8), now()
    refused: list[UUID] = []
    failed: list[BaseException] = []

    def send(instance_id: UUID) -> None:
        start.wait()
        try:
            submit(site, instance_id, at)
        except submission.AlreadySentError:
            refused.append(instance_id)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is told below
            failed.append(error)

    threads = [threading.Thread(target=send, args=(two_drafts[i % 2],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    site.work()
    assert failed == []
    (sent,) = site.rows("SELECT id FROM instance WHERE submitted_at IS NOT NULL")
    assert refused == [next(each for each in two_drafts if each != sent.id)] * 4
    assert site.count("instance_event", "move = 'submit'") == 1
    assert site.count("payout") == 1
    assert len(site.neighbours.payments) == 1


@pytest.mark.parametrize(
    ("day", "first", "following"),
    [
        (date(2026, 9, 30), date(2025, 10, 1), date(2026, 10, 1)),
        (date(2026, 10, 1), date(2026, 10, 1), date(2027, 10, 1)),
        (date(2027, 2, 28), date(2026, 10, 1), date(2027, 10, 1)),
    ],
)
def test_a_scheme_year_begins_on_its_day(day: date, first: date, following: date) -> None:
    assert Once(per="scheme_year", starts="10-01").period_of(day) == (first, following)


def test_ever_has_no_end() -> None:
    assert Once(per="ever").period_of(date(2026, 10, 1)) is None
