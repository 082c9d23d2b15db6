from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from identity.accounts import tasks as account_tasks
from identity.signin import tasks as signin_tasks
from shared import outbox
from shared.clients.notifications import SentMessage
from tests.identity.people import PASSWORD, People

# Importing the module is what registers its handlers.
assert signin_tasks.send_code


@dataclass
class Post:
    """Takes emails instead of the notifications service."""

    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_email(self, **mail: Any) -> SentMessage:
        self.sent.append(mail)
        return SentMessage("id", "accepted")


@pytest.fixture
def post(people: People, monkeypatch: pytest.MonkeyPatch) -> Post:
    made = Post()
    monkeypatch.setitem(account_tasks._CLIENTS, id(people.world.settings), made)
    return made


def work(people: People) -> None:
    """Run everything that waits in the outbox once."""
    world = people.world
    with world.database.transaction() as session:
        jobs = session.execute(
            text("SELECT id, topic FROM outbox WHERE done_at IS NULL ORDER BY id")
        ).all()
    for job in jobs:
        outbox.run(world.database, world.settings, job.id, job.topic)


def test_the_mailed_code_is_the_one_that_works_and_is_kept_nowhere(
    people: People, post: Post
) -> None:
    first = people.send("/identity/create-account", email="ann@person.example", password=PASSWORD)
    work(people)
    (mail,) = post.sent
    assert mail["to"] == "ann@person.example"
    assert mail["template"] == "identity.one_time_code"
    assert people.world.scalar("SELECT count(*) FROM attempt WHERE code_sealed IS NOT NULL") == 0
    code = mail["personalisation"]["code"]
    assert people.send(first.headers["location"], code=code).status_code == 303


def test_a_replaced_code_is_not_mailed(people: People, post: Post) -> None:
    first = people.send("/identity/create-account", email="ann@person.example", password=PASSWORD)
    place = first.headers["location"].replace("/code?", "/code/again?")
    assert people.send(place).status_code == 303
    work(people)
    assert len(post.sent) == 1
    assert post.sent[0]["idempotency_key"].endswith(":2")
    page = first.headers["location"]
    code = post.sent[0]["personalisation"]["code"]
    assert people.send(page, code=code).status_code == 303


def test_an_owner_is_told_that_the_account_exists(people: People, post: Post) -> None:
    people.sign_up("ann@person.example")
    people.send("/identity/create-account", email="ann@person.example", password=PASSWORD)
    work(people)
    (mail,) = [mail for mail in post.sent if mail["template"] == "identity.account_changed"]
    assert mail["to"] == "ann@person.example"
    assert "You have one already" in mail["personalisation"]["what"]


def test_nobody_is_mailed_about_an_unknown_account(people: People, post: Post) -> None:
    people.send("/identity/new-password", email="nobody@person.example")
    work(people)
    assert post.sent == []
    assert people.world.scalar("SELECT count(*) FROM outbox WHERE done_at IS NULL") == 0


def test_a_task_that_runs_twice_mails_with_the_same_key(people: People, post: Post) -> None:
    people.send("/identity/create-account", email="ann@person.example", password=PASSWORD)

    def fail(**_: Any) -> SentMessage:
        raise ConnectionError("down")

    healthy, post.send_email = post.send_email, fail  # type: ignore[method-assign]  # a double for the length of the test
    work(people)
    people.world.execute("UPDATE outbox SET due_at = now()")
    assert people.world.scalar("SELECT count(*) FROM attempt WHERE code_sealed IS NOT NULL") == 1
    post.send_email = healthy  # type: ignore[method-assign]  # a double for the length of the test
    work(people)
    assert len(post.sent) == 1


def test_the_notice_of_a_new_device_names_it(people: People, post: Post) -> None:
    people.sign_up("ann@person.example")
    for agent in ("Mozilla/5.0 (Windows NT 10.0) Firefox/140", "<b>curl</b>"):
        elsewhere = people.another_browser()
        elsewhere.headers["User-Agent"] = agent
        first = people.send(
            "/identity/sign-in", http=elsewhere, email="ann@person.example", password=PASSWORD
        )
        people.send(first.headers["location"], http=elsewhere, code=people.newest_code())
    work(people)
    said = [mail["personalisation"].get("what", "") for mail in post.sent]
    named = [words for words in said if "not used on before" in words]
    assert "before: Firefox on Windows." in named[0]
    assert "before: a device that we could not name." in named[1]
