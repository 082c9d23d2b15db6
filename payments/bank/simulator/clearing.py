"""What the bank does with a submission, on the day it comes and on the days after."""

import hashlib
import sqlite3
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from payments.bank.simulator import days, flags, reports
from payments.bank.simulator.standard18 import Parsed, RefusedError, parse
from payments.bank.simulator.store import open_account, today

_LONGEST_AHEAD = timedelta(days=30)


def receive(
    connection: sqlite3.Connection, identification: str, content: bytes, accounts: Path | None
) -> sqlite3.Row:
    """Take a submission in and return its row; the same content again answers the first one.

    Refused is another content under a serial or an id that was accepted before.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    known = find(connection, identification)
    if known is not None and known["sha256"] == sha256:
        return known
    try:
        parsed = parse(content)
        twin = _check_duplicate(connection, parsed, known, sha256)
        if twin is not None:
            return twin
        processing = _processing_day(parsed, today(connection))
    except RefusedError as refusal:
        return _refuse(connection, identification, content, sha256, refusal)
    return _accept(connection, identification, content, sha256, parsed, processing, accounts)


def _check_duplicate(
    connection: sqlite3.Connection, parsed: Parsed, known: sqlite3.Row | None, sha256: str
) -> sqlite3.Row | None:
    if known is not None:
        raise RefusedError("DUPLICATE_ID", "this submission id has other content")
    twin: sqlite3.Row | None = connection.execute(
        "SELECT * FROM submission WHERE user_number = ? AND serial = ? AND status = 'accepted'",
        (parsed.user_number, parsed.serial),
    ).fetchone()
    if twin is not None and twin["sha256"] != sha256:
        raise RefusedError("DUPLICATE_SERIAL", "this serial was used for another file")
    return twin


def find(connection: sqlite3.Connection, identification: str) -> sqlite3.Row | None:
    """Return a submission by the sender's id, or None."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM submission WHERE id = ?", (identification,)
    ).fetchone()
    return row


def advance(connection: sqlite3.Connection, accounts: Path | None) -> date:
    """Move to the next working day and do that day's clearing; returns the new day."""
    day = days.after(today(connection))
    connection.execute("UPDATE clock SET day = ?", (day.isoformat(),))
    for row in connection.execute(
        "SELECT * FROM submission WHERE status = 'accepted' AND stage = 'input' ORDER BY rowid"
    ).fetchall():
        if days.after(date.fromisoformat(row["processing"])) <= day:
            _enter(connection, row, day, flags.load(accounts))
    _return(connection, day)
    _write_statements(connection, day)
    return day


def _processing_day(parsed: Parsed, now: date) -> date:
    current = days.after(now)
    wanted = parsed.processing_day
    if wanted is None or wanted <= current:
        return current
    if days.on_or_after(wanted) != wanted:
        raise RefusedError("PROCESSING_DAY", "the processing day is not a working day")
    if wanted > now + _LONGEST_AHEAD:
        raise RefusedError("PROCESSING_DAY", "the processing day is more than 30 days ahead")
    return wanted


def _refuse(
    connection: sqlite3.Connection,
    identification: str,
    content: bytes,
    sha256: str,
    refusal: RefusedError,
) -> sqlite3.Row:
    name = identification if find(connection, identification) is None else f"{sha256}"
    connection.execute(
        "INSERT OR IGNORE INTO submission (id, user_number, serial, sha256, content, status,"
        " reference, code, reason, received, stage) VALUES (?, '', '', ?, ?, 'refused', '', ?, ?,"
        " ?, 'refused')",
        (name, sha256, content, refusal.code, refusal.reason, today(connection).isoformat()),
    )
    row = find(connection, name)
    if row is None:
        raise RefusedError(refusal.code, refusal.reason)
    return row


def _accept(
    connection: sqlite3.Connection,
    identification: str,
    content: bytes,
    sha256: str,
    parsed: Parsed,
    processing: date,
    accounts: Path | None,
) -> sqlite3.Row:
    reference = f"ACK{parsed.user_number}{parsed.serial}"
    connection.execute(
        "INSERT INTO submission (id, user_number, serial, sha256, content, status, reference, code,"
        " reason, received, processing, own_sort_code, own_account, stage)"
        " VALUES (?, ?, ?, ?, ?, 'accepted', ?, '', '', ?, ?, ?, ?, 'input')",
        (
            identification,
            parsed.user_number,
            parsed.serial,
            sha256,
            content,
            reference,
            today(connection).isoformat(),
            processing.isoformat(),
            parsed.own_sort_code,
            parsed.own_account,
        ),
    )
    open_account(connection, parsed.own_sort_code, parsed.own_account, parsed.own_name)
    listed = flags.load(accounts)
    for item in parsed.items:
        own = listed.get((item.sort_code, item.account), {})
        rejected = item.sort_code == "000000" or flags.REJECTED_ON_INPUT in own
        connection.execute(
            "INSERT INTO item (submission, line, sort_code, account, name, pence, reference,"
            " status, code) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                identification,
                item.line,
                item.sort_code,
                item.account,
                item.name,
                item.pence,
                item.reference,
                "rejected" if rejected else "accepted",
                "E" if rejected else "",
            ),
        )
    row = find(connection, identification)
    if row is None:
        raise RuntimeError(identification)
    items = _items(connection, identification)
    _write_report(
        connection, f"IR-{parsed.user_number}-{parsed.serial}", "input_report", row, items
    )
    return row


def _items(connection: sqlite3.Connection, submission: str) -> list[sqlite3.Row]:
    return connection.execute(
        "SELECT * FROM item WHERE submission = ? ORDER BY line", (submission,)
    ).fetchall()


def _write_report(
    connection: sqlite3.Connection,
    identification: str,
    kind: str,
    submission: sqlite3.Row,
    items: list[sqlite3.Row],
) -> None:
    connection.execute(
        "INSERT INTO report VALUES (?, ?, ?, ?)",
        (
            identification,
            kind,
            today(connection).isoformat(),
            reports.input_report(submission, items),
        ),
    )


def _enter(
    connection: sqlite3.Connection,
    submission: sqlite3.Row,
    day: date,
    listed: dict[tuple[str, str], dict[str, object]],
) -> None:
    total = count = 0
    for item in _items(connection, submission["id"]):
        if item["status"] != "accepted":
            continue
        total, count = total + item["pence"], count + 1
        own = listed.get((item["sort_code"], item["account"]), {})
        code = flags.return_code(own, item["account"])
        late = own.get("return_days")
        due = days.after(day, int(str(late))) if late else day
        connection.execute(
            "UPDATE item SET status = ?, code = ?, due = ? WHERE submission = ? AND line = ?",
            (
                "applied" if code is None else "unapplied",
                code or "",
                None if code is None else due.isoformat(),
                submission["id"],
                item["line"],
            ),
        )
    connection.execute("UPDATE submission SET stage = 'entered' WHERE id = ?", (submission["id"],))
    if total:
        batch = submission["user_number"] + submission["serial"]
        own_account = (submission["own_sort_code"], submission["own_account"])
        _move(connection, own_account, day, -total, "17", reference="CONTRA", batch=(batch, count))


def _return(connection: sqlite3.Connection, day: date) -> None:
    due = connection.execute(
        "SELECT i.*, s.user_number, s.own_sort_code, s.own_account, s.processing FROM item i"
        " JOIN submission s ON s.id = i.submission WHERE i.status = 'unapplied' AND i.due <= ?"
        " ORDER BY s.user_number, s.own_sort_code, s.own_account, i.submission, i.line",
        (day.isoformat(),),
    ).fetchall()
    for user_number, mine in groupby(due, key=lambda item: str(item["user_number"])):
        groups: dict[tuple[str, str], list[sqlite3.Row]] = {}
        for item in mine:
            own_account = (item["own_sort_code"], item["own_account"])
            groups.setdefault(own_account, []).append(item)
            other = (item["sort_code"], item["account"], item["name"])
            reason = flags.BY_CODE[item["code"]][1]
            _move(
                connection,
                own_account,
                day,
                item["pence"],
                "RA",
                reference=item["reference"],
                other=other,
                reason=reason,
            )
            connection.execute(
                "UPDATE item SET status = 'returned' WHERE submission = ? AND line = ?",
                (item["submission"], item["line"]),
            )
        number = f"{day:%y%j}"
        content = reports.return_advice(number, day, user_number, groups)
        connection.execute(
            "INSERT INTO report VALUES (?, 'arucs', ?, ?)",
            (f"ARUCS-{user_number}-{number}", day.isoformat(), content),
        )


def _move(
    connection: sqlite3.Connection,
    account: tuple[str, str],
    day: date,
    pence: int,
    code: str,
    *,
    reference: str,
    batch: tuple[str, int] = ("", 1),
    other: tuple[str, str, str] = ("", "", ""),
    reason: str = "",
) -> None:
    connection.execute(
        "INSERT INTO movement (sort_code, account, day, pence, code, reference, batch, items,"
        " other_sort_code, other_account, other_name, reason)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*account, day.isoformat(), pence, code, reference, *batch, *other, reason),
    )
    connection.execute(
        "UPDATE account SET balance = balance + ? WHERE sort_code = ? AND number = ?",
        (pence, *account),
    )


def add_movement(
    connection: sqlite3.Connection, account: tuple[str, str], pence: int, reference: str
) -> None:
    """Let somebody else's money come or go at a customer's account, as on any real statement."""
    code = "93" if pence > 0 else "03"
    other = ("090126", "44556677", "A STRANGER")
    _move(connection, account, today(connection), pence, code, reference=reference, other=other)


def _write_statements(connection: sqlite3.Connection, day: date) -> None:
    for account in connection.execute("SELECT * FROM account ORDER BY 1, 2").fetchall():
        key = (account["sort_code"], account["number"])
        lines = connection.execute(
            "SELECT * FROM movement WHERE sort_code = ? AND account = ? AND statement IS NULL"
            " ORDER BY id",
            key,
        ).fetchall()
        if not lines:
            continue
        sequence = account["statements"] + 1
        identification = f"ST{key[1]}-{sequence:05d}"
        content = reports.statement(account, identification, sequence, day, lines)
        connection.execute(
            "INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?)",
            (identification, *key, sequence, day.isoformat(), content),
        )
        connection.execute(
            "UPDATE movement SET statement = ? WHERE sort_code = ? AND account = ?"
            " AND statement IS NULL",
            (identification, *key),
        )
        connection.execute(
            "UPDATE account SET statements = ? WHERE sort_code = ? AND number = ?",
            (sequence, *key),
        )
