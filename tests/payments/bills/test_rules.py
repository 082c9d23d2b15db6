"""What a good bill is, and files of bills."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.bills.csv_rules import MAXIMUM_BYTES, RowFault, read_bills, read_day
from payments.bills.rules import (
    BillState,
    Facts,
    NewBill,
    RejectReason,
    can_request_move,
    check_bill,
    refusal_of,
)
from shared.errors import Invalid
from tests.payments.bills.counter import DUE, PENCE, TODAY, day, new_bill

PROGRAMMES = ["winter-heating", "clothing-grant"]
HEADER = "reference,payer,amount,description,due_date,programme,last_day"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("programme", {"programme": "none"}),
        ("reference", {"reference": ""}),
        ("reference", {"reference": "ct-1"}),
        ("reference", {"reference": "X" * 21}),
        ("reference", {"reference": "-X"}),
        ("reference", {"reference": "CT 1"}),
        ("payer_name", {"payer_name": " "}),
        ("payer_name", {"payer_name": "x" * 141}),
        ("payer_name", {"payer_name": "a\x00b"}),
        ("description", {"description": ""}),
        ("description", {"description": "x" * 201}),
        ("amount", {"amount_pence": None}),
        ("amount", {"amount_pence": 0}),
        ("amount", {"amount_pence": -1}),
        ("amount", {"amount_pence": 2_000_000_001}),
        ("due_on", {"due_on": None}),
        ("due_on", {"due_on": day(-1)}),
        ("due_on", {"due_on": day(3651)}),
        ("expires_on", {"expires_on": day(29)}),
        ("expires_on", {"expires_on": day(3651)}),
    ],
    ids=range(20),
)
def test_a_fault_is_named(field: str, changes: dict[str, object]) -> None:
    assert [one.field for one in check_bill(new_bill(**changes), PROGRAMMES, TODAY)] == [field]


def test_all_faults_are_told_at_once() -> None:
    faults = check_bill(NewBill("", "", "", None, "", None), PROGRAMMES, TODAY)
    assert {one.field for one in faults} == {
        "programme",
        "reference",
        "payer_name",
        "description",
        "amount",
        "due_on",
    }
    assert check_bill(new_bill(due_on=TODAY), PROGRAMMES, TODAY) == []


@pytest.mark.parametrize(
    ("state", "amount", "days", "reason"),
    [
        ("open", None, 0, None),
        ("open", PENCE, 30, None),
        ("open", PENCE, 31, "Def"),
        ("open", PENCE + 1, 0, "Def"),
        ("expired", PENCE, 0, "Def"),
        ("cancelled", PENCE, 0, "Def"),
        ("paid", PENCE, 31, "Dup"),
    ],
    ids=range(7),
)
def test_codes_of_refusals(
    state: BillState, amount: int | None, days: int, reason: RejectReason | None
) -> None:
    refusal = refusal_of(Facts(state, PENCE, DUE), amount, day(days))
    assert (refusal.reason if refusal else None) == reason


def test_only_pending_requests_move() -> None:
    assert can_request_move("PND", "CAN")
    assert can_request_move("COM", "COM")
    assert not can_request_move("EXP", "COM")


def _file(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *rows)).encode()


def test_a_file_is_read() -> None:
    rows, faults = read_bills(
        _file(
            f"ct-1,Morag Fictional,£120.50,Permit,{DUE},winter-heating,",
            f'CT-2,"Madeup, Alasdair","1,000",Rent,{DUE:%d/%m/%Y},clothing-grant,{day(40)}',
        ),
        PROGRAMMES,
        TODAY,
    )
    assert faults == []
    assert [(line, bill.reference, bill.amount_pence) for line, bill in rows] == [
        (2, "CT-1", 12050),
        (3, "CT-2", 100_000),
    ]
    assert [bill.last_day for _, bill in rows] == [DUE, day(40)]


def test_all_faults_of_a_file_are_told_at_once() -> None:
    _, faults = read_bills(
        _file(
            f"CT-1,,1.234,Permit,{DUE},none,soon",
            "CT-1,Morag,1,Permit,31/02/2027,winter-heating,",
        ),
        PROGRAMMES,
        TODAY,
    )
    assert [(one.row, one.line, one.column) for one in faults] == [
        (1, 2, "last_day"),
        (1, 2, "programme"),
        (1, 2, "payer"),
        (1, 2, "amount"),
        (2, 3, "due_date"),
        (2, 3, "reference"),
    ]
    assert faults[-1] == RowFault(2, 3, "reference", "Row 1 has it too")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "missing columns"),
        (_file(), "no bills"),
        (_file(header="reference,sort_code"), "line 1, column 2"),
        (_file("a,b"), "line 2"),
        (b"\xff", "UTF-8"),
        (b"x" * (MAXIMUM_BYTES + 1), "4 MB"),
    ],
    ids=["empty", "header", "column", "cells", "bytes", "large"],
)
def test_what_is_no_file_of_bills_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_bills(content, PROGRAMMES, TODAY)
    assert words in caught.value.fields[0].message


@given(
    st.binary(max_size=300)
    | st.lists(st.text(max_size=60), max_size=6).map(lambda rows: _file(*rows).decode().encode())
)
def test_any_bytes_are_bills_or_a_refusal(content: bytes) -> None:
    try:
        rows, faults = read_bills(content, PROGRAMMES, TODAY)
    except Invalid:
        return
    assert rows
    assert all(fault.row <= len(rows) for fault in faults)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026-12-24", "2026-12-24"),
        ("24/12/2026", "2026-12-24"),
        ("4/2/2027", "2027-02-04"),
        ("2026-13-01", None),
        ("31/02/2027", None),
        ("24.12.2026", None),
        ("٢٤/١٢/٢٠٢٦", None),
        ("", None),
    ],
    ids=range(8),
)
def test_days(typed: str, expected: str | None) -> None:
    found = read_day(typed)
    assert (found.isoformat() if found else None) == expected
