"""Takes what identity has sent instead of the notifications service, and runs its outbox."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from identity import worker
from identity.accounts import tasks as account_tasks
from shared import outbox
from shared.clients.notifications import SentMessage
from tests.identity.people import People

# Importing the worker is what registers every handler.
assert worker.TASKS


@dataclass
class Post:
    """Emails, texts and calls that were ordered; the same key counts once."""

    people: People
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send(self, **order: Any) -> SentMessage:
        if order["idempotency_key"] not in [known["idempotency_key"] for known in self.sent]:
            self.sent.append(order)
        return SentMessage("id", "created")

    def send_email(self, **order: Any) -> SentMessage:
        return self.send(channel="email", **order)

    def to(self, address: str) -> list[dict[str, Any]]:
        return [order for order in self.sent if order["to"] == address]

    def notices(self, address: str) -> list[str]:
        """Return what the owner was told at an address or number."""
        return [
            order["personalisation"]["what"]
            for order in self.to(address)
            if "what" in order["personalisation"]
        ]

    def work(self, *, due: bool = False) -> None:
        """Run everything that waits in the outbox, with ``due`` also what is planned for later."""
        world = self.people.world
        if due:
            world.execute("UPDATE outbox SET due_at = now() WHERE done_at IS NULL")
        with world.database.transaction() as session:
            jobs = session.execute(
                text("SELECT id, topic FROM outbox WHERE done_at IS NULL ORDER BY id")
            ).all()
        for job in jobs:
            outbox.run(world.database, world.settings, job.id, job.topic)


def take_post(people: People, monkeypatch: pytest.MonkeyPatch) -> Post:
    """Stand between identity and the notifications service."""
    made = Post(people)
    monkeypatch.setitem(account_tasks._CLIENTS, id(people.world.settings), made)
    return made
