"""Whatever is sent, the doors answer in their shapes and never fail."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from payments.govstack.rules import (
    MAXIMUM_PENCE,
    UNREADABLE,
    make_reference,
    pence_of,
    read_address,
    read_json,
)
from payments.govstack.shape_a.rules import read_number, read_voucher_pence, show_pounds
from tests.payments.govstack.calls import (
    PREACTIVATION,
    REDEMPTION,
    asking,
    batch,
    instruction,
    notice,
    registration,
    saying,
)

_WORDS = st.text(max_size=30) | st.sampled_from(["\x00", "\ud800", "🧦" * 12, "x" * 12, "0" * 400])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=6,
)
_TARGETS = [
    ("POST", "register-beneficiary", registration()),
    ("POST", "bulk-payment", batch()),
    ("POST", "prepayment-validation", batch(instruction(Currency="USD"))),
    ("POST", "prepayment-validation-response", {"RequestID": "x", "Source_BatchID": "y"}),
    ("POST", "vouchers/voucher_preactivation", PREACTIVATION),
    ("PATCH", "vouchers/voucher_activation", {"voucher_serial_number": 1, "Gov_Stack_BB": "x"}),
    ("POST", "vouchers/voucher_redemption", REDEMPTION),
    ("PATCH", "vouchers/voucherstatuscheck/60005", {"voucherserialnumber": "60005"}),
    ("POST", "identityAccountMapper/beneficiary", {"requestID": "r", "beneficiaries": []}),
    ("PUT", "beneficiary", {"requestId": "r", "payeePartyIds": ["x"]}),
    ("POST", "batchtransactions?type=raw", {}),
    ("POST", "beneficiaries?command=validate", {"batchId": "b", "creditInstructions": []}),
    ("POST", "batches/b", {"batchID": "b", "amount": 1}),
    ("POST", "vouchers?command=create", {"requestID": "r", "voucherInstructions": []}),
    ("POST", "voucherRedemption", {"requestID": "r", "agentID": "a"}),
    ("POST", "bills/BILL-OPEN-1", {"requestID": "r"}),
    ("POST", "billTransferRequests", notice()),
    ("POST", "rtpRequest", asking()),
    ("POST", "rtpResponse", saying()),
    ("POST", "rtpUpdate", saying(rtpStatus="RJC", rejectReason="R", paymentReferenceID=None)),
    ("POST", "transferRequests/RTP-1", {"requestID": "r"}),
]


@pytest.mark.parametrize(("method", "path", "good"), _TARGETS, ids=[t[1] for t in _TARGETS])
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_body_makes_a_door_fail(
    door: TestClient, method: str, path: str, good: dict[str, object], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([*good, "unknown"] if good else ["unknown"]))
    changed = {**good, name: data.draw(_VALUES)}
    body = data.draw(st.sampled_from([changed, [changed], data.draw(_VALUES)]))
    answer = door.request(method, path, content=json.dumps(body))
    assert answer.status_code < 500
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    answer.json()


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_unreadable(content: bytes) -> None:
    read_json(content)


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": "\\u0000"}',
        b'{"\\ud800": 1}',
        b"[" * 100 + b"]" * 100,
        b"NaN",
        b"Infinity",
        b"1" * 5000,
        b"\xff",
        b"",
    ],
    ids=["null", "half", "deep", "nan", "infinity", "long-number", "no-utf8", "empty"],
)
def test_what_no_database_could_keep_is_unreadable(content: bytes) -> None:
    assert read_json(content) is UNREADABLE


@given(st.integers(1, MAXIMUM_PENCE))
def test_pounds_become_exactly_their_pence(pence: int) -> None:
    assert pence_of(Decimal(pence) / 100) == pence
    assert read_voucher_pence(show_pounds(pence)) == pence


@pytest.mark.parametrize(
    ("text", "pence"),
    [
        ("0", 0),
        ("15.21", 1521),
        ("15.2", 1520),
        ("15.2100", 1521),
        ("15.2101", None),
        ("15.21000", None),
        ("1.", None),
        (".5", None),
        ("٣", None),
        ("1e3", None),
        ("999999999999999999", 99999999999999999900),
    ],
)
def test_voucher_amounts_are_read_as_published(text: str, pence: int | None) -> None:
    assert read_voucher_pence(text) == pence


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, "1"), ("12", "12"), (0, None), (-1, None), ("01", None), ("", None), (True, None),
     (1.5, None), (10**25, None), ("1" * 25, "1" * 25), ("1" * 26, None), ("١", None)],
)  # fmt: skip
def test_numbers_of_vouchers(value: object, number: str | None) -> None:
    assert read_number(value) == number


@pytest.mark.parametrize(
    ("address", "account"),
    [
        ("99-00-01 10000012", "99000110000012"),
        ("99000110000012", "99000110000012"),
        ("GB82 WEST 1234 5698 7654 32", "12345698765432"),
        ("GB83WEST12345698765432", None),
        ("LI4808800751423444466", None),
        ("00000010000012", None),
        ("", None),
        ("string", None),
    ],
)
def test_only_uk_accounts_are_addresses(address: str, account: str | None) -> None:
    found = read_address(address)
    assert (found.identification if found else None) == account


@given(st.text(max_size=60), st.text(max_size=16))
def test_references_fit_bacs(narration: str, instruction_id: str) -> None:
    made = make_reference(narration, instruction_id)
    assert 1 <= len(made) <= 18
    assert made == made.strip()
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.&/ -")
