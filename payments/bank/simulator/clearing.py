"""What the bank does with a submission, on the day it comes and on the days after."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from payments.bank.simulator import days, flags, reports
from payments.bank.simulator.files import Facts, RefusedError, read
from payments.bank.simulator.statuses import status_report
from payments.bank.simulator.store import open_account, today

_LONGEST_AHEAD = timedelta(days=30)


def receive(
    connection: sqlite3.Connection,
    identification: str,
    path: Path,
    sha256: str,
    accounts: Path | None,
    faults: frozenset[str] = frozenset(),
    rail: str = "",
) -> sqlite3.Row:
    """Take a file in and return its row; the same content again answers the first one.

    Refused is another content under a serial or an id that was accepted before. The file is read
    piece by piece and its credits are kept one by one, so its size does not matter.
    """
    known = find(connection, identification)
    if known is not None and known["sha256"] == sha256:
        return known
    twin: sqlite3.Row | None = connection.execute(
        "SELECT * FROM submission WHERE sha256 = ? AND status = 'accepted'", (sha256,)
    ).fetchone()
    if twin is not None and known is None:
        return twin
    connection.execute("SAVEPOINT taking")
    try:
        _check_id(known)
        facts = _take_items(connection, identification, path, flags.load(accounts))
        facts.rail = rail or facts.rail
        _check_serial(connection, facts)
        processing = _processing_day(facts, today(connection))
    except RefusedError as refusal:
        connection.execute("ROLLBACK TO taking")
        return _refuse(connection, identification, sha256, refusal)
    row = _accept(connection, identification, sha256, facts, processing)
    _report_on(connection, row, faults)
    if facts.rail != "bacs":
        _enter(connection, row, processing, flags.load(accounts))
    return row


def _take_items(
    connection: sqlite3.Connection,
    identification: str,
    path: Path,
    listed: dict[tuple[str, str], dict[str, object]],
) -> Facts:
    facts = Facts()

    def rows() -> Iterator[tuple[object, ...]]:
        for item in read(path, facts):
            own = listed.get((item.sort_code, item.account), {})
            rejected = item.sort_code == "000000" or flags.REJECTED_ON_INPUT in own
            yield (
                identification,
                item.line,
                item.sort_code,
                item.account,
                item.name,
                item.pence,
                item.reference,
                "rejected" if rejected else "accepted",
                "E" if rejected else "",
                item.end_to_end,
            )

    connection.executemany(
        "INSERT INTO item (submission, line, sort_code, account, name, pence, reference, status,"
        " code, end_to_end) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows(),
    )
    return facts


def _check_id(known: sqlite3.Row | None) -> None:
    if known is not None:
        raise RefusedError("DUPLICATE_ID", "this submission id has other content")


def _check_serial(connection: sqlite3.Connection, facts: Facts) -> None:
    used = connection.execute(
        "SELECT 1 FROM submission WHERE user_number = ? AND serial = ? AND status = 'accepted'",
        (facts.user_number, facts.serial),
    ).fetchone()
    if used is not None:
        raise RefusedError("DUPLICATE_SERIAL", "this serial was used for another file")


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


def _processing_day(facts: Facts, now: date) -> date:
    if facts.rail != "bacs":
        return now
    current = days.after(now)
    wanted = facts.processing_day
    if wanted is None or wanted <= current:
        return current
    if days.on_or_after(wanted) != wanted:
        raise RefusedError("PROCESSING_DAY", "the processing day is not a working day")
    if wanted > now + _LONGEST_AHEAD:
        raise RefusedError("PROCESSING_DAY", "the processing day is more than 30 days ahead")
    return wanted


def _refuse(
    connection: sqlite3.Connection, identification: str, sha256: str, refusal: RefusedError
) -> sqlite3.Row:
    name = identification if find(connection, identification) is None else f"{sha256}"
    connection.execute(
        "INSERT OR IGNORE INTO submission (id, user_number, serial, sha256, content, status,"
        " reference, code, reason, received, stage) VALUES (?, '', '', ?, '', 'refused', '', ?, ?,"
        " ?, 'refused')",
        (name, sha256, refusal.code, refusal.reason, today(connection).isoformat()),
    )
    row = find(connection, name)
    if row is None:
        raise RefusedError(refusal.code, refusal.reason)
    return row


def _accept(
    connection: sqlite3.Connection,
    identification: str,
    sha256: str,
    facts: Facts,
    processing: date,
) -> sqlite3.Row:
    connection.execute(
        "INSERT INTO submission (id, user_number, serial, sha256, content, status, reference, code,"
        " reason, received, processing, own_sort_code, own_account, stage, format, rail, items,"
        " pence) VALUES (?, ?, ?, ?, '', 'accepted', ?, '', '', ?, ?, ?, ?, 'input', ?, ?, ?, ?)",
        (
            identification,
            facts.user_number,
            facts.serial,
            sha256,
            f"ACK{facts.user_number}{facts.serial}",
            today(connection).isoformat(),
            processing.isoformat(),
            facts.own_sort_code,
            facts.own_account,
            facts.format,
            facts.rail,
            facts.count,
            facts.total,
        ),
    )
    open_account(connection, facts.own_sort_code, facts.own_account, facts.own_name)
    row = find(connection, identification)
    if row is None:
        raise RuntimeError(identification)
    return row


def _report_on(connection: sqlite3.Connection, row: sqlite3.Row, faults: frozenset[str]) -> None:
    """Write the input report, or the pain.002 for a pain.001."""
    off = 1 if "report_total_differs" in faults else 0
    bad = connection.execute(
        "SELECT * FROM item WHERE submission = ? AND status = 'rejected' ORDER BY line",
        (row["id"],),
    ).fetchall()
    name = f"{row['user_number']}-{row['serial']}"
    if row["format"] == "standard18":
        content = reports.input_report(row, bad, off)
        kept = (f"IR-{name}", "input_report")
    else:
        content = status_report(row, bad, today(connection), off)
        kept = (f"PSR-{name}", "pain.002")
    connection.execute(
        "INSERT INTO report VALUES (?, ?, ?, ?)",
        (*kept, today(connection).isoformat(), content),
    )


def _enter(
    connection: sqlite3.Connection,
    submission: sqlite3.Row,
    day: date,
    listed: dict[tuple[str, str], dict[str, object]],
) -> None:
    """Apply a submission's credits, or note when those that cannot be applied come back."""
    identification = submission["id"]
    totals = connection.execute(
        "SELECT count(*) AS items, coalesce(sum(pence), 0) AS pence FROM item"
        " WHERE submission = ? AND status = 'accepted'",
        (identification,),
    ).fetchone()
    late = 2 if _is_late(connection) else 0
    special = connection.execute(
        "SELECT * FROM item WHERE submission = ? AND status = 'accepted'"
        " AND (account LIKE '%99' OR sort_code || account IN (SELECT value FROM json_each(?)))",
        (identification, json.dumps(["".join(one) for one in listed])),
    ).fetchall()
    connection.execute(
        "UPDATE item SET status = 'applied' WHERE submission = ? AND status = 'accepted'",
        (identification,),
    )
    for item in special:
        own = listed.get((item["sort_code"], item["account"]), {})
        code = flags.return_code(own, item["account"])
        due = days.after(day, int(str(own.get("return_days", 0))) + late)
        connection.execute(
            "UPDATE item SET status = ?, code = ?, due = ?, applied_to = ?"
            " WHERE submission = ? AND line = ?",
            (
                "applied" if code is None else "unapplied",
                code or "",
                None if code is None else due.isoformat(),
                "" if code else str(own.get(flags.APPLIED_TO, "")),
                identification,
                item["line"],
            ),
        )
    connection.execute("UPDATE submission SET stage = 'entered' WHERE id = ?", (identification,))
    _advise_amendments(connection, submission, day)
    if totals["pence"]:
        batch = submission["user_number"] + submission["serial"]
        own_account = (submission["own_sort_code"], submission["own_account"])
        many = (batch, totals["items"])
        _move(connection, own_account, day, -totals["pence"], "17", reference="CONTRA", batch=many)


def _is_late(connection: sqlite3.Connection) -> bool:
    """Take one order to return credits late, if there is one."""
    done = connection.execute(
        "DELETE FROM fault WHERE rowid = (SELECT min(rowid) FROM fault WHERE kind = 'late_return')"
    )
    return bool(done.rowcount)


def _advise_amendments(connection: sqlite3.Connection, submission: sqlite3.Row, day: date) -> None:
    """Tell which credits were applied to another account (AWACS)."""
    amended = connection.execute(
        "SELECT * FROM item WHERE submission = ? AND applied_to <> '' ORDER BY line",
        (submission["id"],),
    ).fetchall()
    if not amended:
        return
    user = submission["user_number"]
    content = reports.amendment_advice(user, day, amended)
    connection.execute(
        "INSERT INTO report VALUES (?, 'awacs', ?, ?)",
        (f"AWACS-{user}-{submission['serial']}", day.isoformat(), content),
    )


def recall(connection: sqlite3.Connection, reference: str) -> int:
    """Send back what the remitter asked for, on the next day; returns how many credits."""
    done = connection.execute(
        "UPDATE item SET status = 'unapplied', code = 'C', due = ? WHERE status = 'applied'"
        " AND (reference = ? OR end_to_end = ?)",
        (days.after(today(connection)).isoformat(), reference, reference),
    )
    return int(done.rowcount)


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
