import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from notifications.channels.provider import Email, Receipt, Result
from notifications.channels.providers.smtp import SmtpProvider
from notifications.channels.rules import classify
from tests.notifications.conftest import MailServer

EMAIL = Email(
    "a@clachan.example", "b@example.test", b"Subject: x\r\n\r\n.dots\r\n..more\r\nend\r\n"
)


@contextmanager
def _scripted(*replies: bytes, pause: float = 0) -> Iterator[int]:
    """Be a mail server that says these things, one per command, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            with suppress(OSError), connection, connection.makefile("rb") as lines:
                for reply in replies:
                    time.sleep(pause)
                    connection.sendall(reply + b"\r\n")
                    line = lines.readline()
                    if not line:
                        return
                    while reply.startswith(b"354") and line not in (b".\r\n", b""):
                        line = lines.readline()

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def test_lines_that_begin_with_dots_arrive_whole(mail_server: MailServer) -> None:
    receipt = SmtpProvider("127.0.0.1", mail_server.port).send(EMAIL)
    assert receipt == Receipt(Result.ACCEPTED, "250 2.0.0")
    (mail,) = mail_server.mails()
    assert mail.mail.raw == EMAIL.content


START = (b"220 hi", b"250 hello")


@pytest.mark.parametrize(
    ("replies", "result"),
    [
        ((b"554 no service",), Result.DEFERRED),
        ((b"220 hi", b"421 closing", b"421 closing"), Result.DEFERRED),
        ((*START, b"550 5.1.8 bad sender"), Result.REFUSED),
        ((*START, b"250 ok", b"550 5.1.1 unknown"), Result.REFUSED),
        ((*START, b"250 ok", b"552 5.2.2 full"), Result.UNWILLING),
        ((*START, b"250 ok", b"550 5.7.1 blocked"), Result.UNWILLING),
        ((*START, b"250 ok", b"450 4.2.1 later"), Result.DEFERRED),
        ((*START, b"250 ok"), Result.DEFERRED),
        ((*START, b"250 ok", b"250 ok", b"451 later"), Result.DEFERRED),
        ((*START, b"250 ok", b"250 ok", b"250 what"), Result.DEFERRED),
        ((*START, b"250 ok", b"250 ok", b"354 go", b"250 2.0.0 ok"), Result.ACCEPTED),
        ((*START, b"250 ok", b"250 ok", b"354 go", b"452 4.2.2 full"), Result.DEFERRED),
        ((*START, b"250 ok", b"250 ok", b"354 go", b"554 5.6.0 bad"), Result.REFUSED),
        ((*START, b"250 ok", b"250 ok", b"354 go"), Result.UNCERTAIN),
    ],
)
def test_every_answer_at_every_step_is_understood(
    replies: tuple[bytes, ...], result: Result
) -> None:
    with _scripted(*replies) as port:
        receipt = SmtpProvider("127.0.0.1", port, timeout_seconds=2).send(EMAIL)
    assert receipt.result is result
    assert "@" not in receipt.code


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        receipt = SmtpProvider("127.0.0.1", port, timeout_seconds=0.2).send(EMAIL)
    assert receipt.result is Result.DEFERRED


def test_the_steps_share_one_time_out() -> None:
    begun = time.monotonic()
    with _scripted(*START, b"250 ok", b"250 ok", b"354 go", b"250 ok", pause=0.2) as port:
        receipt = SmtpProvider("127.0.0.1", port, timeout_seconds=0.5).send(EMAIL)
    assert receipt.result is Result.DEFERRED
    assert time.monotonic() - begun < 2


def test_encryption_that_is_insisted_on_is_not_done_without(mail_server: MailServer) -> None:
    for security in ("starttls", "tls"):
        provider = SmtpProvider("127.0.0.1", mail_server.port, security, timeout_seconds=1)
        assert provider.send(EMAIL).result is Result.DEFERRED
    assert not mail_server.mails()


def test_a_reply_is_kept_without_its_words() -> None:
    receipt = classify(550, b"5.1.1 <morag@example.test>: no such user")
    assert receipt == Receipt(Result.REFUSED, "550 5.1.1")
