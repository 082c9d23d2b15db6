from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from tests.notifications.conftest import Deliver, MailServer, Service, letter_body, mailbox_body

BOXES = "/notifications/v1/mailboxes"
LETTERS = "/notifications/v1/mailbox-messages"


def _create(service: Service, **changes: object) -> tuple[int, str]:
    answer = service.client.post(
        BOXES, json=mailbox_body(**changes), headers=service.headers("mailbox.create", None)
    )
    return answer.status_code, answer.json().get("mailbox_id", answer.text)


def _deposit(service: Service, key: str = "k", **changes: object) -> tuple[int, dict[str, object]]:
    answer = service.client.post(
        LETTERS,
        json=letter_body(**changes),
        headers=service.headers("mailbox.send", key, "gateway-service"),
    )
    return answer.status_code, answer.json()


def _nothing_deposited(service: Service) -> bool:
    return service.query("SELECT count(*) FROM mailbox_message") == [(0,)]


def test_a_mailbox_is_created_once_per_person(service: Service) -> None:
    first = _create(service)
    assert first[0] == 201
    assert UUID(first[1])
    assert _create(service) == (200, first[1])
    other = _create(service, subject="sub-alasdair")
    assert other[0] == 201
    assert other[1] != first[1]


def test_sixteen_creations_at_once_are_one_mailbox(service: Service) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _create(service), range(16)))
    assert len({mailbox_id for _, mailbox_id in answers}) == 1
    assert sorted(status for status, _ in answers) == [200] * 15 + [201]
    assert service.query("SELECT count(*) FROM mailbox") == [(1,)]


def test_a_newer_verification_renews_the_address_and_an_older_does_not(
    service: Service, mail_server: MailServer
) -> None:
    _create(service, verified_at="2026-11-20T10:00:00Z")
    _create(service, verified_at="2026-11-21T10:00:00Z", email="new@example.test")
    _create(service, verified_at="2026-11-19T10:00:00Z", email="old@example.test")
    _deposit(service)
    service.work()
    (alert,) = mail_server.mails()
    assert alert.mail.recipients == ("new@example.test",)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"subject": ""}, "subject"),
        ({"subject": "a\x00b"}, "subject"),
        ({"assurance": "low"}, "assurance"),
        ({"verified_at": "2026-11-20T10:00:00"}, "verified_at"),
    ],
)
def test_a_wrong_mailbox_request_changes_nothing(
    service: Service, change: dict[str, object], field: str
) -> None:
    answer = service.client.post(
        BOXES, json=mailbox_body() | change, headers=service.headers("mailbox.create", None)
    )
    assert answer.status_code == 422
    assert field in [fault["field"] for fault in answer.json()["fields"]]
    assert service.query("SELECT count(*) FROM mailbox") == [(0,)]


def test_a_letter_is_published_and_its_reader_alerted(
    service: Service, mail_server: MailServer
) -> None:
    _create(service)
    status, answer = _deposit(service)
    assert (status, answer["status"]) == (202, "initialized")
    service.work()
    report = service.client.get(
        f"{LETTERS}/{answer['id']}",
        headers=service.headers("mailbox.send", None, "gateway-service"),
    ).json()
    assert report["status"] == "published"
    assert report["published_at"]
    assert report["opened_at"] is None
    (alert,) = mail_server.mails()
    assert alert.subject == "You have a new message in your mailbox"
    assert alert.links == (f"http://localhost:8000/notifications/mailbox/{answer['id']}",)
    for word in ("250", "heating", "SWH-7K3M", "decision", "Morag"):
        assert word not in alert.text + alert.html
    assert service.query("SELECT event, actor_kind FROM mailbox_event ORDER BY id") == [
        ("deposited", "service"),
        ("published", "system"),
        ("alert_sent", "system"),
    ]


def test_running_the_work_twice_changes_nothing(service: Service, mail_server: MailServer) -> None:
    _create(service)
    _deposit(service)
    service.work()
    before = service.query("SELECT published_at, letter_sealed FROM mailbox_message")
    with service.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE outbox SET done_at = NULL")
    service.work()
    assert service.query("SELECT published_at, letter_sealed FROM mailbox_message") == before
    assert len(mail_server.mails()) == 1
    assert service.query("SELECT count(*) FROM mailbox_event") == [(3,)]
    assert service.query("SELECT count(*) FROM outbox WHERE done_at IS NULL") == [(0,)]


def test_the_same_key_sixteen_times_at_once_is_one_letter(service: Service) -> None:
    _create(service)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _deposit(service), range(16)))
    assert {status for status, _ in answers} == {202}
    assert len({str(answer["id"]) for _, answer in answers}) == 1
    assert service.query("SELECT count(*) FROM mailbox_message") == [(1,)]


def test_a_person_without_mailbox_is_a_refusal_that_may_pass(service: Service) -> None:
    status, answer = _deposit(service)
    assert (status, answer["code"]) == (404, "mailbox_unknown")
    assert _nothing_deposited(service)
    _create(service)
    assert _deposit(service)[0] == 202, "the key of a refused request is still free"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (
            {"letter": {"template": "ransom", "recipient_name": "A", "recipient_address": []}},
            "letter.template",
        ),
        ({"title": ""}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"body": []}, "body"),
        ({"body": ["x" * 20_000, "y" * 20_000]}, "body"),
        ({"sender": "Strathclachan Council"}, "sender"),
        ({"language": "fr"}, "language"),
        ({"subject": "sub morag"}, "subject"),
    ],
)
def test_a_wrong_letter_changes_nothing(
    service: Service, change: dict[str, object], field: str
) -> None:
    _create(service)
    status, answer = _deposit(service, **change)
    assert status == 422
    assert field in [fault["field"] for fault in answer["fields"]]  # type: ignore[attr-defined]  # only this kind has it
    assert _nothing_deposited(service)


def test_a_message_needs_no_addressee(service: Service) -> None:
    _create(service)
    plain = {"template": "decision", "recipient_name": "", "recipient_address": []}
    status, _ = _deposit(service, letter=plain)
    assert status == 202
    service.work()
    assert service.query("SELECT state FROM mailbox_message") == [("published",)]


def test_another_senders_letter_is_unknown(service: Service, deliver: Deliver) -> None:
    message_id = deliver()
    other = service.headers("mailbox.send", None, "payments-service")
    assert service.client.get(f"{LETTERS}/{message_id}", headers=other).status_code == 404
    assert service.client.get(f"{LETTERS}/{uuid4()}", headers=other).status_code == 404


def test_opening_is_told_only_to_a_sender_who_asked(service: Service, deliver: Deliver) -> None:
    asked, plain = deliver(tell_opened=True), deliver()
    service.sign_in("sub-morag")
    headers = service.headers("mailbox.send", None, "gateway-service")
    for message_id in (asked, plain):
        page = service.client.get(f"/notifications/mailbox/{message_id}")
        assert page.status_code == 200
    assert service.client.get(f"{LETTERS}/{asked}", headers=headers).json()["opened_at"]
    assert service.client.get(f"{LETTERS}/{plain}", headers=headers).json()["opened_at"] is None
    waiting = service.query(
        "SELECT payload->>'message_id' FROM outbox"
        " WHERE topic = 'notifications.mailbox.tell_opened'"
    )
    assert waiting == [(str(asked),)]
