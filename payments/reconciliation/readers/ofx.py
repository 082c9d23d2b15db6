"""Reads OFX 1.x (SGML) and 2.x (XML) bank statements; our own small reader.

Both are read as one stream of tags: a tag with text is a value and needs no end, a tag without text
is an aggregate and ends with its end tag. Nothing is expanded, so no document can grow in reading.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from payments.bank.safe_xml import UnreadableError
from payments.reconciliation.readers.common import decode, kind_of, said, split_account, to_pence
from payments.reconciliation.rules import ReadStatements, Statement, StatementLine

_TAG = re.compile(r"<(/?)([A-Za-z0-9._]{1,40})\s*(/?)>([^<]*)")
_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_MAXIMUM_DEPTH = 50
_STATEMENTS = ("STMTRS", "CCSTMTRS")


@dataclass
class _Node:
    name: str
    line: int
    values: dict[str, str] = field(default_factory=dict)
    children: list["_Node"] = field(default_factory=list)

    def each(self, name: str) -> Iterator["_Node"]:
        waiting = [self]
        while waiting:
            node = waiting.pop()
            for child in node.children:
                if child.name == name:
                    yield child
            waiting.extend(reversed(node.children))

    def find(self, name: str) -> "_Node | None":
        return next(self.each(name), None)


def read(content: bytes) -> ReadStatements:
    """Return the statements of an OFX file.

    Raises:
        UnreadableError: with line, column and reason.
    """
    root = _parse(decode(content))
    found = [node for name in _STATEMENTS for node in root.each(name)]
    if not found:
        raise UnreadableError(1, "no statement (STMTRS)")
    warnings: list[str] = []
    return ReadStatements("ofx", tuple(_statement(one, warnings) for one in found), tuple(warnings))


def _parse(text: str) -> _Node:
    begin = text.upper().find("<OFX>")
    if begin < 0:
        raise UnreadableError(1, "no OFX element")
    root = _Node("", 1)
    open_: list[_Node] = [root]
    line, seen = text.count("\n", 0, begin) + 1, begin
    for tag in _TAG.finditer(text, begin):
        line, seen = line + text.count("\n", seen, tag.start()), tag.start()
        ends, name, empty, value = tag[1], tag[2].upper(), tag[3], html.unescape(tag[4]).strip()
        if ends:
            _close(open_, name, line, tag.start() - text.rfind("\n", 0, tag.start()))
        elif value or empty:
            open_[-1].values.setdefault(name, value[:2000])
        elif not _is_empty_value(text, tag.end(), name):
            node = _Node(name, line)
            open_[-1].children.append(node)
            open_.append(node)
            if len(open_) > _MAXIMUM_DEPTH:
                raise UnreadableError(line, "nested too deeply")
    if len(open_) > 1:
        raise UnreadableError(line, f"{open_[-1].name} has no end")
    return root


def _is_empty_value(text: str, end: int, name: str) -> bool:
    """Tell whether a tag without text ends at once, and is a value that says nothing."""
    return text[end : end + len(name) + 3].upper() == f"</{name}>"


def _close(open_: list[_Node], name: str, line: int, column: int) -> None:
    if open_[-1].name == name:
        open_.pop()
    elif name in open_[-1].values or not any(node.name == name for node in open_):
        # The end of a value, which XML writes and SGML leaves out.
        return
    else:
        raise UnreadableError(line, f"column {column}: {name} ends before {open_[-1].name}")


def _day(text: str, line: int, where: str) -> date:
    found = _DAY.match(text)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise UnreadableError(line, f"{where}: {text[:20] or 'nothing'} is not a day")


def _statement(node: _Node, warnings: list[str]) -> Statement:
    account = node.find("BANKACCTFROM") or node.find("CCACCTFROM")
    if account is None or not account.values.get("ACCTID"):
        raise UnreadableError(node.line, "the statement names no account")
    number = account.values["ACCTID"]
    bank = re.sub(r"[\s-]", "", account.values.get("BANKID", ""))
    sort_code, name = split_account(number)
    if not sort_code and re.fullmatch(r"[0-9]{6}", bank):
        sort_code = bank
    listed = node.find("BANKTRANLIST")
    rows = [] if listed is None else list(listed.each("STMTTRN"))
    lines = tuple(line for row in rows if (line := _line(row, warnings)) is not None)
    balance = node.find("LEDGERBAL")
    closing = None
    if balance is not None:
        closing = to_pence(balance.values.get("BALAMT", ""), balance.line, "BALAMT")
    days = [line.booking_date for line in lines]
    if listed is not None and listed.values.get("DTSTART"):
        days.append(_day(listed.values["DTSTART"], listed.line, "DTSTART"))
    if balance is not None and balance.values.get("DTASOF"):
        days.append(_day(balance.values["DTASOF"], balance.line, "DTASOF"))
    if not days:
        raise UnreadableError(node.line, "the statement has no day")
    movement = sum(line.amount_pence for line in lines)
    return Statement(
        sort_code,
        name,
        node.values.get("CURDEF", "GBP")[:3].upper(),
        f"{min(days).isoformat()} – {max(days).isoformat()}",
        None,
        None if closing is None else closing - movement,
        closing,
        min(days),
        max(days),
        lines,
    )


def _line(row: _Node, warnings: list[str]) -> StatementLine | None:
    given = row.values.get("TRNAMT", "").replace(",", ".")
    pence = to_pence(given, row.line, "TRNAMT")
    if pence == 0:
        warnings.append(f"line {row.line}: a movement of zero was left out")
        return None
    booked = _day(row.values.get("DTPOSTED", ""), row.line, "DTPOSTED")
    available = row.values.get("DTAVAIL", "")
    code = row.values.get("TRNTYPE", "")[:20]
    memo, name = row.values.get("MEMO", ""), row.values.get("NAME", "")
    return StatementLine(
        amount_pence=pence,
        booking_date=booked,
        value_date=_day(available, row.line, "DTAVAIL") if available else booked,
        kind=kind_of(pence, code),
        bank_code=code,
        bank_ref=said(row.values.get("FITID")),
        reference=said(row.values.get("REFNUM")) or said(row.values.get("CHECKNUM")) or said(memo),
        counterparty_name=name[:140],
        narrative=memo,
    )
