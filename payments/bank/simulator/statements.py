"""Writes one statement in every format that banks give finance teams, all in pounds."""

import csv
import io
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from payments.bank.simulator.reports import notification, pounds

_RECORD = 128
_UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Statement:
    """A statement and its movements; balances in pence."""

    id: str
    sort_code: str
    account: str
    name: str
    sequence: int
    day: date
    opening: int
    lines: list[sqlite3.Row]

    @property
    def closing(self) -> int:
        """What the account held at the end."""
        moved: int = sum(line["pence"] for line in self.lines)
        return self.opening + moved


def write_statement(
    connection: sqlite3.Connection, identification: str, wanted: str
) -> bytes | None:
    """Return a statement in a format, None when there is no such statement."""
    row = connection.execute("SELECT * FROM statement WHERE id = ?", (identification,)).fetchone()
    if row is None:
        return None
    if wanted == "camt.053":
        return bytes(row["content"])
    account = connection.execute(
        "SELECT * FROM account WHERE sort_code = ? AND number = ?",
        (row["sort_code"], row["account"]),
    ).fetchone()
    lines = connection.execute(
        "SELECT * FROM movement WHERE statement = ? ORDER BY id", (identification,)
    ).fetchall()
    since = connection.execute(
        "SELECT coalesce(sum(pence), 0) AS pence FROM movement"
        " WHERE sort_code = ? AND account = ? AND id >= ?",
        (row["sort_code"], row["account"], lines[0]["id"]),
    ).fetchone()["pence"]
    made = Statement(
        identification,
        row["sort_code"],
        row["account"],
        account["name"],
        row["sequence"],
        date.fromisoformat(row["day"]),
        account["balance"] - since,
        lines,
    )
    return _WRITERS[wanted](made)


def _camt054(one: Statement) -> bytes:
    return notification(one.id, one.sort_code + one.account, one.sequence, one.day, one.lines)


def _mt940(one: Statement) -> bytes:
    rows = [
        f":20:{one.id[:16]}",
        f":25:{one.sort_code}/{one.account}",
        f":28C:{one.sequence}/1",
        f":60F:{_mt_balance(one.opening, one.day)}",
    ]
    for line in one.lines:
        day = date.fromisoformat(line["day"])
        mark = "C" if line["pence"] >= 0 else "D"
        amount = pounds(abs(line["pence"])).replace(".", ",")
        owner = _plain(line["batch"] or line["reference"] or "NONREF")[:16]
        rows.append(f":61:{day:%y%m%d}{day:%m%d}{mark}{amount}NTRF{owner}//M{line['id']:09d}")
        text = " ".join(part for part in (line["other_name"], line["reference"]) if part)
        if line["reason"]:
            text += f" RETURN {line['reason']}"
        rows.append(f":86:{_plain(text)[:65] or _UNKNOWN}")
    rows += [f":62F:{_mt_balance(one.closing, one.day)}", "-"]
    return ("\r\n".join(rows) + "\r\n").encode("ascii")


def _mt_balance(pence: int, day: date) -> str:
    mark = "C" if pence >= 0 else "D"
    return f"{mark}{day:%y%m%d}GBP{pounds(abs(pence)).replace('.', ',')}"


def _bai2(one: Statement) -> bytes:
    day = f"{one.day:%y%m%d}"
    own = one.sort_code + one.account
    transactions = []
    for line in one.lines:
        code = "195" if line["pence"] >= 0 else "495"
        owner = _plain(line["batch"] or line["reference"])
        text = _plain(" ".join((line["other_name"], line["reference"], line["reason"])))
        transactions.append(
            f"16,{code},{abs(line['pence'])},,M{line['id']:09d},{owner},{text or _UNKNOWN}/"
        )
    account = f"03,{own},GBP,010,{one.opening},,,015,{one.closing},,/"
    total = one.opening + one.closing + sum(abs(line["pence"]) for line in one.lines)
    rows = [
        f"01,SIMBANK,CUSTOMER,{day},1900,{one.sequence},,,2/",
        f"02,CUSTOMER,SIMBANK,1,{day},1900,GBP,2/",
        account,
        *transactions,
    ]
    rows.append(f"49,{total},{len(transactions) + 2}/")
    rows.append(f"98,{total},1,{len(transactions) + 4}/")
    rows.append(f"99,{total},1,{len(transactions) + 6}/")
    return ("\n".join(rows) + "\n").encode("ascii")


def _data_services(one: Statement) -> bytes:
    day = f" {one.day:%y%j}"
    own = f"{one.sort_code}{one.account}0"
    debits = [-line["pence"] for line in one.lines if line["pence"] < 0]
    credits_ = [line["pence"] for line in one.lines if line["pence"] >= 0]
    held = f"{abs(one.closing):015d}{'C' if one.closing >= 0 else 'D'}"
    zero = f"{0:015d}C"
    rows = [
        _card((1, "VOL1"), (5, f"{one.sequence:06d}"), (38, "****830000"), (80, "3")),
        _card((1, "HDR1"), (6, "A606005Z0001"), (40, "F"), (48, day), (67, day), (73, "0")),
        _card(
            (1, "UHL1"),
            (5, day),
            (11, one.sort_code),
            (21, "000"),
            (38, "000"),
            (55, one.name[:26]),
        ),
        *(_data_record(own, line) for line in one.lines),
        _card((1, own), (16, "Y1"), (32, "0000"), (37, f"{held}{held}{zero}{zero}"), (101, day)),
        _card(
            (1, "UTL1"),
            (5, f"{sum(debits):013d}{sum(credits_):013d}"),
            (31, f"{len(debits):07d}{len(credits_):07d}{1:07d}"),
        ),
    ]
    return ("\n".join(rows) + "\n").encode("ascii")


def _data_record(own: str, line: sqlite3.Row) -> str:
    day = date.fromisoformat(line["day"])
    return _card(
        (1, own),
        (16, line["code"]),
        (18, line["other_sort_code"] or "0" * 6),
        (24, line["other_account"] or "0" * 8),
        (32, "0000"),
        (36, f"{abs(line['pence']):011d}"),
        (47, _plain(line["other_name"])[:18]),
        (65, _plain(line["batch"] or line["reference"])[:18]),
        (101, f" {day:%y%j}"),
    )


def _card(*fields: tuple[int, str]) -> str:
    """Return a record of fixed width with texts at their positions, counted from 1."""
    row = [" "] * _RECORD
    for first, text in fields:
        row[first - 1 : first - 1 + len(text)] = text
    return "".join(row)


def _csv(one: Statement) -> bytes:
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(
        ["Date", "Type", "Description", "Reference", "Amount", "Balance", "Sort code", "Account"]
    )
    balance = one.opening
    for line in one.lines:
        balance += line["pence"]
        sign = "-" if line["pence"] < 0 else ""
        table.writerow(
            [
                date.fromisoformat(line["day"]).strftime("%d/%m/%Y"),
                line["code"],
                _plain(line["other_name"]) or _UNKNOWN,
                _plain(line["batch"] or line["reference"]),
                f"{sign}{pounds(abs(line['pence']))}",
                pounds(balance) if balance >= 0 else f"-{pounds(-balance)}",
                one.sort_code,
                one.account,
            ]
        )
    return written.getvalue().encode()


def _plain(text: str) -> str:
    """Return a text without what separates fields in any of these formats."""
    kept = (one if one.isascii() and (one.isalnum() or one in " .&-") else " " for one in text)
    return " ".join("".join(kept).split())


_WRITERS: dict[str, Callable[[Statement], bytes]] = {
    "camt.054": _camt054,
    "mt940": _mt940,
    "bai2": _bai2,
    "data-services": _data_services,
    "csv": _csv,
}
# The first is written with the statement itself, the others when they are asked for.
FORMATS = ("camt.053", *_WRITERS)
