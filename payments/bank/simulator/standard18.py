"""How the bank reads Standard 18: by slices, sharing nothing with who writes the files."""

from dataclasses import dataclass, field
from datetime import date, datetime

_RECORD = 100


class RefusedError(Exception):
    """The bank refuses the whole file; carries its code and a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Item:
    """One credit of the file."""

    line: int
    sort_code: str
    account: str
    name: str
    pence: int
    reference: str


@dataclass
class Parsed:
    """The file as the bank understands it."""

    serial: str = ""
    user_number: str = ""
    processing_day: date | None = None
    own_sort_code: str = ""
    own_account: str = ""
    own_name: str = ""
    items: list[Item] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Sum of all credits in pence."""
        return sum(item.pence for item in self.items)


def parse(content: bytes) -> Parsed:
    """Return what the bank makes of a file; refuses what its own checks find wrong.

    Raises:
        RefusedError: with the bank's code.
    """
    try:
        rows = content.decode("ascii").replace("\r", "").split("\n")
    except UnicodeDecodeError as error:
        raise RefusedError("CHARSET", "the file is not plain ASCII") from error
    parsed, contra, trailer = _read_rows(rows)
    if not (len(parsed.serial) == len(parsed.user_number) == len("000000")):
        raise RefusedError("LABELS", "the labels name no serial or no service user")
    if not parsed.items or contra != parsed.total:
        raise RefusedError("CONTRA", "credits and contra differ")
    if trailer != (parsed.total, parsed.total, len(parsed.items)):
        raise RefusedError("TOTALS", "the trailer differs from the records")
    return parsed


def _read_rows(rows: list[str]) -> tuple[Parsed, int | None, tuple[int, int, int] | None]:
    parsed, contra, trailer = Parsed(), None, None
    for number, row in enumerate(rows, 1):
        tag = row[:4]
        if tag == "VOL1":
            parsed.serial, parsed.user_number = row[4:10], row[41:47]
        elif tag == "UHL1":
            parsed.processing_day = _day(row[4:10])
        elif tag == "UTL1":
            trailer = (_number(row[4:17]), _number(row[17:30]), _number(row[37:44]))
        elif tag in {"HDR1", "HDR2", "EOF1", "EOF2"} or not row:
            continue
        elif row[15:17] == "17":
            contra = _number(row[35:46])
            parsed.own_sort_code, parsed.own_account = row[:6], row[6:14]
            parsed.own_name = row[82:100].strip()
        elif row[15:17] == "99" and len(row) >= _RECORD:
            parsed.items.append(_item(number, row))
        else:
            raise RefusedError("RECORD", f"line {number}: not a record this service takes")
    return parsed, contra, trailer


def _item(number: int, row: str) -> Item:
    return Item(
        number, row[:6], row[6:14], row[82:100].strip(), _number(row[35:46]), row[64:82].strip()
    )


def _number(text: str) -> int:
    if not text.isdigit():
        raise RefusedError("NUMERIC", "letters where digits belong")
    return int(text)


def _day(text: str) -> date | None:
    # A badly formed processing day becomes the current one, as Bacs does.
    try:
        return datetime.strptime(text, " %y%j").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
