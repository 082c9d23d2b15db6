import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from notifications.channels.simulator import make_app
from tests.notifications.conftest import MailServer


@pytest.fixture
def inbox(mail_server: MailServer, tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(make_app(tmp_path)) as client:
        yield client


def _send(mail_server: MailServer, to: str, text: str, subject: str = "Words") -> None:
    email = EmailMessage()
    email["From"], email["To"], email["Subject"] = "a@b.example", to, subject
    email.set_content(text)
    with smtplib.SMTP("127.0.0.1", mail_server.port, timeout=5) as connection:
        connection.send_message(email)


def test_an_email_is_found_by_its_address(inbox: TestClient, mail_server: MailServer) -> None:
    _send(mail_server, "morag@example.test", "Your code is 123456.")
    _send(mail_server, "alasdair@example.test", "See https://x.example/a?b=1&c=2 now")
    (found,) = inbox.get("/api/messages", params={"to": "MORAG"}).json()
    assert found["code"] == "123456"
    assert found["subject"] == "Words"
    assert len(inbox.get("/api/messages").json()) == 2
    assert inbox.get("/api/messages", params={"to": "_"}).json() == []
    page = inbox.get("/").text
    assert page.index("alasdair@") < page.index("morag@"), "newest first"
    assert '<p class="code">123456</p>' in page
    assert "alasdair@" not in inbox.get("/", params={"to": "morag"}).text


def test_the_page_of_an_email_has_working_links(inbox: TestClient, mail_server: MailServer) -> None:
    _send(mail_server, "a@example.test", "See https://x.example/a?b=1&c=2 now")
    number = inbox.get("/api/messages").json()[0]["id"]
    page = inbox.get(f"/messages/{number}").text
    assert '<a href="https://x.example/a?b=1&amp;c=2">' in page
    assert "See " in inbox.get(f"/messages/{number}/raw").text
    assert inbox.get("/messages/999").status_code == 404


def test_what_an_email_says_is_never_markup(inbox: TestClient, mail_server: MailServer) -> None:
    _send(mail_server, "a@example.test", '<script>x</script> https://x.example/"onx=1', "<b>s</b>")
    for path in ("/", "/?to=<i>", "/messages/1"):
        page = inbox.get(path).text
        assert "<script>" not in page
        assert "<b>s" not in page
        assert "<i>" not in page
        assert '"onx' not in page


def test_the_list_loads_itself_anew_until_told_not_to(inbox: TestClient) -> None:
    assert inbox.get("/", params={"to": "a b"}).headers["Refresh"] == "5;url=/?to=a%20b"
    assert "Refresh" not in inbox.get("/", params={"reload": "no"}).headers


def test_a_fault_counts_down(inbox: TestClient, mail_server: MailServer) -> None:
    assert inbox.put("/api/fault", json={"kind": "temporary", "times": 2}).status_code == 200
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            _send(mail_server, "a@example.test", "x")
    _send(mail_server, "a@example.test", "x")
    assert len(inbox.get("/api/messages").json()) == 1
    assert inbox.get("/api/fault").json() == {"kind": "none", "times": 0}


def test_a_fault_can_be_chosen_on_the_page(inbox: TestClient) -> None:
    answer = inbox.post("/faults", data={"kind": "refuse", "times": "0"}, follow_redirects=True)
    assert answer.status_code == 200
    assert "misbehaves" in inbox.get("/").text
    assert inbox.post("/faults", data={"kind": "explode"}).status_code == 422
    assert inbox.get("/api/fault").json()["kind"] == "refuse"


def test_emails_outlive_the_process(
    inbox: TestClient, mail_server: MailServer, tmp_path: Path
) -> None:
    _send(mail_server, "a@example.test", "x")
    with TestClient(make_app(tmp_path)) as again:
        assert len(again.get("/api/messages").json()) == 1
        assert again.delete("/api/messages").status_code == 204
    assert inbox.get("/api/messages").json() == []
