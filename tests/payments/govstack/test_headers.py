"""The headers of both shapes, in every spelling that callers use."""

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from shared.db import Database
from tests.payments.govstack.calls import batch, instruction, registration

STORY = "0b6f8bb2-9a4e-4d0c-9b0f-0d8f6f6f0001"
URL = "https://source.example/callback"
_MAPPING = {"requestID": "req-1", "beneficiaries": [{"payeeIdentity": "payee-1"}]}
_ASKED = [
    ("POST", "register-beneficiary", registration()),
    ("POST", "identityAccountMapper/beneficiary", _MAPPING),
    (
        "PATCH",
        "vouchers/voucher_activation",
        {"voucher_serial_number": 5555, "Gov_Stack_BB": "Gov_Stack_BB"},
    ),
    (
        "POST",
        "vouchers?command=activate",
        {"requestID": "r", "voucherInstructions": [{"serialNumber": "5555"}]},
    ),
    ("GET", "bills/BILL-OPEN-1?fields=inquiry", None),
]


@pytest.mark.parametrize("callback", ["X-Callback-URL", "X-CallbackURL"])
@pytest.mark.parametrize("correlation", ["X-CorrelationID", "X-Client-Correlation-ID"])
def test_a_callback_carries_the_callers_correlation(
    door: TestClient, sandbox: Database, callback: str, correlation: str
) -> None:
    headers = {callback: URL, correlation: STORY}
    for number, (method, path, body) in enumerate(_ASKED[:3] + _ASKED[4:], 1):
        answer = door.request(method, path, json=body, headers=headers)
        assert answer.status_code in (200, 202), path
        with sandbox.transaction() as session:
            told = session.execute(
                text("SELECT url, correlation_header FROM govstack_callback")
            ).all()
        assert [tuple(one) for one in told] == [(URL, STORY)] * number, path


def test_the_second_shapes_vouchers_carry_it_too(door: TestClient, sandbox: Database) -> None:
    method, path, body = _ASKED[3]
    headers = {"X-Callback-URL": URL, "X-CorrelationID": "any-text"}
    assert door.request(method, path, json=body, headers=headers).status_code == 200
    with sandbox.transaction() as session:
        told = session.execute(text("SELECT correlation_header FROM govstack_callback")).scalars()
        assert list(told) == ["any-text"]


def test_a_batchs_correlation_goes_with_its_work(door: TestClient, sandbox: Database) -> None:
    headers = {"X-Callback-URL": URL, "X-CorrelationID": STORY}
    sent = batch(instruction(Currency="USD"))
    for path in ("bulk-payment", "prepayment-validation"):
        assert door.post(path, json=sent, headers=headers).status_code == 200
    with sandbox.transaction() as session:
        told = session.execute(
            text("SELECT payload ->> 'correlation' FROM outbox WHERE topic = :topic"),
            {"topic": "payments.govstack.work"},
        ).scalars()
        assert list(told) == [STORY, STORY]


@pytest.mark.parametrize(
    "name", ["X-Registering-Institution-ID", "Platform-TenantId", "X-Platform-TenantId"]
)
def test_the_source_of_a_batch_is_its_institution_or_tenant(
    door: TestClient, sandbox: Database, name: str
) -> None:
    sent = {
        "batchId": "batch-1",
        "destinationDFSPID": "DEMOGB2L",
        "creditInstructions": [
            {
                "instructionID": "i-1",
                "financialAddress": "99-00-01 10000012",
                "amount": 1,
                "currency": "GBP",
            }
        ],
    }
    answer = door.post("beneficiaries?command=validate", json=sent, headers={name: "ministry"})
    assert answer.status_code == 202
    with sandbox.transaction() as session:
        assert session.execute(text("SELECT source FROM govstack_batch")).scalar_one() == "ministry"
