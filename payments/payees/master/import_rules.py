"""A CSV file of payees as rows of facts and faults."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from payments.payees.actions import validate_details
from payments.payees.bank_details import AccountType
from payments.payees.csv_files import CsvError, read_rows
from payments.payees.master.rules import PayeeFacts, check_facts
from payments.payees.modulus.tables import TableFiles
from shared.errors import FieldError, Invalid

REQUIRED = ("name", "account_type")
OPTIONAL = (
    *("sort_code", "account_number", "iban", "roll_number"),
    *("reference", "beneficiary", "gl_code", "email", "notes"),
)
MAXIMUM_ROWS = 10_000
MAXIMUM_BYTES = 8_000_000


@dataclass(frozen=True)
class RowFault:
    """What is wrong with one row of a file."""

    row: int
    line: int
    field: str
    message: str


def read_payees(
    content: bytes, tables: TableFiles
) -> Iterator[tuple[int, int, PayeeFacts | list[RowFault]]]:
    """Yield number, line and facts of each row, or every fault of it.

    Raises:
        Invalid: names ``file``: it cannot be read as a table of payees; says at which line.
    """
    if len(content) > MAXIMUM_BYTES:
        raise Invalid(FieldError("file", "The file is larger than 8 MB"))
    references: dict[str, int] = {}
    try:
        for row in read_rows(content, REQUIRED, OPTIONAL, maximum_rows=MAXIMUM_ROWS):
            read = _read_row(row.cells, tables)
            faults = read if isinstance(read, list) else []
            own = row.cells.get("reference", "")
            if own and own in references:
                faults.append(FieldError("reference", f"Row {references[own]} has it too"))
            references.setdefault(own, row.number)
            if isinstance(read, PayeeFacts) and not faults:
                yield row.number, row.line, read
            else:
                yield (
                    row.number,
                    row.line,
                    [RowFault(row.number, row.line, one.field, one.message) for one in faults],
                )
    except CsvError as error:
        raise Invalid(FieldError("file", str(error))) from error


def _read_row(cells: Mapping[str, str], tables: TableFiles) -> PayeeFacts | list[FieldError]:
    def cell(name: str) -> str:
        return cells.get(name, "")

    try:
        details, _ = validate_details(
            tables, cell("sort_code"), cell("account_number"), cell("roll_number"), cell("iban")
        )
    except Invalid as invalid:
        return list(invalid.fields)
    facts = PayeeFacts(
        name=" ".join(cell("name").split()),
        account_type=cast("AccountType", cell("account_type").lower()),
        details=details,
        reference=cell("reference"),
        beneficiary=" ".join(cell("beneficiary").split()),
        gl_code=cell("gl_code"),
        email=cell("email"),
        notes=cell("notes"),
    )
    return check_facts(facts) or facts
