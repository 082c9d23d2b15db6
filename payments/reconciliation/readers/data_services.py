"""Reads NatWest/RBS Data Services statements through `bankline-direct-parser` (contract 8)."""

import re
from datetime import date

from bankline_parser.data_services import parse
from bankline_parser.data_services.enums import BalanceType
from bankline_parser.data_services.exceptions import ParseError
from bankline_parser.data_services.models import Account, BalanceRecord, DataRecord

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.rules import LineKind, ReadStatements, Statement, StatementLine

_MAXIMUM_BYTES = 64 * 1024 * 1024
_RETURN_CODE = "RA"


def read(content: bytes) -> ReadStatements:
    """Return the statements of a Data Services file, one for each account in it.

    Records of totals (44, 54) are left out of the sums and reported. Refused are unknown
    transaction codes, missing amounts, and trailer totals that contradict the records.

    Raises:
        UnreadableError: with line and reason.
    """
    if len(content) > _MAXIMUM_BYTES:
        raise UnreadableError(0, "larger than 64 MB")
    try:
        lines = content.decode("ascii").rstrip().splitlines()
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(number, "a character outside ASCII") from None
    try:
        file = parse(lines)
    except ParseError as error:
        found = re.match(r"Line (\d+): (.*)", str(error), re.DOTALL)
        line, reason = (int(found[1]), found[2]) if found else (len(lines), str(error))
        raise UnreadableError(line, reason) from None
    except (TypeError, ValueError, AttributeError):
        # The library adds and compares fields that may be blank.
        raise UnreadableError(len(lines), "a record lacks an amount or a number") from None
    warnings: list[str] = []
    statements = tuple(
        _statement(account, str(file.volume_header_label.volume_serial_number or ""), warnings)
        for account in file.accounts
    )
    if not statements:
        raise UnreadableError(len(lines), "no account with records")
    return ReadStatements("natwest-data-services", statements, tuple(warnings))


def _statement(account: Account, serial: str, warnings: list[str]) -> Statement:
    records = [record for record in account.records if isinstance(record, DataRecord)]
    balances = [record for record in account.records if isinstance(record, BalanceRecord)]
    totals = [record for record in records if record.is_total()]
    if totals:
        warnings.append(f"{len(totals)} records of totals were left out")
    real = [record for record in records if not record.is_total()]
    _check_totals(account, real, len(balances))
    lines = tuple(_line(record) for record in real)
    processed: date = account.user_header_label.processing_date.date()
    closing = _closing(balances[-1]) if balances else None
    days = [line.booking_date for line in lines] or [processed]
    first = (real or balances or [None])[0]
    sort_code = str(first.branch_sort_code or "") if first is not None else ""
    number = str(first.branch_account_number or "") if first is not None else ""
    if any((r.branch_sort_code, r.branch_account_number) != (sort_code, number) for r in real):
        raise UnreadableError(0, "records of several accounts between one header and its trailer")
    return Statement(
        sort_code,
        number,
        "GBP",
        f"{serial}/{processed.isoformat()}",
        None,
        None if closing is None else closing - sum(line.amount_pence for line in lines),
        closing,
        min(days),
        max(days),
        lines,
    )


def _check_totals(account: Account, records: list[DataRecord], balances: int) -> None:
    trailer = account.user_trailer_label
    debits = [record.amount for record in records if record.is_debit()]
    credits_ = [record.amount for record in records if record.is_credit()]
    faults = [
        f"{what}: the records make {ours}, the trailer says {theirs}"
        for what, ours, theirs in (
            ("debits in pence", sum(debits), trailer.monetary_total_debit_items),
            ("credits in pence", sum(credits_), trailer.monetary_total_credit_items),
            ("number of debits", len(debits), trailer.count_debit_items),
            ("number of credits", len(credits_), trailer.count_credit_items),
            ("number of balances", balances, trailer.count_balance_records or 0),
        )
        if ours != theirs
    ]
    if faults:
        raise UnreadableError(0, "the totals are wrong: " + "; ".join(faults))


def _closing(record: BalanceRecord) -> int:
    held = int(record.ledger_balance or 0)
    return -held if record.ledger_balance_type is BalanceType.debit else held


def _line(record: DataRecord) -> StatementLine:
    code = str(record.transaction_code.value)
    amount = int(record.amount)
    if amount <= 0:
        raise UnreadableError(0, "a record of zero")
    kind: LineKind = "return" if code == _RETURN_CODE else "credit"
    if record.is_debit():
        kind, amount = "debit", -amount
    description = (record.transaction_description or "").strip()
    reference = (record.reference_number or "").strip()
    booked: date = record.date.date()
    return StatementLine(
        amount_pence=amount,
        booking_date=booked,
        value_date=booked,
        kind=kind,
        bank_code=code,
        reference=reference or description,
        counterparty_name=description,
        counterparty_sort_code=record.originators_sort_code or "",
        counterparty_account=record.originators_account_number or "",
        narrative=(record.originators_reference or "").strip(),
    )
