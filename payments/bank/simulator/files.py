"""How the bank reads the files it gets, piece by piece, sharing nothing with who writes them.

A file's facts are whole only when its items have been read to the end: the checks come last.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from lxml import etree

_RECORD = 100
_RAILS = {"NURG": "bacs", "URNS": "faster_payments", "URGP": "chaps"}


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
    end_to_end: str = ""


@dataclass
class Facts:
    """The file as the bank understands it."""

    format: str = "standard18"
    rail: str = "bacs"
    serial: str = ""
    user_number: str = ""
    processing_day: date | None = None
    own_sort_code: str = ""
    own_account: str = ""
    own_name: str = ""
    count: int = 0
    total: int = 0


def read(path: Path, facts: Facts) -> Iterator[Item]:
    """Yield the credits of a file and fill in its facts; refuses what the bank's checks find.

    Raises:
        RefusedError: with the bank's code; also after the last credit.
    """
    with path.open("rb") as file:
        is_xml = file.read(64).lstrip().startswith(b"<")
    if is_xml:
        facts.format = "pain.001"
        yield from _pain001(path, facts)
    else:
        yield from _standard18(path, facts)
    if not (len(facts.serial) == len(facts.user_number) == len("000000")):
        raise RefusedError("LABELS", "the labels name no serial or no service user")
    if not facts.count:
        raise RefusedError("EMPTY", "the file holds no credit")


@dataclass
class _Sums:
    contra: int | None = None
    trailer: tuple[int, int, int] | None = None


def _standard18(path: Path, facts: Facts) -> Iterator[Item]:
    sums = _Sums()
    try:
        with path.open(encoding="ascii", newline="") as file:
            for number, line in enumerate(file, 1):
                row = line.rstrip("\r\n")
                if _note_label(row, facts, sums):
                    continue
                if row[15:17] != "99" or len(row) < _RECORD:
                    raise RefusedError("RECORD", f"line {number}: not a record this service takes")
                pence = _number(row[35:46])
                facts.count, facts.total = facts.count + 1, facts.total + pence
                name, reference = row[82:100].strip(), row[64:82].strip()
                yield Item(number, row[:6], row[6:14], name, pence, reference)
    except UnicodeDecodeError as error:
        raise RefusedError("CHARSET", "the file is not plain ASCII") from error
    if sums.contra != facts.total:
        raise RefusedError("CONTRA", "credits and contra differ")
    if sums.trailer != (facts.total, facts.total, facts.count):
        raise RefusedError("TOTALS", "the trailer differs from the records")


def _note_label(row: str, facts: Facts, sums: _Sums) -> bool:
    """Take what a label or a contra says; False for a record of another kind."""
    tag = row[:4]
    if tag == "VOL1":
        facts.serial, facts.user_number = row[4:10], row[41:47]
    elif tag == "UHL1":
        facts.processing_day = _day(row[4:10])
    elif tag == "UTL1":
        sums.trailer = (_number(row[4:17]), _number(row[17:30]), _number(row[37:44]))
    elif row[15:17] == "17":
        sums.contra = (sums.contra or 0) + _number(row[35:46])
        facts.own_sort_code, facts.own_account = row[:6], row[6:14]
        facts.own_name = row[82:100].strip()
    else:
        return tag in {"HDR1", "HDR2", "EOF1", "EOF2"} or not row
    return True


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RefusedError("NUMERIC", "letters where digits belong")
    return int(text)


def _day(text: str) -> date | None:
    # A badly formed processing day becomes the current one, as Bacs does.
    try:
        return datetime.strptime(text, " %y%j").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def _pain001(path: Path, facts: Facts) -> Iterator[Item]:
    told: dict[str, str] = {}
    try:
        walk = etree.iterparse(
            str(path), events=("end",), resolve_entities=False, no_network=True, load_dtd=False
        )
        for _, element in walk:
            if str(element.tag).rpartition("}")[2] != "CdtTrfTxInf":
                _note_head(element, facts, told)
                continue
            item = _transfer(element, facts.count + 1)
            facts.count, facts.total = facts.count + 1, facts.total + item.pence
            yield item
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except (etree.XMLSyntaxError, ValueError, KeyError) as error:
        raise RefusedError("FORMAT", f"not a pain.001: {type(error).__name__}") from error
    if told.get("NbOfTxs") != str(facts.count) or _pence(told.get("CtrlSum", "")) != facts.total:
        raise RefusedError("TOTALS", "the control sums differ from the transfers")


def _note_head(element: etree._Element, facts: Facts, told: dict[str, str]) -> None:
    tag = str(element.tag).rpartition("}")[2]
    if tag == "GrpHdr":
        told |= {name: _at(element, name) for name in ("MsgId", "NbOfTxs", "CtrlSum")}
        facts.user_number, facts.serial = told["MsgId"][:6], told["MsgId"][6:]
    elif tag == "SvcLvl":
        facts.rail = _RAILS.get(_at(element, "Cd"), "bacs")
    elif tag == "ReqdExctnDt":
        facts.processing_day = date.fromisoformat(_at(element, "Dt"))
    elif tag == "Dbtr":
        facts.own_name = _at(element, "Nm")
    elif tag == "DbtrAcct":
        facts.own_account = _at(element, "Id/Othr/Id")
    elif tag == "DbtrAgt":
        facts.own_sort_code = _at(element, "FinInstnId/ClrSysMmbId/MmbId")


def _transfer(element: etree._Element, number: int) -> Item:
    account = _at(element, "CdtrAcct/Id/Othr/Id")
    sort_code = _at(element, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId")
    if not re.fullmatch("[0-9]{8}", account) or not re.fullmatch("[0-9]{6}", sort_code):
        raise RefusedError("ACCOUNT", f"transfer {number}: not a UK account")
    return Item(
        number,
        sort_code,
        account,
        _at(element, "Cdtr/Nm"),
        _pence(_at(element, "Amt/InstdAmt")),
        _at(element, "RmtInf/Ustrd"),
        _at(element, "PmtId/EndToEndId"),
    )


def _at(element: etree._Element, path: str) -> str:
    here: etree._Element | None = element
    for name in path.split("/"):
        here = (
            next((one for one in here if str(one.tag).rpartition("}")[2] == name), None)
            if here is not None
            else None
        )
    return (here.text or "").strip() if here is not None else ""


def _pence(text: str) -> int:
    try:
        pence = Decimal(text) * 100
    except InvalidOperation:
        raise RefusedError("NUMERIC", "letters where an amount belongs") from None
    if pence != int(pence):
        raise RefusedError("NUMERIC", "an amount with more than two decimals")
    return int(pence)
