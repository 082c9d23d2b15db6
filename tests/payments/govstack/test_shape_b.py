"""Shape B: the account mapper, batches, validation, funds, status, vouchers."""

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from payments.govstack.actions.batches import work_on
from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from payments.vouchers.queries import list_merchants
from shared import clock
from shared.actors import SYSTEM
from shared.db import Database
from tests.payments.govstack.calls import BODY

CALLBACK = {"X-Callback-URL": "https://source.example/callback"}
MAPPER = "identityAccountMapper/beneficiary"
PAYEE = "payee-1"


def _mapping(**changes: object) -> dict[str, object]:
    entry = {
        "payeeIdentity": PAYEE,
        "paymentModality": "00",
        "financialAddress": "990001 10000012",
        "bankingInstitutionCode": "DEMOGB2L",
        "status": 1,
    }
    return {"requestID": "req-1", "sourceBBID": "bb-1", "beneficiaries": [entry | changes]}


def _transaction(**changes: object) -> dict[str, object]:
    return {
        "requestId": "tx-1",
        "creditParty": [{"key": "payeeIdentity", "value": PAYEE}],
        "debitParty": [{"key": "accountNumber", "value": "1"}],
        "paymentMode": "CLOSEDLOOP",
        "amount": 10.5,
        "currency": "GBP",
        "descriptionText": "Grant",
    } | changes


def _callbacks(database: Database) -> list[dict[str, object]]:
    with database.transaction() as session:
        rows = session.execute(text("SELECT body FROM govstack_callback ORDER BY id"))
        return list(rows.scalars())


def test_beneficiaries_are_registered_and_told(door: TestClient, sandbox: Database) -> None:
    answer = door.post(MAPPER, json=_mapping(), headers=CALLBACK)
    assert (answer.status_code, answer.json()["responseCode"]) == (200, "00")
    assert answer.json()["requestID"] == "req-1"
    modality = {
        "payeeIdentity": PAYEE,
        "paymentModality": "00",
        "financialAddress": "990001 10000012",
        "bankingInstitutionCode": "DEMOGB2L",
    }
    assert door.get(f"beneficiary?payeeIdentity={PAYEE}").json() == {
        "paymentModalityList": [modality]
    }
    sent = {"requestId": "req-2", "payeePartyIds": [PAYEE, "nobody"]}
    assert door.put("beneficiary", json=sent).json() == {
        "requestId": "req-2",
        "paymentModalityList": [modality],
    }
    assert door.get("beneficiary?payeeIdentity=nobody").status_code == 404
    (report,) = _callbacks(sandbox)
    assert len(str(report.pop("requestID"))) == 12
    assert report == {"registerRequestID": "req-1", "numberFailedCases": 0, "failedCases": []}


def test_an_update_of_somebody_unknown_is_a_failed_case(
    door: TestClient, sandbox: Database
) -> None:
    assert door.put(MAPPER, json=_mapping(), headers=CALLBACK).status_code == 200
    (report,) = _callbacks(sandbox)
    assert report["numberFailedCases"] == 1
    assert door.get(f"beneficiary?payeeIdentity={PAYEE}").status_code == 404
    door.post(MAPPER, json=_mapping())
    door.put(MAPPER, json=_mapping(status=0))
    assert door.get(f"beneficiary?payeeIdentity={PAYEE}").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"requestID": "r" * 13, "beneficiaries": [{"payeeIdentity": "x"}]},
        _mapping(payeeIdentity="x" * 21),
        _mapping(payeeIdentity=""),
        _mapping(paymentModality="05"),
        _mapping(financialAddress="1" * 31),
        _mapping(bankingInstitutionCode="x" * 12),
        _mapping(status=2),
        _mapping(status=True),
    ],
    ids=range(10),
)
def test_a_bad_registration_is_refused(door: TestClient, sandbox: Database, body: object) -> None:
    answer = door.post(MAPPER, json=body, headers=CALLBACK)
    assert (answer.status_code, answer.json()["responseCode"]) == (400, "01")
    assert _callbacks(sandbox) == []


def _pay(door: TestClient, *sent: dict[str, object], story: str = "story-1") -> tuple[int, str]:
    headers = {"X-CorrelationID": story, "Platform-TenantId": "tenant", **CALLBACK}
    answer = door.post("batchtransactions?type=raw", json=list(sent), headers=headers)
    return answer.status_code, str(answer.json().get("batchId", ""))


def test_a_batch_is_paid_once_and_its_progress_is_told(
    door: TestClient, sandbox: Database, govstack_vault: DetailsVault
) -> None:
    door.post(MAPPER, json=_mapping())
    bad = _transaction(requestId="tx-2", creditParty=[{"key": "accountNumber", "value": "LI48"}])
    status, batch_id = _pay(door, _transaction(), bad)
    assert (status, _pay(door, _transaction(), bad)) == (202, (202, batch_id))
    assert _pay(door, _transaction(amount=1))[0] == 400
    desk = Desk(govstack_vault, TableFiles(None, None))
    with sandbox.transaction() as session:
        row_id = session.execute(text("SELECT id FROM govstack_batch")).scalar_one()
        work_on(session, desk, row_id, "winter-heating", SYSTEM, clock.now())
    detail = door.get(f"api/v1/batch/detail?batchId={batch_id}").json()
    assert [(one["transactionId"], one["status"], one["amount"]) for one in detail] == [
        ("tx-1", "IN_PROGRESS", 10.5),
        ("tx-2", "FAILED", 10.5),
    ]
    assert len(door.get(f"api/v1/batch/detail?batchId={batch_id}&pageSize=1&pageNo=1").json()) == 1
    totals = door.post(f"api/v1/batch?batchId={batch_id}").json()
    assert {name: totals[name] for name in ("TotalTransactions", "ongoing", "failed")} == {
        "TotalTransactions": 2,
        "ongoing": 1,
        "failed": 1,
    }
    assert (totals["totalAmount"], totals["ongoing_amount"], totals["result_file"]) == (
        21.0,
        10.5,
        None,
    )
    for path in ("api/v1/batch/detail?batchId=none", "api/v1/batch/detail"):
        assert door.get(path).status_code == 404
    wanted = {"batchID": batch_id, "payerIdentifier": "1", "currency": "GBP", "amount": 21}
    for change, reason in (
        ({}, "The batch waits for approval"),
        ({"amount": 20}, "The amount is not that of the batch"),
    ):
        answer = door.post(f"batches/{batch_id}", json=wanted | change, headers=CALLBACK)
        assert answer.status_code == 202
        assert _callbacks(sandbox)[-1] == {
            "clientCorrelationId": "",
            "status": "N",
            "reason": reason,
        }
    with sandbox.transaction() as session:
        session.execute(text("UPDATE run SET state = 'approved', content_hash = 'x'"))
    door.post(f"batches/{batch_id}", json=wanted, headers=CALLBACK)
    assert _callbacks(sandbox)[-1]["status"] == "Y"


@pytest.mark.parametrize(
    "change",
    [
        {"requestId": "x" * 17},
        {"creditParty": []},
        {"creditParty": [{"key": "shoe", "value": "9"}]},
        {"debitParty": None},
        {"paymentMode": ""},
        {"amount": "1"},
        {"amount": 0.001},
        {"currency": "EUR"},
        {"descriptionText": "x" * 51},
    ],
    ids=range(9),
)
def test_a_bad_transaction_is_refused(
    door: TestClient, sandbox: Database, change: dict[str, object]
) -> None:
    assert _pay(door, _transaction(**change))[0] == 400
    assert door.post("batchtransactions", json=[_transaction()]).status_code == 400
    with sandbox.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM govstack_batch")).scalar_one() == 0


def test_accounts_are_validated_by_callback(door: TestClient, sandbox: Database) -> None:
    body = {
        "batchId": "b-1",
        "destinationDFSPID": "DEMOGB2L",
        "creditInstructions": [
            {
                "instructionID": "i-1",
                "financialAddress": "99-00-01 10000012",
                "amount": 1,
                "currency": "GBP",
                "narration": "x",
            }
        ],
    }
    answer = door.post("beneficiaries?command=validate", json=body, headers=CALLBACK)
    assert answer.status_code == 202
    assert door.post("beneficiaries?command=other", json=body).status_code == 400
    assert door.post("beneficiaries?command=validate", json={}).status_code == 400


def _wish(**changes: object) -> dict[str, object]:
    one = {
        "instructionID": "i-1",
        "groupCode": "string",
        "currency": "GBP",
        "amount": 5,
        "narration": "x",
    }
    return {"requestID": "req-9", "batchID": "b-9", "voucherInstructions": [one | changes]}


def test_vouchers_are_made_used_and_cancelled(door: TestClient, sandbox: Database) -> None:
    answer = door.post("vouchers?command=create", json=_wish(groupCode="Payment Voucher"))
    assert answer.status_code == 200
    (made,) = answer.json()["voucherInstructions"]
    serial, number = made["serialNumber"], made["voucherNumber"]
    again = door.post("vouchers?command=create", json=_wish(groupCode="Payment Voucher")).json()
    assert again["voucherInstructions"][0]["serialNumber"] == serial
    assert "voucherNumber" not in again["voucherInstructions"][0]
    other = _wish(groupCode="Payment Voucher", amount=6)
    assert door.post("vouchers?command=create", json=other).status_code == 400
    status = f"vouchers/{serial}?fields=status"
    assert door.get(status).json() == {"status": 1, "serialNumber": serial, "value": 5.0}
    serials = {"requestID": "req-10", "voucherInstructions": [{"serialNumber": serial}]}
    assert door.put("vouchers?command=activate", json=serials).status_code == 200
    assert door.put("vouchers?command=activate", json=serials).status_code == 400
    assert door.get(status).json()["status"] == 2
    with sandbox.transaction() as session:
        agent = next(
            one.agent_id
            for one in list_merchants(session, BODY)
            if one.name == "Melissa Stephenson"
        )
    sent = {
        "requestID": "req-11",
        "voucherSerialNumber": serial,
        "agentID": agent,
        "voucherSecretNumber": number,
    }
    for wrong in ({"voucherSecretNumber": "9" * 20}, {"agentID": "none"}):
        assert door.post("voucherRedemption", json=sent | wrong).json()["status"] == 0
    used = door.post("voucherRedemption", json=sent).json()
    assert (used["status"], used["value"], len(used["transactionId"])) == (1, 5.0, 12)
    assert door.post("voucherRedemption", json=sent).json()["status"] == 0
    assert door.get(status).json()["status"] == 5
    cancel = {"requestID": "req-12", "voucherInstructions": [{"serialNumber": "60000"}]}
    assert door.post("vouchers?command=cancel", json=cancel).status_code == 200
    assert door.get("vouchers/60000?fields=status").json()["status"] == 3
    assert door.get("vouchers/123?fields=status").status_code == 400


def test_vouchers_of_a_message_are_changed_all_or_none(door: TestClient) -> None:
    serials = [{"serialNumber": one} for one in ("60001", "6001")]
    body = {"requestID": "req-13", "voucherInstructions": serials}
    assert door.post("vouchers?command=cancel", json=body).status_code == 400
    assert door.get("vouchers/60001?fields=status").json()["status"] == 2
