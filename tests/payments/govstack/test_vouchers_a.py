"""Shape A's vouchers: each status of the contract, with its body, and what it leaves behind."""

import re
from datetime import datetime

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from shared.db import Database
from tests.payments.govstack.calls import PREACTIVATION, REDEMPTION, without

OTHER = {"merchant_name": "Ronan Oliver", "merchant_bank_details": "Vigor Bank Group"}
POOR = OTHER | {"merchant_voucher_group": "insufficient funds"}
CLOSED = POOR | {"merchant_name": "Annie Krueger", "merchant_bank_details": "Omega Holding Company"}


def _states(database: Database) -> list[tuple[str, str]]:
    with database.transaction() as session:
        rows = session.execute(text("SELECT serial, state FROM voucher ORDER BY serial"))
        return [(row.serial, row.state) for row in rows]


def _funds(database: Database) -> list[tuple[str, int, int]]:
    with database.transaction() as session:
        query = "SELECT name, funds_pence, committed_pence FROM voucher_group ORDER BY name"
        return [tuple(row) for row in session.execute(text(query))]


def test_a_preactivated_voucher_has_long_numbers_and_an_expiry(door: TestClient) -> None:
    answer = door.post("vouchers/voucher_preactivation", json=PREACTIVATION)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    made = answer.json()
    assert set(made) == {"voucher_number", "voucher_serial_number", "expiry_date_time"}
    for name in ("voucher_number", "voucher_serial_number"):
        assert re.fullmatch("[1-9][0-9]{15,24}", made[name])
    assert datetime.fromisoformat(made["expiry_date_time"]).tzinfo is not None
    status = door.get(f"vouchers/voucherstatuscheck/{made['voucher_serial_number']}").json()
    assert status == {"voucher_status": "Pre-Activated", "voucher_amount": "15.21"}


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        pytest.param({"voucher_amount": None}, 452, "Invalid amount", id="no-amount"),
        pytest.param({"voucher_amount": "15,21"}, 452, "Invalid amount", id="comma"),
        pytest.param({"voucher_amount": "015.21"}, 452, "Invalid amount", id="leading-zero"),
        pytest.param({"voucher_amount": "15.211"}, 452, "Invalid amount", id="half-pence"),
        pytest.param({"voucher_amount": "-1"}, 452, "Invalid amount", id="negative"),
        pytest.param({"voucher_amount": "0"}, 452, "Invalid amount", id="zero"),
        pytest.param({"voucher_amount": "1" * 19}, 452, "Invalid amount", id="too-long"),
        pytest.param({"voucher_amount": 15.21}, 452, "Invalid amount", id="number"),
        pytest.param({"voucher_currency": "eur"}, 453, "Invalid currency", id="small-letters"),
        pytest.param({"voucher_currency": "000"}, 453, "Invalid currency", id="digits"),
        pytest.param({"voucher_currency": "EUR"}, 453, "Invalid currency", id="other-currency"),
        pytest.param({"voucher_currency": None}, 453, "Invalid currency", id="no-currency"),
        pytest.param({"voucher_group": None}, 454, "Invalid voucher group", id="no-group"),
        pytest.param({"voucher_group": "none"}, 454, "Invalid voucher group", id="other-group"),
        pytest.param(
            {"voucher_amount": "9" * 18}, 455, "Voucher group exhausted", id="exhausted-by-far"
        ),
        pytest.param(
            {"voucher_group": "insufficient funds"}, 455, "Voucher group exhausted", id="exhausted"
        ),
        pytest.param(
            {"Gov_Stack_BB": "not_exist"},
            460,
            "GovStack Building Block does not exist",
            id="unknown-block",
        ),
    ],
)
def test_a_preactivation_is_refused(
    door: TestClient, sandbox: Database, change: dict[str, object], status: int, message: str
) -> None:
    before = _states(sandbox), _funds(sandbox)
    answer = door.post("vouchers/voucher_preactivation", json=PREACTIVATION | change)
    assert (answer.status_code, answer.json()) == (status, {"message": message})
    assert (_states(sandbox), _funds(sandbox)) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "vouchers/voucher_preactivation"),
        ("PATCH", "vouchers/voucher_activation"),
        ("POST", "vouchers/voucher_redemption"),
        ("POST", "vouchers/voucher_redeemption"),
        ("PATCH", "vouchers/voucherstatuscheck/60005"),
    ],
)
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b'"x"', b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 5000]
)
def test_an_empty_or_broken_body_is_an_invalid_request(
    door: TestClient, sandbox: Database, method: str, path: str, content: bytes
) -> None:
    before = _states(sandbox)
    answer = door.request(method, path, content=content)
    assert (answer.status_code, answer.json()) == (400, {"message": "Invalid request"})
    assert _states(sandbox) == before


@pytest.mark.parametrize("serial", [5550, "5551"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Channel": "Web"},
        {"X-Date": "2026-11-24T10:00:00.000Z"},
        {"X-CorrelationID": "40e9da5c-10fd-11ee-be56-0242ac120002"},
        {"X-Callback-URL": "https://myserver.example/send/callback/here"},
    ],
    ids=["plain", "channel", "date", "correlation", "callback"],
)
def test_a_voucher_is_activated(
    door: TestClient, serial: int | str, headers: dict[str, str]
) -> None:
    body = {"voucher_serial_number": serial, "Gov_Stack_BB": "bb-digital-registries"}
    answer = door.patch("vouchers/voucher_activation", json=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (200, ["result_status"])
    status = door.get(f"vouchers/voucherstatuscheck/{serial}").json()
    assert status == {"voucher_status": "Activated", "voucher_amount": "1000"}
    again = door.patch("vouchers/voucher_activation", json=body)
    assert again.status_code == 456


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"voucher_serial_number": "invalid"}, 456, "Invalid voucher serial number"),
        ({"voucher_serial_number": "987654321"}, 456, "Invalid voucher serial number"),
        ({"voucher_serial_number": "05550"}, 456, "Invalid voucher serial number"),
        ({"voucher_serial_number": 5550.5}, 456, "Invalid voucher serial number"),
        ({"voucher_serial_number": True}, 456, "Invalid voucher serial number"),
        ({"voucher_serial_number": 6004}, 456, "Invalid voucher serial number"),
        ({"Gov_Stack_BB": "not_exist"}, 460, "GovStack Building Block does not exist"),
        ({"Gov_Stack_BB": 7}, 460, "GovStack Building Block does not exist"),
    ],
)
def test_an_activation_is_refused(
    door: TestClient, sandbox: Database, change: dict[str, object], status: int, message: str
) -> None:
    before = _states(sandbox)
    body = {"voucher_serial_number": 5560, "Gov_Stack_BB": "bb-digital-registries"} | change
    answer = door.patch("vouchers/voucher_activation", json=body)
    assert (answer.status_code, answer.json()) == (status, {"message": message})
    assert _states(sandbox) == before


@pytest.mark.parametrize("path", ["voucher_redemption", "voucher_redeemption"])
@pytest.mark.parametrize("number", [6004, "6003"])
def test_a_voucher_is_used_once(
    door: TestClient, sandbox: Database, path: str, number: int | str
) -> None:
    sent = REDEMPTION | {"voucher_number": number}
    answer = door.post(f"vouchers/{path}", json=sent)
    assert answer.status_code == 200
    assert answer.json() == {"result_status": "Voucher is successfully redeemed"}
    status = door.get(f"vouchers/voucherstatuscheck/{number}")
    assert (status.status_code, status.json()) == (458, {"message": "Voucher number already used"})
    before = _states(sandbox), _funds(sandbox)
    again = door.post(f"vouchers/{path}", json=sent)
    assert (again.status_code, again.json()) == (461, {"message": "Invalid voucher number"})
    # What the merchant and the money are like comes before what the voucher is like.
    assert door.post(f"vouchers/{path}", json=sent | POOR).status_code == 462
    assert door.post(f"vouchers/{path}", json=sent | CLOSED).status_code == 463
    assert (_states(sandbox), _funds(sandbox)) == before


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"Gov_Stack_BB": "Some"}, 460, "GovStack Building Block does not exist"),
        ({"voucher_number": None}, 461, "Invalid voucher number"),
        ({"voucher_number": "notAnumber"}, 461, "Invalid voucher number"),
        ({"voucher_number": "99999999999999999999"}, 461, "Invalid voucher number"),
        ({"voucher_number": 6002}, 461, "Invalid voucher number"),
        ({"voucher_number": 5560}, 461, "Invalid voucher number"),
        (POOR, 462, "Insufficient funds in funding a/c"),
        (CLOSED, 463, "Cannot credit merchant"),
        ({"merchant_name": "Some Name"}, 463, "Cannot credit merchant"),
        ({"merchant_bank_details": "Other"}, 463, "Cannot credit merchant"),
        ({"merchant_voucher_group": "unknown"}, 463, "Cannot credit merchant"),
        (POOR | {"override": False}, 463, "Cannot credit merchant"),
        ({"merchant_name": ""}, 400, "Invalid request"),
        ({"override": "true"}, 400, "Invalid request"),
    ],
)
def test_a_redemption_is_refused(
    door: TestClient, sandbox: Database, change: dict[str, object], status: int, message: str
) -> None:
    before = _states(sandbox), _funds(sandbox)
    answer = door.post("vouchers/voucher_redemption", json=REDEMPTION | change)
    assert (answer.status_code, answer.json()) == (status, {"message": message})
    assert (_states(sandbox), _funds(sandbox)) == before


@pytest.mark.parametrize("name", sorted(REDEMPTION))
def test_a_redemption_without_one_of_its_members_is_refused(door: TestClient, name: str) -> None:
    answer = door.post("vouchers/voucher_redemption", json=without(REDEMPTION, name))
    assert (answer.status_code, answer.json()) == (400, {"message": "Invalid request"})


@pytest.mark.parametrize(
    ("serial", "word"),
    [
        ("1234", "Not Pre-Activated"),
        ("5555", "Pre-Activated"),
        ("5556", "Activated"),
        ("5557", "Suspended"),
        ("5558", "Blocked"),
        ("5559", "Purged"),
    ],
)
def test_a_status_is_told(door: TestClient, serial: str, word: str) -> None:
    answer = door.get(f"vouchers/voucherstatuscheck/{serial}")
    assert answer.status_code == 200
    assert answer.json() == {"voucher_status": word, "voucher_amount": "1000"}


def test_a_voucher_that_does_not_exist_has_that_status(door: TestClient) -> None:
    answer = door.get("vouchers/voucherstatuscheck/8888888888888888")
    assert answer.json() == {"voucher_status": "Not Existing", "voucher_amount": "0"}


@pytest.mark.parametrize(
    ("serial", "status", "message"),
    [
        ("%7B%7D", 400, "Invalid request"),
        ("notAnumber", 456, "Invalid voucher number"),
        ("0123", 456, "Invalid voucher number"),
        ("1" * 26, 456, "Invalid voucher number"),
        ("6001", 458, "Voucher number already used"),
        ("6002", 459, "Voucher has expired"),
        ("5555?Gov_Stack_BB=none", 460, "GovStack Building Block does not exist"),
    ],
)
def test_a_status_is_refused(door: TestClient, serial: str, status: int, message: str) -> None:
    answer = door.get(f"vouchers/voucherstatuscheck/{serial}")
    assert (answer.status_code, answer.json()) == (status, {"message": message})


def _cancel(serial: str, **changes: object) -> dict[str, object]:
    return {"voucherserialnumber": serial, "Gov_Stack_BB": "bb-digital-registries"} | changes


def test_a_voucher_is_cancelled_once(door: TestClient) -> None:
    path = "vouchers/voucherstatuscheck/60000"
    first = door.patch(path, json=_cancel("60000"))
    assert (first.status_code, first.json()) == (200, {"message": "Voucher cancelled"})
    again = door.patch(path, json=_cancel("60000"))
    message = "Voucher is already cancelled"
    assert (again.status_code, again.json()) == (464, {"message": message})
    assert (
        door.post(
            "vouchers/voucher_redemption", json=REDEMPTION | {"voucher_number": 60000}
        ).status_code
        == 461
    )


def test_a_blocked_voucher_can_be_cancelled(door: TestClient) -> None:
    path = "vouchers/voucherstatuscheck/5558"
    assert door.patch(path, json=_cancel("5558")).status_code == 200


@pytest.mark.parametrize(
    ("serial", "body", "status"),
    [
        ("invalid", _cancel("invalid"), 463),
        ("60002", _cancel("60002", Gov_Stack_BB="invalid_bb"), 463),
        ("60002", _cancel("60003"), 463),
        ("6001", _cancel("6001"), 463),
        ("3214", _cancel("3214"), 463),
        ("60003", {"Gov_Stack_BB": "bb-digital-registries"}, 400),
        ("60004", {"voucherserialnumber": "60004"}, 400),
        ("60005", {"voucherserialnumber": ""}, 400),
    ],
)
def test_a_cancellation_is_refused(
    door: TestClient, sandbox: Database, serial: str, body: dict[str, object], status: int
) -> None:
    before = _states(sandbox), _funds(sandbox)
    answer = door.patch(f"vouchers/voucherstatuscheck/{serial}", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["message"])
    assert (_states(sandbox), _funds(sandbox)) == before


def test_a_correlation_header_has_to_be_a_uuid(door: TestClient) -> None:
    headers = {"X-CorrelationID": "not-a-uuid"}
    answer = door.post("vouchers/voucher_preactivation", json=PREACTIVATION, headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"message": "Invalid request"})


def test_no_secret_number_is_kept_readable(door: TestClient, sandbox: Database) -> None:
    headers = {"X-Callback-URL": "https://myserver.example/callback"}
    made = door.post("vouchers/voucher_preactivation", json=PREACTIVATION, headers=headers).json()
    with sandbox.transaction() as session:
        for table in ("voucher", "voucher_event", "audit_event", "outbox", "govstack_callback"):
            found = session.execute(
                text(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t")
            ).scalar_one()
            assert made["voucher_number"] not in found
        callback = session.execute(text("SELECT method, body FROM govstack_callback")).one()
    assert callback.method == "PUT"
    assert callback.body == {
        "voucher_serial_number": made["voucher_serial_number"],
        "voucher_status": "Pre-Activated",
    }


def test_a_rehearsal_touches_neither_ledger_nor_payments(
    door: TestClient, sandbox: Database
) -> None:
    door.patch(
        "vouchers/voucher_activation",
        json={"voucher_serial_number": 5550, "Gov_Stack_BB": "Gov_Stack_BB"},
    )
    assert door.post("vouchers/voucher_redemption", json=REDEMPTION).status_code == 200
    with sandbox.transaction() as session:
        for table in ("entry", "payment"):
            assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
