"""How much matching finds, how sure it is, and how fast: against one hash join and a loop.

Same machine, same durable PostgreSQL, same run, one connection. LINES sets how many (100,000), SEED
which set, BOOKING=no leaves the ledger out. A set of a published seed is first proved to be that.

The bare join writes only pairs of ids into a temporary table; it and finding the pairs are taken in
turns, three times each, and the medians compared. Keeping the matches is compared with the same
join that inserts its rows into a logged table with the columns, keys and indexes of the matches.
"""

import json
import os
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from uuid import UUID

from matching_set import AUTOMATIC, DAY, SETS, Item, Row, digest, make_set
from sqlalchemy import Executable, text
from sqlalchemy.orm import Session

from deploy.database.roles import LOGINS, MIGRATOR, create_database
from deploy.local.postgres import Postgres, free_port
from payments.bank.actions import NewBankAccount, open_bank_account, reference_key
from payments.ledger import accounting
from payments.reconciliation.engine.explain import explain, keep_exceptions, read_left
from payments.reconciliation.engine.pairs import find_pairs
from payments.reconciliation.engine.store import book_step, read_made, store_matches
from payments.reconciliation.engine.taking import take_statement
from payments.reconciliation.engine.work import Work
from payments.reconciliation.matching import open_work
from shared import clock
from shared.db import Database, make_engine
from shared.ids import new_id
from shared.migrate import upgrade

BODY = "strathclachan"
LINES = int(os.environ.get("LINES", "100000"))
SEED = int(os.environ.get("SEED", "3"))
LOOP = 1_000
TURNS = 3
# Booking takes several times as long as matching: a very large run may leave it out.
BOOKING = os.environ.get("BOOKING", "yes") == "yes"
_JOIN = text(
    "CREATE TEMP TABLE joined ON COMMIT DROP AS SELECT l.id, e.id AS item"
    " FROM statement_line l JOIN expected_item e ON e.end_to_end_id = l.end_to_end_id"
    " AND e.amount_pence = l.amount_pence WHERE l.end_to_end_id <> ''"
)
_JOIN_KEPT = text(
    "INSERT INTO plain_match (id, line_id, target_type, target_id, amount_pence, target_pence,"
    " rule_id, rule_version, score, reason, decided_by, decided_at)"
    " SELECT gen_random_uuid(), l.id, e.target_type, e.id, abs(e.amount_pence),"
    " abs(e.amount_pence), 'exact-item', 1, 100, 'end-to-end id and amount are the same', 'rules',"
    " now() FROM statement_line l JOIN expected_item e ON e.end_to_end_id = l.end_to_end_id"
    " AND e.amount_pence = l.amount_pence WHERE l.end_to_end_id <> ''"
)
_PLAIN = text(
    "CREATE TABLE payments.plain_match (LIKE payments.match INCLUDING ALL);"
    " GRANT INSERT ON payments.plain_match TO payments"
)
_LOOK = text(
    "SELECT id FROM expected_item WHERE bank_account_id = :account AND amount_pence = :pence"
    " AND ((:id <> '' AND end_to_end_id = :id) OR (:id = '' AND reference_key = :key))"
)
_ONE = text(
    "INSERT INTO match (id, line_id, target_type, target_id, amount_pence, target_pence, rule_id,"
    " rule_version, score, reason, decided_by, decided_at) VALUES (:id, :line, 'payment', :item,"
    " :pence, :pence, 'loop', 1, 100, 'loop', 'rules', now())"
)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that a piece of work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def load(
    session: Session, account: UUID, items: list[Item], rows: list[Row]
) -> tuple[UUID, dict[UUID, int], dict[UUID, Row]]:
    """Copy a set into the tables; returns the statement, and what ids mean."""
    statement, file = new_id(), new_id()
    values = {"id": statement, "file": file, "account": account, "body": BODY, "day": DAY}
    values |= {"count": len(rows), "sha": secrets.token_bytes(32)}
    session.execute(
        text(
            "INSERT INTO statement_file VALUES (:file, :body, :account, 'set', 'csv', 'upload',"
            " NULL, '', :sha, '[]', now())"
        ),
        values,
    )
    session.execute(
        text(
            "INSERT INTO statement (id, file_id, bank_account_id, body, identification, from_date,"
            " to_date, currency, format, line_count, created_at) VALUES (:id, :file, :account,"
            " :body, 'set', :day, :day, 'GBP', 'csv', :count, now())"
        ),
        values,
    )
    numbers = {new_id(): item.number for item in items}
    lines = {new_id(): row for row in rows}
    copy_items(session, account, numbers, items)
    copy_lines(session, account, statement, lines)
    return statement, numbers, lines


def copy_items(
    session: Session, account: UUID, numbers: dict[UUID, int], items: list[Item]
) -> None:
    """Copy what is expected."""
    cursor = session.connection().connection.cursor()
    with cursor.copy(
        "COPY expected_item (id, target_type, body, bank_account_id, amount_pence, due_on,"
        " end_to_end_id, group_key, reference, reference_key, account_hash, ledger_account)"
        " FROM STDIN"
    ) as copy:
        for identification, item in zip(numbers, items, strict=True):
            kind, contra = ("payment", "in_transit")
            if item.pence > 0:
                kind, contra = ("expected_item", "programme_income")
            ours = (identification, kind, BODY, account, item.pence, item.due_on)
            keys = (item.end_to_end_id, item.group, item.reference, reference_key(item.reference))
            copy.write_row((*ours, *keys, item.account.to_bytes(32, "big"), contra))


def copy_lines(session: Session, account: UUID, statement: UUID, lines: dict[UUID, Row]) -> None:
    """Copy the bank's lines."""
    cursor = session.connection().connection.cursor()
    with cursor.copy(
        "COPY statement_line (id, statement_id, bank_account_id, seq, booking_date, value_date,"
        " amount_pence, currency, kind, bank_code, bank_ref, end_to_end_id, batch_ref, reference,"
        " reference_key, counterparty_hash, return_reason, private_sealed, content_hash,"
        " occurrence) FROM STDIN"
    ) as copy:
        for seq, (identification, row) in enumerate(lines.items(), 1):
            hashed = None if row.account < 0 else row.account.to_bytes(32, "big")
            place = (identification, statement, account, seq, DAY, DAY, row.pence, "GBP")
            keys = (row.line_kind, "93", "", row.end_to_end_id, row.batch_ref, row.reference)
            private = (hashed, "", bytes(180), seq.to_bytes(32, "big"), 1)
            copy.write_row((*place, *keys, reference_key(row.reference), *private))


def judge(session: Session, numbers: dict[UUID, int], lines: dict[UUID, Row]) -> Counter[str]:
    """Compare every match with the truth; prints precision and recall for each pass and kind."""
    made: dict[UUID, set[int]] = {}
    rules: dict[UUID, str] = {}
    for row in session.execute(text("SELECT line_id, target_id, rule_id FROM match")):
        made.setdefault(row.line_id, set()).add(numbers[row.target_id])
        rules[row.line_id] = row.rule_id
    total: Counter[str] = Counter()
    by_rule: dict[str, list[int]] = {}
    found: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for line, row in lines.items():
        kinds[row.kind] += 1
        if line not in made:
            continue
        right = made[line] == set(row.truth)
        total["right" if right else "wrong"] += 1
        count = by_rule.setdefault(rules[line], [0, 0])
        count[0 if right else 1] += 1
        found[row.kind] += right
    print("pass               right     wrong  precision")
    for rule, (right_, wrong) in sorted(by_rule.items()):
        print(f"{rule:14} {right_:9} {wrong:9}  {right_ / (right_ + wrong):9.4f}")
    print("kind               lines   matched     recall")
    for kind, count_ in kinds.items():
        note = "" if kind in AUTOMATIC else "   (nothing may be decided)"
        print(f"{kind:14} {count_:9} {found[kind]:9}  {found[kind] / count_:9.4f}{note}")
    return total


def loop(database: Database, account: UUID, lines: dict[UUID, Row]) -> float:
    """Return seconds for each line of a loop that asks and writes line by line."""
    some = [(line, row) for line, row in lines.items() if row.kind in ("exact", "mangled")][:LOOP]

    def work() -> None:
        for line, row in some:
            with database.transaction() as session:
                values = {
                    "account": account,
                    "pence": row.pence,
                    "id": row.end_to_end_id,
                    "key": reference_key(row.reference),
                }
                found = session.execute(_LOOK, values).scalars().all()
                if len(found) == 1:
                    session.execute(
                        _ONE,
                        {
                            "id": new_id(),
                            "line": line,
                            "item": found[0],
                            "pence": abs(row.pence),
                        },
                    )

    return timed(work) / len(some)


def prepare() -> tuple[list[Item], list[Row]]:
    """Make the set, and prove that it is the published one where its seed is published."""
    items, rows = make_set(SEED, LINES)
    for one in json.loads(SETS.read_text())["sets"]:
        if (one["seed"], one["size"]) == (SEED, LINES):
            assert one["sha256"] == digest(items, rows), "not the published set"
    return items, rows


def measure(database: Database, items: list[Item], rows: list[Row]) -> None:
    """Match a set and print what was found and how fast."""
    with database.transaction() as session:
        bank = NewBankAccount(BODY, "main", "Main", "802260", "00112233", "123456")
        account = open_bank_account(session, bank)
        session.execute(text("SET LOCAL statement_timeout = 0"))
        statement, numbers, lines = load(session, account, items, rows)
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(text("ANALYZE statement_line"))
        session.execute(text("ANALYZE expected_item"))
    joins, finds = [], []
    for _ in range(TURNS):
        joins.append(join(database, _JOIN))
        finds.append(find_only(database, account, statement))
    kept = join(database, _JOIN_KEPT)
    with database.transaction() as session:
        work = open_work(session, account, clock.now())
        take_statement(work, statement)
        find_pairs(work)
        stored = timed(lambda: store_matches(work))
        booked = timed(lambda: book(work)) if BOOKING else 0.0
        total = judge(session, numbers, lines)
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '600s'"))
        session.execute(
            text(
                "UPDATE match SET state = 'undone', undone_by = 'x', undone_at = now(),"
                " undo_reason = 'x'"
            )
        )
    each = loop(database, account, lines)
    joined, found = median(joins), sorted(finds)[TURNS // 2]
    tell(len(rows), (joined, kept), (*found[1:], stored, booked), each, total)


def join(database: Database, statement: Executable) -> float:
    """Return the seconds of a plain hash join of lines and items."""
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '600s'"))
        session.execute(text("SET LOCAL work_mem = '256MB'"))
        session.execute(text("SET LOCAL enable_nestloop = off"))
        session.execute(text("SET LOCAL enable_mergejoin = off"))
        return timed(lambda: session.execute(statement))


def find_only(database: Database, account: UUID, statement: UUID) -> tuple[float, float, float]:
    """Find the pairs and keep nothing; returns the seconds in all, of taking and of pairing."""
    with database.transaction() as session:
        work = open_work(session, account, clock.now())
        taken = timed(lambda: take_statement(work, statement))
        paired = timed(lambda: find_pairs(work))
        session.rollback()
    return taken + paired, taken, paired


def book(work: Work) -> None:
    """Book all that was found, and explain the rest."""
    for rows in read_made(work):
        book_step(work, rows, rematch=False)
    for left in read_left(work):
        accounting.post_unidentified(
            work.session,
            work.body,
            work.code,
            [(line.id, line.amount_pence, line.booking_date) for line in left],
        )
        keep_exceptions(work, [explain(work, line) for line in left])


def tell(
    count: int,
    joins: tuple[float, float],
    parts: tuple[float, float, float, float],
    each: float,
    total: Counter[str],
) -> None:
    """Print the ratios."""
    (joined, joined_kept), (taken, paired, stored, booked) = joins, parts
    finding = taken + paired
    print(f"{count} lines, one connection, fsync on, seed {SEED}")
    print(f"plain hash join              {count / joined:10.0f} lines/s")
    print(f"the same, its rows kept      {count / joined_kept:10.0f} lines/s")
    print(
        f"all passes                   {count / finding:10.0f} lines/s"
        f"   (taking {taken:.2f} s, pairs {paired:.2f} s)"
    )
    print(f"passes and matches kept      {count / (finding + stored):10.0f} lines/s")
    if booked:
        print(f"booking in the ledger        {count / booked:10.0f} lines/s")
    print(f"line by line                 {1 / each:10.0f} lines/s")
    print(f"all passes / hash join       {joined / finding:10.2f}   (goal 0.5)")
    print(f"kept / hash join kept        {joined_kept / (finding + stored):10.2f}")
    print(f"kept / line by line          {each * count / (finding + stored):10.0f}   (goal 100)")
    if booked:
        print(f"matching / booking, time     {(finding + stored) / booked:10.2f}   (goal 0.5)")
    print(f"matched without a person     {total['right'] / count:10.4f}   (goal 0.98)")
    print(f"wrong matches                {total['wrong']:10}   (goal 0)")
    assert total["wrong"] == 0


def main() -> None:
    """Make a set, a database of its own, and measure."""
    items, rows = prepare()
    passwords = {role: secrets.token_hex(8) for role in LOGINS}
    with tempfile.TemporaryDirectory(prefix="clachan-bench-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder) / "data", free_port(), secrets.token_hex(8))
        server.initialise()
        server.start()
        try:
            create_database(server.url(), "bench", passwords)

            def url(role: str) -> str:
                address = server.url("bench", role, passwords[role])
                return address.replace("postgresql://", "postgresql+psycopg://")

            upgrade("payments", url(MIGRATOR))
            migrator = make_engine(url(MIGRATOR))
            with migrator.begin() as connection:
                connection.execute(_PLAIN)
            migrator.dispose()
            database = Database(make_engine(url("payments")))
            measure(database, items, rows)
            database.engine.dispose()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
