"""What an upload is: its formats, its life, and what one of its rows carries."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from shared.money import format_pounds

Format = Literal["csv", "bureau_csv", "standard18", "pain001", "xlsx"]
UploadState = Literal[
    "mapping",
    "reading",
    "validating",
    "comparing",
    "faulty",
    "creating",
    "created",
    "refused",
    "abandoned",
]
FORMATS: tuple[Format, ...] = get_args(Format)
STATES: tuple[UploadState, ...] = get_args(UploadState)
# Nobody has to do anything: the work goes on by itself.
WORKING: frozenset[UploadState] = frozenset({"reading", "validating", "comparing", "creating"})
# The file waits for a person, who may also give it up.
WAITING: frozenset[UploadState] = frozenset({"mapping", "faulty"})

# The columns of the contract's CSV (section 3), in its order; the first five are needed.
COLUMNS = (
    "destination_sort_code",
    "destination_account_number",
    "destination_name",
    "amount",
    "reference",
    "account_type",
    "roll_number",
    "payee_id",
    "gl_code",
    "invoice_reference",
    "invoice_received_date",
    "execution_date",
)
NEEDED = COLUMNS[:5]
# What a row carries through all stages: its columns, then what only some formats have.
END_TO_END_ID, PROBLEM, NOTE = len(COLUMNS), len(COLUMNS) + 1, len(COLUMNS) + 2
AMOUNT, EXECUTION_DATE = COLUMNS.index("amount"), COLUMNS.index("execution_date")
WIDTH = len(COLUMNS) + 3
# The line (or the row of a sheet) on which it stands, and its `WIDTH` texts.
Record = tuple[int, list[str]]

CHUNK_BYTES = 1024 * 1024
MAXIMUM_ROWS = 2_000_000
MAXIMUM_FIELD = 1_000
MAXIMUM_FILENAME = 200
MAXIMUM_PENCE = 10**15
_MAXIMUM_DIGITS = 15


class ReadError(ValueError):
    """A file that cannot be read as what it is said to be: where, and why."""

    def __init__(self, line: int, column: str, reason: str, code: str = "unreadable") -> None:
        super().__init__(f"line {line}, {column}: {reason}" if column else f"line {line}: {reason}")
        self.line = line
        self.column = column
        self.reason = reason
        self.code = code


@dataclass(frozen=True)
class Claims:
    """Control totals that a file carries about itself; None where it has none."""

    count: int | None = None
    pence: int | None = None


@dataclass(frozen=True)
class Mapping:
    """Which column of a foreign file is which of ours; empty for one that is not used."""

    columns: tuple[str, ...]
    has_header: bool

    def as_json(self) -> dict[str, object]:
        """Return what is kept of it."""
        return {"columns": list(self.columns), "has_header": self.has_header}

    @classmethod
    def from_json(cls, kept: dict[str, object]) -> "Mapping":
        """Return a mapping as it was kept."""
        columns = kept["columns"]
        if not isinstance(columns, list):
            raise TypeError("the columns of a mapping are a list")
        return cls(tuple(str(one) for one in columns), bool(kept["has_header"]))


def blank_fields() -> list[str]:
    """Return the texts of a row of which nothing is known."""
    return [""] * WIDTH


def header_hash(header: Sequence[str]) -> bytes:
    """Return what recognises a heading when it comes again, whatever its case and blanks."""
    return hashlib.sha256("\x1f".join(plain_heading(name) for name in header).encode()).digest()


def plain_heading(name: str) -> str:
    """Return a heading in lower case with single underscores for blanks."""
    return "_".join(name.strip().lower().split())


def check_mapping(mapping: Mapping) -> list[str]:
    """Return what is wrong with a mapping: needed columns missing, columns used twice, unknown."""
    used = [name for name in mapping.columns if name]
    faults = [f"{name} has no column" for name in NEEDED if name not in used]
    faults += [f"{name} has two columns" for name in dict.fromkeys(used) if used.count(name) > 1]
    faults += [f"{name} is not one of our columns" for name in used if name not in COLUMNS]
    return faults


def to_pence(text: str) -> int | None:
    """Return an amount in pounds as pence, None for what is no amount of at most two decimals.

    Takes ``1234``, ``1234.5``, ``1,234.50`` and ``£1,234.50``; never goes through a float.
    """
    whole, dot, rest = text.partition(".")
    if "," in whole or whole[:1] in {"£", " "}:
        whole = whole.lstrip("£ ")
        groups = whole.split(",")
        if any(len(group) != len("000") for group in groups[1:]) or len(groups[0]) > len("000"):
            return None
        whole = "".join(groups)
    if not (whole.isascii() and whole.isdigit()) or len(whole) > _MAXIMUM_DIGITS:
        return None
    if not dot:
        return int(whole) * 100
    if len(rest) not in (1, 2) or not (rest.isascii() and rest.isdigit()):
        return None
    return int(whole) * 100 + int(rest.ljust(2, "0"))


def to_pounds(pence: int) -> str:
    """Return pence as a file writes them: ``1234.50``."""
    return f"{pence // 100}.{pence % 100:02d}"


@dataclass(frozen=True)
class Difference:
    """A control total that does not agree; both figures, as people read them."""

    code: str
    sentence: str


def compare_totals(
    declared: tuple[int, int], claims: Claims, found: tuple[int, int], unread: int
) -> list[Difference]:
    """Return where the totals of the declaration, of the file about itself, and of its rows differ.

    Each total is (count, pence). An amount that cannot be read leaves the sums out: such rows are
    shown as errors, and the sum is compared when they have been corrected.
    """
    differences = []
    if declared[0] != found[0]:
        differences.append(
            Difference("count", f"{declared[0]} payments were declared, the file has {found[0]}.")
        )
    if claims.count is not None and claims.count != found[0]:
        differences.append(
            Difference(
                "file_count",
                f"The file says that it has {claims.count} payments, it has {found[0]}.",
            )
        )
    if unread:
        return differences
    if declared[1] != found[1]:
        differences.append(
            Difference(
                "total",
                f"A total of {format_pounds(declared[1])} was declared,"
                f" the file has {format_pounds(found[1])}.",
            )
        )
    if claims.pence is not None and claims.pence != found[1]:
        differences.append(
            Difference(
                "file_total",
                f"The file says that its total is {format_pounds(claims.pence)},"
                f" it is {format_pounds(found[1])}.",
            )
        )
    return differences


def parse_day(text: str) -> date | None:
    """Return a day written 2026-11-30 or 30/11/2026, None for anything else."""
    try:
        if text[2:3] == "/" and text[5:6] == "/" and len(text) == len("dd/mm/yyyy"):
            return date(int(text[6:]), int(text[3:5]), int(text[:2]))
        if len(text) == len("yyyy-mm-dd"):
            return date.fromisoformat(text)
    except ValueError:
        return None
    return None
