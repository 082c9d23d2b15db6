"""Email by SMTP (RFC 5321), to whatever mail server the settings name."""

import smtplib
import ssl
import time
from dataclasses import dataclass
from typing import Literal

from notifications.channels.provider import Email, Receipt, Result
from notifications.channels.rules import classify

_OK = range(200, 300)
_START_CONTENT = 354


@dataclass(frozen=True)
class SmtpProvider:
    """Hands one email over per connection.

    The steps are taken one by one, because it matters where a connection breaks: before the end of
    the content nothing was sent, after it nobody can know. All steps of a try share one time-out,
    so that a slow server cannot hold an email for longer than its work is leased.
    """

    host: str
    port: int
    security: Literal["offered", "starttls", "tls"] = "offered"
    username: str = ""
    password: str = ""
    timeout_seconds: float = 10.0

    def send(self, email: Email) -> Receipt:
        """Try once; a server that is away or refuses is an answer, not an exception."""
        deadline = time.monotonic() + self.timeout_seconds
        try:
            connection = self._connect(deadline)
        except smtplib.SMTPResponseException as error:
            # What the server says before it has heard of the email is about us, not about it.
            return Receipt(Result.DEFERRED, str(error.smtp_code))
        except (OSError, smtplib.SMTPException) as error:
            return Receipt(Result.DEFERRED, type(error).__name__)
        try:
            return self._hand_over(connection, email, deadline)
        finally:
            connection.close()

    def _connect(self, deadline: float) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout_seconds, context=context
            )
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        try:
            _limit(connection, deadline)
            connection.ehlo_or_helo_if_needed()
            if self.security == "starttls" or (
                self.security == "offered" and connection.has_extn("starttls")
            ):
                connection.starttls(context=context)
                connection.ehlo()
            if self.username:
                _limit(connection, deadline)
                connection.login(self.username, self.password)
        except (OSError, smtplib.SMTPException):
            connection.close()
            raise
        return connection

    def _hand_over(self, connection: smtplib.SMTP, email: Email, deadline: float) -> Receipt:
        try:
            for step, address in (
                (connection.mail, email.sender),
                (connection.rcpt, email.recipient),
            ):
                _limit(connection, deadline)
                code, words = step(address)
                if code not in _OK:
                    return classify(code, words)
            _limit(connection, deadline)
            connection.putcmd("data")
            code, words = connection.getreply()
            if code in _OK:
                # Nothing was sent yet, so there was nothing to accept.
                return Receipt(Result.DEFERRED, str(code))
            if code != _START_CONTENT:
                return classify(code, words)
        except (OSError, smtplib.SMTPException) as error:
            return Receipt(Result.DEFERRED, type(error).__name__)
        return _send_content(connection, email.content, deadline)


def _limit(connection: smtplib.SMTP, deadline: float) -> None:
    """Give the next step what is left of the time; refuses when nothing is (TimeoutError)."""
    left = deadline - time.monotonic()
    if left <= 0 or connection.sock is None:
        raise TimeoutError
    connection.sock.settimeout(left)


def _send_content(connection: smtplib.SMTP, content: bytes, deadline: float) -> Receipt:
    dotted = b"\r\n".join(
        b"." + line if line.startswith(b".") else line
        for line in content.removesuffix(b"\r\n").split(b"\r\n")
    )
    try:
        _limit(connection, deadline)
    except TimeoutError as error:
        return Receipt(Result.DEFERRED, type(error).__name__)
    try:
        connection.send(dotted + b"\r\n.\r\n")
        code, words = connection.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return Receipt(Result.UNCERTAIN, type(error).__name__)
    return classify(code, words)
