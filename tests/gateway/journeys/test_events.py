from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gateway.journeys import applications
from tests.gateway.journeys.conftest import Site
from tests.gateway.journeys.person import ACCOUNT, Person

pytestmark = pytest.mark.committed


@pytest.fixture
def reference(site: Site) -> str:
    """A case of the site's person with a payment on its way."""
    subject = site.neighbours.subject
    sent = applications.send(site.database, site.sealer, subject=subject)
    site.work()
    return sent.reference


def event(reference: str, state: str, day: int = 23, **more: Any) -> dict[str, Any]:
    data = {"payment_id": "payment_id-1", "case_reference": reference, "state": state}
    reason = "The account is closed." if state == "returned" else ""
    return {
        "id": str(uuid4()),
        "type": f"payments.payment.{state}",
        "occurred_at": applications.moment(day).isoformat(),
        "data": {**data, "reason_code": "0", "reason": reason, **more},
    }


def tell(
    site: Site,
    body: dict[str, Any],
    scope: str = "events.write",
    client_id: str = "payments-service",
) -> httpx.Response:
    token = site.neighbours.access_token(scope, client_id)
    return httpx.post(
        f"{site.url}/gateway/v1/events",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
    )


def state_of(site: Site) -> str:
    return str(site.rows("SELECT state FROM payout ORDER BY attempt DESC")[0].state)


def test_news_change_the_case_and_the_same_news_nothing(site: Site, reference: str) -> None:
    news = event(reference, "approved")
    assert tell(site, news).status_code == 202
    assert state_of(site) == "approved"
    before = site.rows("SELECT * FROM payout"), site.count("case_notice")
    assert tell(site, news).status_code == 200
    assert (site.rows("SELECT * FROM payout"), site.count("case_notice")) == before


def test_late_news_are_told_in_their_order_and_change_nothing(site: Site, reference: str) -> None:
    for state, day in (("returned", 26), ("paid", 25), ("approved", 23), ("submitted", 24)):
        assert tell(site, event(reference, state, day)).status_code == 202
    assert state_of(site) == "returned"
    person = Person(site)
    person.open(f"/journeys/cases/{reference}")
    said = [each.text_content() for each in person.tree.xpath("//main//ol/li/strong")]
    assert said[-4:] == [
        "The payment was approved",
        "The payment was sent to your bank",
        "The money was paid",
        "The bank sent the money back",
    ]
    assert "The account is closed." in person.text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"data": {"case_reference": "SWH-0000-0000", "payment_id": "x", "state": "paid"}}, 404),
        ({"type": "payments.run.approved"}, 422),
        ({"type": "weather.rain"}, 422),
        ({"id": "no uuid"}, 422),
        ({"occurred_at": "2026-11-22T10:00:00"}, 422),
    ],
)
def test_news_that_nobody_understands_are_refused(
    site: Site, reference: str, change: dict[str, Any], status: int
) -> None:
    answer = tell(site, {**event(reference, "paid"), **change})
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert site.count("case_notice") == 0
    assert state_of(site) == "accepted"


def test_news_of_another_payment_are_refused(site: Site, reference: str) -> None:
    assert tell(site, event(reference, "paid", payment_id="somebody-elses")).status_code == 404
    assert site.count("case_notice") == 0


def test_an_unknown_state_is_refused(site: Site, reference: str) -> None:
    assert tell(site, event(reference, "evaporated")).status_code == 422
    assert site.count("case_notice") == 0


def test_only_programs_with_the_scope_may_tell(site: Site, reference: str) -> None:
    body = event(reference, "paid")
    assert httpx.post(f"{site.url}/gateway/v1/events", json=body).status_code == 401
    assert tell(site, body, scope="payments.write").status_code == 403
    assert site.count("case_notice") == 0


def test_a_service_tells_of_its_own_matters_only(site: Site, reference: str) -> None:
    """Forged news of a return would let a case be paid twice."""
    forged = event(reference, "returned")
    assert tell(site, forged, client_id="notifications-service").status_code == 403
    letter = {"message_id": "id-1", "case_reference": reference}
    opened = {**event(reference, "paid"), "type": "notifications.mailbox.opened", "data": letter}
    assert tell(site, opened).status_code == 403
    assert site.count("case_notice") == 0
    assert state_of(site) == "accepted"
    assert site.count("letter", "opened_at IS NOT NULL") == 0


def test_an_opened_letter_is_noted_once(site: Site, reference: str) -> None:
    data = {"message_id": "id-1", "case_reference": reference}
    body = {
        "id": str(uuid4()),
        "type": "notifications.mailbox.opened",
        "occurred_at": applications.moment(23).isoformat(),
        "data": data,
    }
    teller = "notifications-service"
    assert tell(site, body, client_id=teller).status_code == 202
    assert tell(site, body, client_id=teller).status_code == 200
    assert site.count("letter", "opened_at IS NOT NULL") == 1
    strange = {**body, "id": str(uuid4()), "data": {**data, "message_id": "id-99"}}
    assert tell(site, strange, client_id=teller).status_code == 404


def test_news_that_come_before_the_answer_of_payments_are_kept(site: Site) -> None:
    sent = applications.send(site.database, site.sealer)
    site.neighbours.away.add("payments")
    site.work()
    assert tell(site, event(sent.reference, "approved")).status_code == 202
    assert state_of(site) == "approved"


def test_money_that_came_back_is_paid_to_another_account(site: Site, reference: str) -> None:
    tell(site, event(reference, "paid", 24))
    tell(site, event(reference, "returned", 25))
    person = Person(site)
    person.open(f"/journeys/cases/{reference}")
    assert "New bank details needed" in person.text
    person.open(person.tree.xpath("//main//a[contains(@href, 'new-payment')]/@href")[0])
    person.send(ACCOUNT)
    assert "The money came back from this account" in person.errors[0][0]
    assert site.count("payout") == 1
    form = person.page
    person.send({**ACCOUNT, "bank_account-account": "20000011"})
    assert person.path == f"/journeys/cases/{reference}"
    person.page = form
    person.send({**ACCOUNT, "bank_account-account": "20000011"})
    site.work()
    assert site.count("payout") == 2
    assert state_of(site) == "accepted"
    accounts = [body["payee"]["account_number"] for body in site.neighbours.payments.values()]
    assert accounts == ["10000011", "20000011"]
    first, second = site.neighbours.payments.values()
    assert "replaces" not in first
    assert (
        second["replaces"]
        == site.rows("SELECT payment_id FROM payout WHERE attempt = 1")[0].payment_id
    )
    assert len(site.neighbours.messages) == 1
    tell(site, event(reference, "paid", 28, payment_id="payment_id-2"))
    assert state_of(site) == "paid"
    assert [row.state for row in site.rows("SELECT state FROM payout ORDER BY attempt")] == [
        "returned",
        "paid",
    ]


def test_no_new_account_while_the_money_is_on_its_way(site: Site, reference: str) -> None:
    person = Person(site)
    person.open(f"/journeys/cases/{reference}/new-payment")
    assert person.path == f"/journeys/cases/{reference}"
    assert "new-payment" not in person.page.text
