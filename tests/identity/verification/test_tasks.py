from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from identity.accounts import tasks as account_tasks
from identity.accounts.subjects import pairwise_subject
from identity.keys.queries import get_subject_salt
from identity.verification import tasks
from shared import clock, outbox
from tests.identity.people import People

# Importing the module is what registers its handlers.
assert tasks.create_mailbox


class Mailboxes:
    """Takes orders instead of the notifications service; down at first when told so."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.is_down = is_down
        self.orders: list[dict[str, Any]] = []

    def create_mailbox(self, **order: Any) -> str:
        if self.is_down:
            raise ConnectionError("down")
        self.orders.append(order)
        return "box-1"


def order(people: People, verified_at: datetime) -> None:
    payload: dict[str, str | int] = {
        "account_id": str(people.account_id()),
        "verified_at": verified_at.isoformat(),
    }
    with people.world.database.transaction() as session:
        outbox.enqueue(session, "identity.verification.create_mailbox", payload, key="one")


def work(people: People) -> None:
    people.world.execute("UPDATE outbox SET due_at = now() - interval '1 second'")
    with people.world.database.transaction() as session:
        jobs = session.execute(
            text("SELECT id, topic FROM outbox WHERE topic LIKE '%create_mailbox'")
        ).all()
    for job in jobs:
        outbox.run(people.world.database, people.world.settings, job.id, job.topic)


def test_the_mailbox_is_ordered_under_the_platforms_own_subject(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_up()
    service, now = Mailboxes(is_down=True), clock.now()
    monkeypatch.setitem(account_tasks._CLIENTS, id(people.world.settings), service)
    order(people, now)
    work(people)
    assert people.world.scalar("SELECT mailbox_id FROM account") is None
    service.is_down = False
    work(people)
    work(people)
    with people.world.database.transaction() as session:
        salt = get_subject_salt(session, people.world.sealer)
    subject = pairwise_subject(people.account_id(), "localhost:8000", salt)
    assert service.orders == [
        {
            "subject": subject,
            "verified_at": now,
            "email": "ann@person.example",
            "language": "en",
        }
    ]
    assert UUID(subject)
    assert people.world.scalar("SELECT mailbox_id FROM account") == "box-1"
    assert "You have one" in people.http.get("/identity/account").text


def test_an_account_that_has_a_mailbox_orders_none(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_up()
    people.world.execute("UPDATE account SET mailbox_id = 'box-0'")
    service = Mailboxes()
    monkeypatch.setitem(account_tasks._CLIENTS, id(people.world.settings), service)
    order(people, clock.now())
    work(people)
    assert service.orders == []
