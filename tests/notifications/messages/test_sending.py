import logging
import socket
from email import message_from_bytes
from email.policy import default

import pytest

from notifications.messages.actions import claim_message
from shared import clock
from shared.outbox import MAXIMUM_ATTEMPTS
from tests.notifications.conftest import MailServer, Service, code_email

PATH = "/notifications/v1/messages"


def _send(service: Service, **changes: object) -> str:
    answer = service.client.post(
        PATH,
        json=code_email(**changes),
        headers=service.headers("messages.send") | {"X-Correlation-Id": "story-42"},
    )
    assert answer.status_code == 201
    return str(answer.json()["id"])


def _report(service: Service, message_id: str) -> dict[str, object]:
    headers = service.headers("messages.send", None)
    return dict(service.client.get(f"{PATH}/{message_id}", headers=headers).json())


def _events(service: Service) -> list[tuple[object, ...]]:
    return service.query("SELECT event, code FROM message_event ORDER BY id")


def test_an_email_arrives_as_text_and_html(service: Service, mail_server: MailServer) -> None:
    message_id = _send(service)
    service.work()
    (mail,) = mail_server.mails()
    assert mail.mail.recipients == ("morag.fictional@example.test",)
    assert mail.code == "914207"
    assert "914207" in mail.html
    assert "10 minutes" in mail.text
    parsed = message_from_bytes(mail.mail.raw, policy=default)
    assert parsed["Message-ID"] == f"<{message_id}@clachan.example>"
    assert parsed["X-Correlation-Id"] == "story-42"
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["Content-Language"] == "en"
    assert parsed.get_content_type() == "multipart/alternative"
    assert _report(service, message_id)["status"] == "delivered"
    assert _events(service) == [("created", ""), ("claimed", ""), ("accepted", "250 2.0.0")]


def test_gaelic_words_survive_the_wire(service: Service, mail_server: MailServer) -> None:
    _send(service, language="gd")
    service.work()
    (mail,) = mail_server.mails()
    assert mail.subject == "An còd tèarainteachd agad airson Clachan"
    assert "còd tèarainteachd" in mail.text
    assert 'lang="gd"' in mail.html


def test_running_the_work_twice_sends_once(service: Service, mail_server: MailServer) -> None:
    _send(service)
    service.work()
    with service.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE outbox SET done_at = NULL")
    service.work()
    assert len(mail_server.mails()) == 1


def test_values_of_a_secret_template_are_forgotten_once_sent(service: Service) -> None:
    message_id = _send(service)
    service.work()
    assert service.query("SELECT personalisation_sealed FROM message") == [(None,)]
    assert _report(service, message_id)["status"] == "delivered"


def test_a_refused_address_is_a_permanent_failure(
    service: Service, mail_server: MailServer
) -> None:
    message_id = _send(service)
    mail_server.play("refuse")
    service.work(3)
    assert not mail_server.mails()
    assert _report(service, message_id)["status"] == "permanent-failure"
    assert _events(service)[-1] == ("refused", "550 5.1.1")


def test_a_temporary_error_is_tried_again(service: Service, mail_server: MailServer) -> None:
    message_id = _send(service)
    mail_server.play("temporary", 2)
    service.work()
    report = _report(service, message_id)
    assert report["status"] == "sending"
    service.work(2)
    assert len(mail_server.mails()) == 1
    report = _report(service, message_id)
    assert report["status"] == "delivered"
    assert report["possible_duplicate"] is False


def test_a_server_that_is_away_is_tried_again(service: Service, mail_server: MailServer) -> None:
    message_id = _send(service)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        service.settings.smtp_port = closed.getsockname()[1]
        service.work()
    assert _report(service, message_id)["status"] == "sending"
    assert _events(service)[-1] == ("deferred", "ConnectionRefusedError")
    service.settings.smtp_port = mail_server.port
    service.work()
    assert _report(service, message_id)["status"] == "delivered"
    assert _report(service, message_id)["possible_duplicate"] is False


def test_the_last_try_gives_up(service: Service, mail_server: MailServer) -> None:
    message_id = _send(service)
    mail_server.play("temporary", 0)
    with service.database.transaction() as session:
        session.connection().exec_driver_sql(f"UPDATE outbox SET attempt = {MAXIMUM_ATTEMPTS - 1}")
    service.work()
    assert _report(service, message_id)["status"] == "temporary-failure"
    assert service.query("SELECT dead_at IS NULL, done_at IS NOT NULL FROM outbox") == [
        (True, True)
    ]


def test_an_answer_that_never_came_is_a_possible_duplicate(
    service: Service, mail_server: MailServer
) -> None:
    message_id = _send(service)
    mail_server.play("drop")
    service.work()
    assert _report(service, message_id)["status"] == "sending"
    assert _events(service)[-1][0] == "uncertain"
    service.work()
    first, second = mail_server.mails()
    assert dict(first.headers)["Message-ID"] == dict(second.headers)["Message-ID"]
    report = _report(service, message_id)
    assert report["status"] == "delivered"
    assert report["possible_duplicate"] is True


def test_a_crash_between_claim_and_record_is_a_possible_duplicate(
    service: Service, mail_server: MailServer
) -> None:
    message_id = _send(service)
    with service.database.transaction() as session:
        row = service.query("SELECT id FROM message")[0][0]
        assert claim_message(session, service.vault, row, clock.now()) is not None
    service.work()
    assert len(mail_server.mails()) == 1
    report = _report(service, message_id)
    assert report["status"] == "delivered"
    assert report["possible_duplicate"] is True


def test_the_record_of_events_cannot_be_changed(service: Service) -> None:
    _send(service)
    for statement in ("UPDATE message_event SET code = 'x'", "DELETE FROM message_event"):
        with (
            pytest.raises(Exception, match="permission denied"),
            service.database.transaction() as session,
        ):
            session.connection().exec_driver_sql(statement)


def test_neither_logs_nor_work_name_the_recipient(
    service: Service,
    mail_server: MailServer,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        _send(service)
        mail_server.play("temporary")
        service.work()
        mail_server.play("drop")
        service.work()
        mail_server.play("refuse")
        service.work()
    said = caplog.text + "".join(capsys.readouterr())
    kept = str(service.query("SELECT * FROM outbox")) + str(
        service.query("SELECT * FROM audit_event")
    )
    assert "message.tried" in said
    ours = "\n".join(line for line in said.splitlines() if "mail.log" not in line)
    for secret in ("example.test", "914207", "attempt-778899"):
        assert secret not in kept
        assert secret not in ours
