"""Who may come in: everybody at the open listener, elsewhere a token's client for its own body."""

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from shared.db import Database
from tests.payments.govstack.calls import PREACTIVATION, TOKEN, batch, instruction, registration

CALLS = [
    ("POST", "register-beneficiary"),
    ("POST", "bulk-payment"),
    ("POST", "prepayment-validation-response"),
    ("POST", "vouchers/voucher_preactivation"),
    ("PATCH", "vouchers/voucher_activation"),
    ("POST", "vouchers/voucher_redemption"),
    ("GET", "vouchers/voucherstatuscheck/5555"),
    ("PATCH", "vouchers/voucherstatuscheck/60000"),
    ("GET", "bills/BILL-OPEN-1?fields=inquiry"),
    ("POST", "bills/BILL-OPEN-1"),
    ("POST", "billTransferRequests"),
    ("POST", "rtpRequest"),
    ("POST", "rtpResponse"),
    ("POST", "rtpUpdate"),
    ("GET", "transferRequests/RTP-1"),
    ("POST", "transferRequests/RTP-1"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", 401),
        ("Bearer nonsense", 401),
        ("Bearer mediator@strathclachan:payments.write", 403),
        ("Bearer stranger:payments.govstack", 403),
    ],
    ids=["none", "bad", "other-scope", "other-client"],
)
def test_the_ordinary_address_asks_for_a_token(
    closed_door: TestClient, method: str, path: str, token: str, status: int
) -> None:
    headers = {"Authorization": token} if token else {}
    assert closed_door.request(method, path, json={}, headers=headers).status_code == status


def test_a_client_acts_for_its_own_body(closed_door: TestClient, sandbox: Database) -> None:
    answer = closed_door.post("register-beneficiary", json=registration(), headers=TOKEN)
    assert (answer.status_code, answer.json()["ResponseCode"]) == (200, "00")
    with sandbox.transaction() as session:
        found = session.execute(text("SELECT organisation FROM govstack_beneficiary"))
        assert found.scalar_one() == "strathclachan"


def test_test_currencies_are_for_the_open_listener_only(closed_door: TestClient) -> None:
    dollars = batch(instruction(Currency="USD"))
    answer = closed_door.post("bulk-payment", json=dollars, headers=TOKEN)
    assert (answer.status_code, answer.json()["ResponseDescription"]) == (
        400,
        "Currency must be GBP",
    )


def test_a_body_pays_from_the_programme_that_is_named(
    closed_door: TestClient, sandbox: Database
) -> None:
    headers = TOKEN | {"X-Program-Id": "no-such-programme"}
    answer = closed_door.post("bulk-payment", json=batch(), headers=headers)
    assert (answer.status_code, answer.json()["ResponseCode"]) == (400, "01")
    with sandbox.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM govstack_batch")).scalar_one() == 0
    headers["X-Program-Id"] = "clothing-grant"
    assert closed_door.post("bulk-payment", json=batch(), headers=headers).status_code == 200


SANDBOX = {
    "programme": "winter-heating",
    "building_blocks": ["another-bb"],
    "groups": [{"name": "chosen", "funds_pence": 5000}],
    "merchants": [{"name": "Shop", "bank_details": "Bank", "group": "chosen"}],
    "vouchers": [
        {"serial": "777", "group": "chosen", "amount_pence": 500, "state": "activated"},
        {"serial": "6004", "group": "chosen", "amount_pence": 700, "state": "suspended"},
    ],
}
OPERATOR = {"Authorization": "Bearer operator@strathclachan:payments.govstack_sandbox"}


def test_an_operator_seeds_the_sandbox(door: TestClient, sandbox: Database) -> None:
    url = "http://testserver/payments/v1/govstack-sandbox"
    assert door.put(url, json=SANDBOX).status_code == 401
    assert door.put(url, json=SANDBOX, headers=TOKEN).status_code == 403
    bad = SANDBOX | {"groups": []}
    assert door.put(url, json=bad, headers=OPERATOR).status_code == 422
    for _ in range(2):
        assert door.put(url, json=SANDBOX, headers=OPERATOR).status_code == 204
    assert door.get("vouchers/voucherstatuscheck/6004").json()["voucher_status"] == "Suspended"
    with sandbox.transaction() as session:
        funds = session.execute(
            text("SELECT funds_pence, committed_pence FROM voucher_group WHERE name = 'chosen'")
        ).one()
    assert tuple(funds) == (6200, 1200)
    sent = PREACTIVATION | {"voucher_group": "chosen", "Gov_Stack_BB": "another-bb"}
    assert door.post("vouchers/voucher_preactivation", json=sent).status_code == 200


def test_seeding_leaves_real_vouchers_alone(door: TestClient, sandbox: Database) -> None:
    url = "http://testserver/payments/v1/govstack-sandbox"
    with sandbox.transaction() as session:
        session.execute(
            text("UPDATE voucher_group SET is_rehearsal = false WHERE name = 'Payment Voucher'")
        )
    plan = SANDBOX | {"groups": [*SANDBOX["groups"], {"name": "Payment Voucher"}]}
    answer = door.put(url, json=plan, headers=OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_a_rehearsal")
    assert door.get("vouchers/voucherstatuscheck/777").json()["voucher_status"] == "Not Existing"
