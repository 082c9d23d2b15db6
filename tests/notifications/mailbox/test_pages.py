import io
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pypdf
import pytest

from tests.notifications.conftest import Deliver, Service, csrf_token

NOBODYS = "0195d0c4-0000-7000-8000-000000000000"
ROOT = "/notifications/"


def _events(service: Service) -> list[str]:
    rows = service.query("SELECT event FROM mailbox_event WHERE actor_kind = 'citizen' ORDER BY id")
    return [str(row[0]) for row in rows]


@pytest.mark.parametrize(
    "path",
    [ROOT, f"{ROOT}archive", f"{ROOT}mailbox/{NOBODYS}", f"{ROOT}mailbox/{NOBODYS}/letter.pdf"],
)
def test_whoever_is_not_signed_in_goes_to_sign_in_and_back(service: Service, path: str) -> None:
    answer = service.client.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/notifications/sign-in?return_to=")


def test_an_access_token_opens_no_page(service: Service, deliver: Deliver) -> None:
    message_id = deliver()
    answer = service.client.get(
        f"{ROOT}mailbox/{message_id}", headers=service.headers("mailbox.send")
    )
    assert answer.status_code == 303
    assert _events(service) == []


def test_a_person_without_mailbox_is_told_how_to_get_one(service: Service) -> None:
    service.sign_in("sub-new")
    answer = service.client.get(ROOT)
    assert answer.status_code == 200
    assert "You do not have a mailbox yet" in answer.text
    assert service.client.get(f"{ROOT}mailbox/{uuid4()}").status_code == 404


def test_the_inbox_shows_what_is_new(service: Service, deliver: Deliver) -> None:
    message_id = deliver()
    service.sign_in("sub-morag")
    answer = service.client.get(ROOT)
    assert "You have 1 unread message." in answer.text
    assert "<strong>You will get 250 pounds for heating</strong>" in answer.text
    assert f"/notifications/mailbox/{message_id}" in answer.text
    assert "Strathclachan Council" in answer.text
    assert "Morag Fictional" in answer.text, "the header says who is signed in"


def test_an_empty_inbox_says_so(service: Service, deliver: Deliver) -> None:
    message_id = deliver()
    service.sign_in("sub-morag")
    page = service.client.get(f"{ROOT}mailbox/{message_id}")
    _press(service, f"{ROOT}mailbox/{message_id}/archive", page.text)
    assert "There are no messages here." in service.client.get(ROOT).text


def test_a_letter_is_opened_once(service: Service, deliver: Deliver) -> None:
    message_id = deliver()
    service.sign_in("sub-morag")
    first = service.client.get(f"{ROOT}mailbox/{message_id}")
    assert first.status_code == 200
    assert "The winter grant of £250.00 is yours." in first.text
    assert "<title>A decision about your application" in first.text
    opened = service.query("SELECT opened_at FROM mailbox_message")
    service.client.get(f"{ROOT}mailbox/{message_id}")
    assert service.query("SELECT opened_at FROM mailbox_message") == opened
    assert _events(service) == ["fetched", "opened"]
    assert "You have no unread messages." in service.client.get(ROOT).text


def test_a_letter_opened_in_eight_tabs_at_once_is_opened_once(
    service: Service, deliver: Deliver
) -> None:
    message_id = deliver(tell_opened=True)
    service.sign_in("sub-morag")
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: service.client.get(f"{ROOT}mailbox/{message_id}"), range(8))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert _events(service) == ["fetched", "opened"]
    told = "SELECT count(*) FROM outbox WHERE topic = 'notifications.mailbox.tell_opened'"
    assert service.query(told) == [(1,)]


def test_a_browser_that_looks_ahead_opens_nothing(service: Service, deliver: Deliver) -> None:
    message_id = deliver()
    service.sign_in("sub-morag")
    answer = service.client.get(
        f"{ROOT}mailbox/{message_id}",
        headers={"Sec-Purpose": "prefetch;prerender"},
    )
    assert answer.status_code == 200
    assert _events(service) == []


def test_another_persons_letter_is_not_there(service: Service, deliver: Deliver) -> None:
    mine, theirs = deliver("sub-morag"), deliver("sub-alasdair")
    service.sign_in("sub-morag")
    token = csrf_token(service.client.get(f"{ROOT}mailbox/{mine}").text)
    before = service.query("SELECT unread, opened_at, archived_at FROM mailbox_message ORDER BY id")
    events = _events(service)
    for path in ("", "/letter.pdf"):
        answer = service.client.get(f"{ROOT}mailbox/{theirs}{path}")
        assert answer.status_code == 404
        assert "heating" not in answer.text
    ahead = {"Sec-Purpose": "prefetch"}
    assert service.client.get(f"{ROOT}mailbox/{theirs}", headers=ahead).status_code == 404
    for path in ("archive", "restore", "unread"):
        answer = service.client.post(f"{ROOT}mailbox/{theirs}/{path}", data={"csrf_token": token})
        assert answer.status_code == 404
    after = service.query("SELECT unread, opened_at, archived_at FROM mailbox_message ORDER BY id")
    assert (after, _events(service)) == (before, events)


def _press(service: Service, path: str, page: str) -> str:
    answer = service.client.post(path, data={"csrf_token": csrf_token(page)})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_a_letter_is_archived_restored_and_marked_unread(
    service: Service, deliver: Deliver
) -> None:
    address = f"{ROOT}mailbox/{deliver()}"
    service.sign_in("sub-morag")
    page = service.client.get(address).text
    assert _press(service, f"{address}/archive", page) == f"{ROOT}?done=archived"
    assert "heating" not in service.client.get(ROOT).text
    assert "heating" in service.client.get(f"{ROOT}archive").text
    assert _press(service, f"{address}/archive", page)
    assert _press(service, f"{address}/restore", page) == f"{ROOT}archive?done=restored"
    assert "heating" in service.client.get(ROOT).text
    assert _press(service, f"{address}/unread", page) == f"{ROOT}?done=unread"
    assert "You have 1 unread message." in service.client.get(ROOT).text
    events = ["fetched", "opened", "archived", "restored", "marked_unread"]
    assert _events(service) == events, "doing it twice is one event"


def test_a_form_without_its_token_changes_nothing(service: Service, deliver: Deliver) -> None:
    address = f"{ROOT}mailbox/{deliver()}"
    service.sign_in("sub-morag")
    service.client.get(address)
    assert service.client.post(f"{address}/archive").status_code == 403
    assert service.query("SELECT archived_at FROM mailbox_message") == [(None,)]


def test_the_pdf_is_downloaded_with_careful_headers(service: Service, deliver: Deliver) -> None:
    message_id = deliver()
    service.sign_in("sub-morag")
    answer = service.client.get(f"{ROOT}mailbox/{message_id}/letter.pdf")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="letter-20')
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    pdf = pypdf.PdfReader(io.BytesIO(answer.content))
    assert "The winter grant of £250.00 is yours." in pdf.pages[0].extract_text()
    assert _events(service) == ["fetched", "opened", "attachment_downloaded"]


def test_the_list_is_cut_into_pages_and_searched(service: Service, deliver: Deliver) -> None:
    deliver(title="Blue badge renewed", sender_name="Glenmore Còmhairle")
    for number in range(24):
        deliver(title=f"Heating letter {number:02}")
    service.sign_in("sub-morag")

    def titles(query: str) -> int:
        return service.client.get(f"{ROOT}{query}").text.count("ds_search-result__link")

    assert titles("") == 20
    assert titles("?page=2") == 5
    assert titles("?page=900") == 5
    assert titles("?q=heating") == 20
    assert titles("?q=heating&page=2") == 4
    assert titles("?q=BLUE") == 1
    assert titles("?q=comhairle+badge") == 1
    assert titles("?q=%25") == 20, "signs that are no words search for nothing"
    assert titles("?q=nothing-like-it") == 0
    page = service.client.get(f"{ROOT}?q=<b>").text
    assert "<b>" not in page


def test_words_of_a_sender_are_never_markup(service: Service, deliver: Deliver) -> None:
    message_id = deliver(
        title="<img src=x>", body=["<script>alert(1)</script>"], sender_name="A <b>b</b>"
    )
    service.sign_in("sub-morag")
    for path in (ROOT, f"{ROOT}mailbox/{message_id}"):
        page = service.client.get(path).text
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "<b>b" not in page


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}archive"])
def test_wrong_page_numbers_are_refused(service: Service, path: str) -> None:
    service.sign_in("sub-morag")
    for page in ("0", "-1", "x", "99999999999999999999"):
        assert service.client.get(f"{path}?page={page}").status_code == 422


def test_the_address_without_a_slash_leads_to_the_mailbox(service: Service) -> None:
    answer = service.client.get("/notifications")
    assert answer.status_code == 307
    assert answer.headers["Location"].endswith("/notifications/")
