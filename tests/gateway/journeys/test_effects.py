"""Steps after sending: once each, whatever stops in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gateway.journeys import tasks
from shared import outbox
from shared.db import Database
from tests.gateway.journeys import applications
from tests.gateway.journeys.conftest import Site

pytestmark = pytest.mark.committed


class KilledError(BaseException):
    """The process stops here: nothing catches it, as nothing catches kill -9."""


class Fragile(Database):
    """A database whose process is killed at one of its steps: before or after a commit."""

    def __init__(self, database: Database, at: int) -> None:
        super().__init__(database.engine)
        self.at = at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise KilledError

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with super().transaction() as session:
            yield session
            self.step()
        self.step()


def work_until_killed(site: Site, at: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Work as one process that is killed at a step; tells whether it was."""
    fragile = Fragile(site.database, at)
    call = tasks._call

    def fragile_call(*arguments: object) -> object:
        fragile.step()
        answer = call(*arguments)  # type: ignore[arg-type]  # a double, or a value that the test chose
        fragile.step()
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "_call", fragile_call)
        while True:
            with site.database.transaction() as session:
                row = session.execute(
                    text(
                        "SELECT id, topic FROM outbox WHERE done_at IS NULL"
                        " AND topic = 'gateway.journeys.perform' ORDER BY id LIMIT 1"
                    )
                ).one_or_none()
            if row is None:
                return False
            try:
                outbox.run(fragile, site.settings, row.id, row.topic)
            except KilledError:
                return True


def test_killed_between_any_two_steps_everything_happens_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = 0
    while True:
        at += 1
        sent = applications.send(site.database, site.sealer)
        killed = work_until_killed(site, at, monkeypatch)
        site.hurry()
        site.work()
        paid = [key for key in site.neighbours.payments if str(sent.id) in key]
        told = [key for key in site.neighbours.messages if str(sent.id) in key]
        assert (len(paid), len(told)) == (1, 1), f"killed at step {at}"
        (row,) = site.rows(f"SELECT state, rev FROM instance WHERE id = '{sent.id}'")
        assert row.state == "completed", f"killed at step {at}"
        assert site.count("decision", f"instance_id = '{sent.id}'") == 1
        assert site.count("payout", f"instance_id = '{sent.id}' AND state = 'accepted'") == 1
        assert site.count("letter", f"instance_id = '{sent.id}'") == 1
        moves = site.rows(
            f"SELECT move FROM instance_event WHERE instance_id = '{sent.id}' ORDER BY rev"
        )
        assert [m.move for m in moves][-5:] == [
            *("submit", "award", "request_payment", "send_letter", "finish"),
        ]
        if not killed:
            break
    # Three steps of work, the two with a neighbour in more parts: fewer would prove little.
    assert at > 15


def test_the_same_work_twice_does_nothing_the_second_time(site: Site) -> None:
    applications.send(site.database, site.sealer)
    site.work()
    before = site.rows("SELECT rev, state FROM instance")
    calls = len(site.neighbours.calls)
    with site.database.transaction() as session:
        session.execute(text("UPDATE outbox SET done_at = NULL, due_at = now()"))
    site.work()
    assert site.rows("SELECT rev, state FROM instance") == before
    assert len(site.neighbours.calls) == calls


@pytest.mark.parametrize("neighbour", ["payments", "notifications"])
def test_a_neighbour_that_is_away_delays_and_loses_nothing(site: Site, neighbour: str) -> None:
    applications.send(site.database, site.sealer)
    site.neighbours.away.add(neighbour)
    for _ in range(3):
        site.work()
        site.hurry()
    site.work()
    assert site.count("outbox", "dead_at IS NOT NULL") == 0
    assert site.count("instance", "state = 'awarded'") == 1
    site.neighbours.away.clear()
    site.hurry()
    site.work()
    assert site.count("instance", "state = 'completed'") == 1
    assert len(site.neighbours.payments) == 1
    assert len(site.neighbours.messages) == 1


def test_a_neighbour_that_stays_away_is_asked_again_for_ever(site: Site) -> None:
    applications.send(site.database, site.sealer)
    site.neighbours.away.add("payments")
    for _ in range(30):
        site.work()
        site.hurry()
    assert site.count("outbox", "dead_at IS NOT NULL") == 0
    assert site.count("outbox", "topic = 'gateway.journeys.perform' AND done_at IS NULL") == 1
    site.neighbours.away.clear()
    site.work()
    assert site.count("instance", "state = 'completed'") == 1
    assert len(site.neighbours.payments) == 1


@pytest.mark.parametrize(
    ("refusal", "lines"),
    [((422, "invalid"), 1), ((404, "mailbox_unknown"), 0), ((409, "in_progress"), 0)],
)
def test_a_letter_that_is_refused_for_good_is_told_to_staff_once(
    site: Site, refusal: tuple[int, str], lines: int
) -> None:
    sent = applications.send(site.database, site.sealer)
    site.neighbours.refuses_letters = refusal
    for _ in range(40):
        site.work()
        site.hurry()
    told = site.rows(
        "SELECT object_id, details FROM audit_event WHERE action = 'journeys.step_refused'"
    )
    assert len(told) == lines
    for line in told:
        assert line.object_id == sent.reference
        assert (line.details["step"], line.details["code"]) == ("award-letter", "invalid")
    site.neighbours.refuses_letters = None
    site.work()
    assert site.count("instance", "state = 'completed'") == 1
    assert len(site.neighbours.messages) == 1


def test_a_payment_that_is_refused_for_good_asks_for_new_details(site: Site) -> None:
    account = {**applications.ACCOUNT, "account_number": "10000008"}
    applications.send(site.database, site.sealer, account=account)
    site.work()
    (payout,) = site.rows("SELECT state, payment_id FROM payout")
    assert (payout.state, payout.payment_id) == ("refused", None)
    assert len(site.neighbours.messages) == 1
    assert site.count("instance", "state = 'completed'") == 1


def test_the_letter_says_what_was_decided_to_whom(site: Site) -> None:
    subject = str(uuid4())
    sent = applications.send(site.database, site.sealer, subject=subject)
    site.work()
    (message,) = site.neighbours.messages.values()
    assert message["subject"] == subject
    assert message["sender"] == "strathclachan"
    assert message["title"] == "Your Winter Heating Grant has been awarded"
    assert message["case_reference"] == sent.reference
    assert message["letter"]["recipient_name"] == "Morag Fictional"
    assert message["letter"]["recipient_address"] == ["1 Example Street", "ZZ1 1ZZ"]
    assert {"label": "Amount", "value": "£250.00"} in message["letter"]["facts"]
    assert "Morag" not in message["non_sensitive_title"]
    assert not any("{" in paragraph for paragraph in message["body"])
