"""Bills and requests to pay through the doors, against the published shapes."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Annotated, Any, Literal, Protocol

import pytest
from pydantic import ConfigDict, Field, create_model
from sqlalchemy import text
from starlette.testclient import TestClient

from payments.bills.actions.issue import issue_bill
from payments.bills.rules import NewBill
from shared import clock
from shared.clock import london_date
from shared.db import Database
from tests.payments.govstack.calls import BODY, TOKEN, asking, notice, saying, without
from tests.payments.runs.world import UNA

CALLBACK = {"X-Callback-URL": "https://source.example/callback", "X-CorrelationID": "story-1"}


_Short = Annotated[str, Field(max_length=10)]
_Id = Annotated[str, Field(max_length=12)]
_Payment = Annotated[str, Field(max_length=16)]
_Bill = Annotated[str, Field(max_length=20)]
_Words = Annotated[str, Field(max_length=200)]


class _Answer(Protocol):
    """What a test client answers."""

    @property
    def content(self) -> bytes: ...
    def json(self) -> Any: ...


_STRICT = ConfigDict(strict=True)
_CODE = Literal["00", "01"]
_STATUS = Literal["ACK", "RJC", ""]
_REASON = Literal["Def", "Dup", "Und", "R", "E", "W", ""]
_CURRENCY = Literal["GBP"]
_REQUEST_STATE = Literal["COM", "PND", "EXP", "CAN", "RJC"]
# Members and lengths as published.
Envelope = create_model(
    "Envelope",
    __config__=_STRICT,
    responseCode=(_CODE, ...),
    responseDescription=(_Words, ...),
    reason=(_Words, ...),
    requestID=(_Id, ...),
    requestId=(_Id, ...),
    billId=(_Bill, ""),
    rtpId=(_Id, ""),
    status=(_STATUS, ""),
    rtpStatus=(_REQUEST_STATE, "PND"),
    requestStatus=(_REQUEST_STATE, "PND"),
    rejectReason=(_REASON, ""),
    paymentReferenceID=(_Payment, ""),
)
BillDetails = create_model(
    "BillDetails",
    __config__=_STRICT,
    billerId=(_Short, ...),
    billerName=(_Short, ...),
    billStatus=(_Short, ...),
    dueDate=(date, ...),
    amountonDueDate=(float, ...),
    amountAfterDueDate=(float, ...),
    currency=(_CURRENCY, ...),
)


def _fits(answer: _Answer) -> dict[str, Any]:
    """Return an answer that has the published shape."""
    told: dict[str, Any] = answer.json()
    Envelope.model_validate_json(answer.content)
    if "billDetails" in told:
        BillDetails.model_validate_json(json.dumps(told["billDetails"]))
    return told


def _callbacks(database: Database) -> list[dict[str, object]]:
    with database.transaction() as session:
        rows = session.execute(text("SELECT body FROM govstack_callback ORDER BY id"))
        return list(rows.scalars())


def _state(database: Database, reference: str = "BILL-OPEN-1") -> str:
    with database.transaction() as session:
        query = text("SELECT state FROM bill WHERE reference = :reference")
        return str(session.execute(query, {"reference": reference}).scalar_one())


@pytest.mark.parametrize(
    ("bill", "status"),
    [
        ("BILL-OPEN-1", "UNPAID"),
        ("bill-open-1", "UNPAID"),
        ("BILL-PAID-1", "PAID"),
        ("BILL-EXPIRED-1", "EXPIRED"),
        ("BILL-CANCELLED-1", "CANCELLED"),
    ],
)
def test_a_bill_is_told(door: TestClient, sandbox: Database, bill: str, status: str) -> None:
    got = door.get(f"bills/{bill}?fields=inquiry", headers=CALLBACK)
    sent = door.post(f"bills/{bill}", json={"requestID": "inq-0001"}, headers=CALLBACK)
    for answer, request_id in ((got, "story-1"), (sent, "inq-0001")):
        assert answer.status_code == 202
        _fits(answer)
        assert answer.json()["responseCode"] == "00"
        assert answer.json()["requestID"] == request_id
        assert answer.json()["billDetails"]["billStatus"] == status
    reports = _callbacks(sandbox)
    assert [one["requestId"] for one in reports] == ["story-1", "inq-0001"]
    assert reports[0]["billDetails"] == got.json()["billDetails"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("bills/BILL-OPEN-1", 400),
        ("bills/BILL-OPEN-1?fields=all", 400),
        (f"bills/{'X' * 21}?fields=inquiry", 400),
        ("bills/%00?fields=inquiry", 400),
        ("bills/UNKNOWN?fields=inquiry", 404),
        ("transferRequests/UNKNOWN", 404),
        (f"transferRequests/{'x' * 65}", 400),
    ],
    ids=range(7),
)
def test_a_wrong_inquiry_is_refused(
    door: TestClient, sandbox: Database, path: str, status: int
) -> None:
    answer = door.get(path, headers=CALLBACK)
    assert (answer.status_code, answer.json()["responseCode"]) == (status, "01")
    _fits(answer)
    assert _callbacks(sandbox) == []


def test_an_inquiry_without_its_id_is_refused(door: TestClient) -> None:
    bodies: list[object] = [{}, {"requestID": "x" * 13}, []]
    for body in bodies:
        for path in ("bills/BILL-OPEN-1", "transferRequests/RTP-1"):
            answer = door.post(path, json=body)
            assert (answer.status_code, answer.json()["responseCode"]) == (400, "01")


def test_a_bill_is_marked_as_paid_once(door: TestClient, sandbox: Database) -> None:
    for replayed in ("", "true", "true"):
        answer = door.post("billTransferRequests", json=notice(amount=120.5), headers=CALLBACK)
        assert answer.status_code == 202
        _fits(answer)
        told = answer.json()
        assert (told["responseCode"], told["status"], told["requestID"]) == (
            "00",
            "ACK",
            "pay-0001",
        )
        assert answer.headers.get("Idempotent-Replayed", "") == replayed
    assert _state(sandbox) == "paid"
    (report,) = _callbacks(sandbox)
    assert report == told
    found = door.get("transferRequests/pay-0001").json()
    assert (found["requestStatus"], found["paymentReferenceID"]) == ("COM", "PAYREF-0001")


_REFUSED: list[tuple[str, dict[str, object]]] = [
    ("Und", {"billId": "UNKNOWN"}),
    ("Dup", {"billId": "BILL-PAID-1"}),
    ("Def", {"billId": "BILL-EXPIRED-1"}),
    ("Def", {"billId": "BILL-CANCELLED-1"}),
    ("Def", {"amount": 120.51}),
    ("Def", {"amount": 120.501}),
    ("Def", {"amount": 0}),
    ("Def", {"amount": "120.50"}),
    ("Def", {"currency": "USD"}),
    ("Def", {"requestID": ""}),
    ("Def", {"requestID": "x" * 13}),
    ("Def", {"billInquiryRequestId": "x" * 13}),
    ("Def", {"billId": "x" * 21}),
    ("Def", {"paymentReferenceID": "x" * 17}),
    ("Def", {"paymentReferenceID": ""}),
]


def test_a_refused_payment_has_its_code(door: TestClient, sandbox: Database) -> None:
    for number, (reason, changes) in enumerate(_REFUSED):
        sent = notice(requestID=f"pay-{number}") | changes
        answer = door.post("billTransferRequests", json=sent)
        assert answer.status_code == 400, sent
        told = _fits(answer)
        assert (told["responseCode"], told["status"], told["rejectReason"]) == ("01", "RJC", reason)
    assert _state(sandbox) == "open"


def test_a_refused_id_stays_refused(door: TestClient, sandbox: Database) -> None:
    assert door.post("billTransferRequests", json=notice(amount=1)).status_code == 400
    answer = door.post("billTransferRequests", json=notice(amount=120.5))
    assert (answer.status_code, answer.json()["rejectReason"]) == (400, "Dup")
    assert "amount" in answer.json()["reason"]
    assert door.post("billTransferRequests", json=notice(amount=1)).json()["rejectReason"] == "Def"
    assert _state(sandbox) == "open"
    assert door.get("transferRequests/pay-0001").json()["requestStatus"] == "RJC"


def test_ids_are_those_of_one_provider(door: TestClient, sandbox: Database) -> None:
    first = {"X-PayerFI-Id": "bank-a"}
    assert door.post("billTransferRequests", json=notice(), headers=first).status_code == 202
    other = {"X-Registering-Institution-ID": "bank-b"}
    sent = notice(billId="BILL-OPEN-2")
    assert door.post("billTransferRequests", json=sent, headers=other).status_code == 202
    long = {"X-PayerFI-Id": "x" * 65}
    assert door.post("billTransferRequests", json=sent, headers=long).status_code == 400
    assert _state(sandbox, "BILL-OPEN-2") == "paid"


def test_of_many_messages_at_once_one_pays(door: TestClient, sandbox: Database) -> None:
    def send(number: int) -> int:
        return door.post("billTransferRequests", json=notice(requestID=f"pay-{number}")).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, range(4))) == [202, 400, 400, 400]
    assert _state(sandbox) == "paid"


def test_a_rehearsal_is_never_booked(door: TestClient, sandbox: Database) -> None:
    door.post("billTransferRequests", json=notice())
    with sandbox.transaction() as session:
        for table in ("entry", "expected_item", "webhook_event"):
            assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_the_open_listener_never_touches_a_real_bill(
    door: TestClient, closed_door: TestClient, sandbox: Database
) -> None:
    now = clock.now()
    real = NewBill("winter-heating", "REAL-1", "Morag Fictional", 500, "Permit", london_date(now))
    with sandbox.transaction() as session:
        issue_bill(session, BODY, real, UNA, now)
    assert door.get("bills/REAL-1?fields=inquiry").status_code == 404
    told = door.post("billTransferRequests", json=notice(billId="REAL-1")).json()
    assert told["rejectReason"] == "Und"
    assert door.post("rtpRequest", json=asking(billId="REAL-1")).status_code == 400
    assert _state(sandbox, "REAL-1") == "open"
    assert closed_door.get("bills/BILL-OPEN-1?fields=inquiry", headers=TOKEN).status_code == 404
    sent = notice(billId="REAL-1", requestID="real-1")
    answer = closed_door.post("billTransferRequests", json=sent, headers=TOKEN)
    assert (answer.status_code, _state(sandbox, "REAL-1")) == (202, "paid")
    with sandbox.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM entry")).scalar_one() == 1


def _plan(reference: str) -> dict[str, object]:
    bill = {
        "reference": reference,
        "payer_name": "Morag Fictional",
        "amount_pence": 700,
        "description": "Permit",
    }
    return {"programme": "winter-heating", "bills": [bill]}


def test_a_sandbox_is_set_back_and_leaves_real_bills_alone(
    door: TestClient, sandbox: Database
) -> None:
    url = "http://testserver/payments/v1/govstack-sandbox"
    headers = {"Authorization": "Bearer operator@strathclachan:payments.govstack_sandbox"}
    for amount in (120.5, 7, 7):
        door.post("rtpRequest", json=without(asking(), "billDetails"))
        sent = notice(amount=amount)
        assert door.post("billTransferRequests", json=sent).status_code == 202
        assert door.put(url, json=_plan("BILL-OPEN-1"), headers=headers).status_code == 204
        assert _state(sandbox) == "open"
        assert door.get("transferRequests/RTP-1").status_code == 404
    with sandbox.transaction() as session:
        now = clock.now()
        real = NewBill("winter-heating", "REAL-1", "Morag", 500, "Permit", london_date(now))
        issue_bill(session, BODY, real, UNA, now)
    answer = door.put(url, json=_plan("REAL-1"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_a_rehearsal")
    with sandbox.transaction() as session:
        held = session.execute(text("SELECT amount_pence FROM bill WHERE reference = 'REAL-1'"))
        assert held.scalar_one() == 500


def test_a_request_to_pay_from_end_to_end(door: TestClient, sandbox: Database) -> None:
    for _ in range(2):
        asked = door.post("rtpRequest", json=asking(), headers=CALLBACK)
        assert (asked.status_code, asked.json()["rtpStatus"]) == (202, "PND")
        _fits(asked)
    pending = door.get("transferRequests/RTP-1", headers=CALLBACK)
    assert (pending.status_code, pending.json()["requestStatus"]) == (202, "PND")
    payer = {"X-PayerFI-Id": "payer-bank"}
    for _ in range(2):
        said = door.post("rtpResponse", json=saying(), headers=payer)
        assert (said.status_code, said.json()["rtpStatus"]) == (202, "COM")
        _fits(said)
    assert _state(sandbox) == "paid"
    found = door.post("transferRequests/RTP-1", json={"requestID": "look-1"}, headers=CALLBACK)
    assert found.status_code == 202
    _fits(found)
    assert found.json()["requestID"] == "look-1"
    assert (found.json()["requestStatus"], found.json()["paymentReferenceID"]) == (
        "COM",
        "PAYREF-0002",
    )
    done, looked = _callbacks(sandbox)
    assert (done["rtpStatus"], done["requestID"]) == ("COM", "ask-0001")
    assert looked == found.json()
    assert "10000012" not in str((done, looked))


@pytest.mark.parametrize("path", ["rtpResponse", "rtpUpdate"])
@pytest.mark.parametrize(
    ("state", "reason"), [("RJC", "R"), ("RJC", "E"), ("RJC", "W"), ("EXP", ""), ("CAN", "")]
)
def test_a_request_ends_without_a_payment(
    door: TestClient, sandbox: Database, path: str, state: str, reason: str
) -> None:
    door.post("rtpRequest", json=asking())
    sent = without(saying(rtpStatus=state), "paymentReferenceID")
    if reason:
        sent["rejectReason"] = reason
    assert door.post(path, json=sent).json()["rtpStatus"] == state
    assert door.get("transferRequests/RTP-1").json()["requestStatus"] == state
    answer = door.post(path, json=saying())
    assert (answer.status_code, _state(sandbox)) == (400, "open")


_BAD_REQUESTS: list[dict[str, object]] = [
    {"requestID": ""},
    {"rtpId": "x" * 13},
    {"rtpId": "a b"},
    {"requestType": "02"},
    {"requestType": None},
    {"payerFiDetails": None},
    {"payerFiDetails": {"payerFiID": "x" * 65, "financialAddress": "1"}},
    {"payerFiDetails": {"payerFiID": "x", "financialAddress": "1" * 31}},
    {"requestType": "01"},
    {"requestType": "01", "alias": {"aliasType": "123", "aliasId": "x"}},
    {"billDetails": []},
    {"billDetails": {"amount": 1}},
    {"billDetails": {"amount": 120.5, "currency": "USD"}},
    {"billId": "UNKNOWN"},
    {"billId": "BILL-PAID-1"},
]


def test_a_bad_request_to_pay_is_refused(door: TestClient, sandbox: Database) -> None:
    for changes in _BAD_REQUESTS:
        answer = door.post("rtpRequest", json=asking(**changes), headers=CALLBACK)
        assert answer.status_code == 400, changes
        assert _fits(answer)["responseCode"] == "01"
    with sandbox.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM bill_request")).scalar_one() == 0


def test_a_request_by_alias_gets_an_id(door: TestClient) -> None:
    sent = without(asking(requestType="01", alias={"aliasType": "00", "aliasId": "0131"}), "rtpId")
    rtp_id = door.post("rtpRequest", json=sent).json()["rtpId"]
    assert door.get(f"transferRequests/{rtp_id}").json()["requestStatus"] == "PND"


_BAD_ANSWERS: list[tuple[int, dict[str, object]]] = [
    (404, {"rtpId": "RTP-9"}),
    (400, {"rtpStatus": "ACK"}),
    (400, {"rtpStatus": "RJC"}),
    (400, {"rtpStatus": "RJC", "rejectReason": "X"}),
    (400, {"rejectReason": "R"}),
    (400, {"paymentReferenceID": ""}),
    (400, {"rtpStatus": "CAN"}),
    (400, {"billId": "BILL-OPEN-2"}),
    (400, {"requestID": None}),
]


def test_a_bad_answer_changes_nothing(door: TestClient, sandbox: Database) -> None:
    door.post("rtpRequest", json=asking(), headers=CALLBACK)
    for status, changes in _BAD_ANSWERS:
        answer = door.post("rtpResponse", json=saying(**changes))
        assert (answer.status_code, _fits(answer)["responseCode"]) == (status, "01"), changes
    assert (_state(sandbox), _callbacks(sandbox)) == ("open", [])


def test_another_provider_does_not_answer(door: TestClient, sandbox: Database) -> None:
    door.post("rtpRequest", json=asking())
    headers = {"X-PayerFI-Id": "other-bank"}
    assert door.post("rtpResponse", json=saying(), headers=headers).status_code == 400
    assert _state(sandbox) == "open"


@pytest.mark.parametrize("name", ["X-Callback-URL", "X-CallbackURL"])
def test_both_spellings_of_the_callback_are_understood(
    door: TestClient, sandbox: Database, name: str
) -> None:
    headers = {name: "https://source.example/callback"}
    door.get("bills/BILL-OPEN-1?fields=inquiry", headers=headers)
    assert len(_callbacks(sandbox)) == 1
