"""The console's pages of webhooks, by each role."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook

from payments.runs.rules import ADMINISTRATOR, ROLE_NAMES
from payments.webhooks.actions.announce import announce_fact
from payments.webhooks.actions.deliver import Courier, deliver
from shared import clock
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import BODY, staff
from tests.payments.webhooks.hooks import ADA, AUDREY
from tests.support.outside import Outside

Open = Callable[..., Console]
Listen = Callable[..., UUID]
URL = "https://finance.example.scot/hooks"


def _make(page: Console, **form: str) -> str:
    page.get("/payments/webhooks/new")
    return page.post("/payments/webhooks", **({"url": URL, "event_types": "payment.paid"} | form))


def test_an_administrator_makes_one_sees_its_secret_once_and_changes_it(console: Open) -> None:
    page = console(ADA)
    assert "There is no webhook yet." in page.get("/payments/webhooks")
    assert "The webhook was made." in _make(page)
    assert URL in page.html
    assert "whsec_" not in page.html
    (href,) = set(re.findall(r"/payments/webhooks/[0-9a-f-]{36}(?=/secret)", page.html))
    page.post(f"{href}/secret")
    found = re.search(r'<code id="secret">(whsec_[^<]+)</code>', page.html)
    assert found is not None
    Webhook(found[1])
    assert "The secret was shown before." in page.post(f"{href}/secret")
    assert "whsec_" not in page.html
    page.get(f"{href}/change")
    changed = page.post(f"{href}/change", url=f"{URL}/2", event_types="run.sent", description="GL")
    assert "The webhook was changed." in changed
    assert f"{URL}/2" in changed
    assert "Switched off" in page.post(f"{href}/switch", to="off")
    assert "Switch the webhook on first" in page.post(f"{href}/replay", since="2026-11-01 09:00")
    assert page.status == 409
    assert "Switched on" in page.post(f"{href}/switch", to="on")
    assert "A test message is on its way." in page.post(f"{href}/test")
    assert "There is a new secret." in page.post(f"{href}/rotate")
    assert "This cannot be undone" in page.get(f"{href}/remove")
    assert "There is no webhook yet." in page.post(f"{href}/remove")
    page.get(href)
    assert page.status == 404


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"url": "http://finance.example.scot/"}, "Enter an address that begins with https://"),
        ({"url": "https://10.0.0.1/"}, "Enter an address on the public Internet"),
        ({"event_types": ""}, "There is no such event"),
        ({"event_types": "payment.exploded"}, "There is no such event"),
        ({"description": "x" * 201}, "Enter a description of up to 200 characters"),
    ],
    ids=["http", "private", "no event", "unknown event", "long description"],
)
def test_a_refusal_names_the_field_and_makes_nothing(
    console: Open, database: Database, form: dict[str, str], message: str
) -> None:
    page = console(ADA)
    html = _make(page, **form)
    assert page.status == 422
    assert message in html
    assert "<title>Error:" in html
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM webhook_endpoint")).scalar_one() == 0


def test_deliveries_are_found_and_shown_with_each_attempt(
    console: Open, database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint = listen("upload.finished")
    with database.transaction() as session:
        for name in ("u-1", "u-2"):
            announce_fact(session, BODY, "upload.finished", name, {"rows": 7}, clock.now())
    deliver(courier, endpoint)
    page = console(AUDREY)
    listed = page.get(f"/payments/webhooks/{endpoint}/deliveries?q=u-2")
    assert "u-2" in listed
    assert ">u-1<" not in listed
    assert "There is no delivery." in page.get(
        f"/payments/webhooks/{endpoint}/deliveries?state=given_up"
    )
    name = outside.sent[0].headers["webhook-id"]
    shown = page.get(f"/payments/webhooks/{endpoint}/deliveries/{name}")
    assert "&#34;rows&#34;: 7" in shown
    assert "200" in shown
    assert "Deliver this message again" not in shown
    keeper = console(ADA)
    keeper.get(f"/payments/webhooks/{endpoint}/deliveries/{name}")
    again = keeper.post(f"/payments/webhooks/{endpoint}/replay", message=name)
    assert "The messages will be delivered again." in again
    keeper.get(f"/payments/webhooks/{endpoint}/deliveries/msg_nonsense")
    assert keeper.status == 404


def _deeds(endpoint: UUID) -> dict[tuple[str, str], bool]:
    """Return method and path of every page, and whether it changes something."""
    base = f"/payments/webhooks/{endpoint}"
    reads = ["/payments/webhooks", base, f"{base}/deliveries"]
    keeps = ["/payments/webhooks/new", f"{base}/change", f"{base}/remove"]
    posts = ["change", "secret", "rotate", "test", "replay", "switch", "remove"]
    return (
        {("GET", path): False for path in reads}
        | {("GET", path): True for path in keeps}
        | {("POST", f"{base}/{deed}"): True for deed in posts}
        | {("POST", "/payments/webhooks"): True}
    )


@pytest.mark.parametrize("role", sorted(set(ROLE_NAMES) - {ADMINISTRATOR}))
def test_nobody_but_an_administrator_changes_and_only_auditors_see(
    console: Open, database: Database, listen: Listen, role: str
) -> None:
    endpoint = listen("payment.paid")
    page = console(staff("Somebody", role))
    for (method, path), changes in _deeds(endpoint).items():
        page.get("/payments/webhooks")
        answer = page.client.request(method, path, data={}) if method == "GET" else None
        if answer is None:
            page.post(path)
            status = page.status
        else:
            status = answer.status_code
        may = not changes and role == AUDREY_ROLE
        assert (status == 200) is may, (method, path, status)
    with database.transaction() as session:
        row = session.execute(
            text("SELECT state, (SELECT count(*) FROM webhook_secret) FROM webhook_endpoint")
        ).one()
    assert tuple(row) == ("enabled", 1)


AUDREY_ROLE = next(iter(AUDREY.roles))


def test_an_endpoint_of_another_body_is_not_there(console: Open, listen: Listen) -> None:
    theirs = listen("payment.paid", organisation="glenmore")
    page = console(ADA)
    assert "There is no webhook yet." in page.get("/payments/webhooks")
    for path in ("", "/deliveries", "/change", "/remove"):
        page.get(f"/payments/webhooks/{theirs}{path}")
        assert page.status == 404
    page.get("/payments/webhooks/new")
    for deed in ("secret", "rotate", "test", "replay", "switch", "remove", "change"):
        page.post(f"/payments/webhooks/{theirs}/{deed}")
        assert page.status == 404, deed


def test_a_stopped_webhook_is_said_to_be_stopped(
    console: Open, database: Database, listen: Listen
) -> None:
    endpoint = listen("payment.paid")
    with database.transaction() as session:
        session.execute(
            text("UPDATE webhook_endpoint SET state = 'suspended', state_reason = 'failing'")
        )
    page = console(ADA)
    for path in ("/payments/webhooks", f"/payments/webhooks/{endpoint}"):
        assert "It took no message for five days." in page.get(path)
