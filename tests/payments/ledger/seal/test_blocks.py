"""What a block of entries holds: every shape of entry, found side by side or one by one."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from payments.ledger.actions import open_accounts, post_entries
from payments.ledger.rules import EntryDraft, Line, bank_code, transfer
from payments.ledger.seal.entries import find_waiting
from payments.ledger.seal.export import export_ledger
from payments.ledger.seal.sealing import seal
from payments.ledger.verifier.checks import verify
from shared.db import Database

BODY, OTHER = "strathclachan", "glenmore"
DAY, NOW = date(2026, 11, 23), datetime(2026, 11, 23, 12, tzinfo=UTC)
APRIL = date(2027, 4, 1)


@pytest.fixture
def database(payments_database: Database) -> Database:
    with payments_database.transaction() as session:
        for body in (BODY, OTHER):
            open_accounts(session, body)
    return payments_database


def make_drafts(count: int, on: date = DAY) -> list[EntryDraft]:
    """Pairs, with one entry of three lines and one reservation in each ten."""
    drafts = []
    for number in range(count):
        event = ("test.done", f"{on}/{number}", on)
        if number % 10 == 3:
            lines = [("in_transit", 5), ("payments_approved", -3), (bank_code("main"), -2)]
            drafts.append(EntryDraft(*event, tuple(Line(*line) for line in lines)))
        elif number % 10 == 7:
            held = (Line("in_transit", 9, pending=True), Line(bank_code("main"), -9, pending=True))
            drafts.append(EntryDraft(*event, held, kind="pending"))
        else:
            drafts.append(transfer(*event, "in_transit", "payments_approved", number + 1))
    return drafts


def post(database: Database, body: str, drafts: Sequence[EntryDraft]) -> None:
    with database.transaction() as session:
        post_entries(session, body, drafts, "test")


def seal_now(database: Database) -> int:
    with database.transaction() as session:
        return seal(session, NOW).leaves


def proved(database: Database, body: str, folder: Path) -> dict[str, int]:
    with database.transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        export_ledger(session, body, folder)
    return verify(folder, processes=1)


def fills(database: Database) -> list[tuple[str, int, str]]:
    with database.transaction() as session:
        groups = find_waiting(session, 10_000).groups
    return [(group.body, group.year, group.fill) for group in groups]


def test_entries_that_lie_close_are_read_side_by_side(database: Database, tmp_path: Path) -> None:
    post(database, BODY, make_drafts(120))
    assert fills(database) == [(BODY, 2026, "close")]
    assert seal_now(database) == 120
    assert proved(database, BODY, tmp_path / "export")["entries"] == 120


def test_few_entries_are_found_one_by_one(database: Database, tmp_path: Path) -> None:
    post(database, BODY, make_drafts(30))
    assert fills(database) == [(BODY, 2026, "new")]
    assert seal_now(database) == 30
    assert proved(database, BODY, tmp_path / "export")["entries"] == 30


def test_entries_between_many_others_are_found_one_by_one(
    database: Database, tmp_path: Path
) -> None:
    mixed = make_drafts(400)
    post(database, OTHER, [one for number, one in enumerate(mixed) if number % 4])
    seal_now(database)
    post(database, BODY, mixed[::4])
    assert fills(database) == [(BODY, 2026, "new")]
    assert seal_now(database) == 100
    assert proved(database, BODY, tmp_path / "export")["entries"] == 100


def test_two_bodies_and_two_years_at_once(database: Database, tmp_path: Path) -> None:
    drafts = make_drafts(100), make_drafts(110), make_drafts(120, APRIL)
    post(database, OTHER, drafts[0])
    post(database, BODY, drafts[1])
    post(database, BODY, drafts[2])
    assert [fill[:2] for fill in fills(database)] == [(OTHER, 2026), (BODY, 2026), (BODY, 2027)]
    assert seal_now(database) == 330
    assert proved(database, BODY, tmp_path / "ours")["entries"] == 230
    assert proved(database, OTHER, tmp_path / "theirs")["entries"] == 100


def test_after_a_restore_what_has_a_number_gets_no_second(
    database: Database, tmp_path: Path
) -> None:
    post(database, BODY, make_drafts(120))
    seal_now(database)
    late = make_drafts(10, APRIL)
    post(database, BODY, late[:5])
    with database.transaction() as session:
        session.execute(
            text("UPDATE seal_watermark SET cluster = 'another', sealed_below = '999999999'")
        )
    assert fills(database) == [(BODY, 2027, "rest")]
    assert seal_now(database) == 5
    post(database, BODY, late[5:])
    assert fills(database) == [(BODY, 2027, "rest")]
    assert (seal_now(database), seal_now(database)) == (5, 0)
    assert proved(database, BODY, tmp_path / "export")["entries"] == 130


def test_what_waits_is_known_before_and_after(database: Database) -> None:
    post(database, BODY, make_drafts(4))
    seal_now(database)
    fresh = make_drafts(2, APRIL)
    post(database, BODY, fresh)
    waiting = text("SELECT entry_id FROM unsealed_entries(:body) ORDER BY 1")
    with database.transaction() as session:
        ours = session.execute(waiting, {"body": BODY}).scalars().all()
        theirs = session.execute(waiting, {"body": OTHER}).scalars().all()
        every = session.execute(waiting, {"body": None}).scalars().all()
    assert (list(ours), list(theirs), list(every)) == (
        [one.id for one in fresh],
        [],
        [one.id for one in fresh],
    )


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ("entry_ids", "ck_entry_block_size"),
        ("block_id", "ex_entry_block_xids"),
    ],
)
def test_a_block_is_whole_and_takes_no_transaction_twice(
    database: Database, change: str, refused: str
) -> None:
    post(database, BODY, make_drafts(3))
    seal_now(database)
    values = {"block_id": "block_id", "entry_ids": "entry_ids", "cluster": "cluster"}
    values[change] = {"block_id": "block_id + 1", "entry_ids": "entry_ids[2:]"}[change]
    values["block_id"] = "block_id + 1"
    again = text(
        "INSERT INTO entry_block (block_id, body, year, cluster, from_xid, below_xid, entry_ids,"
        f" leaves) SELECT {values['block_id']}, body, year, cluster, from_xid, below_xid,"
        f" {values['entry_ids']}, leaves FROM entry_block"
    )
    with pytest.raises(DBAPIError, match=refused), database.transaction() as session:
        session.execute(again)
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM entry_block")).scalar_one() == 1


def test_what_was_sealed_before_keeps_its_proof_through_the_migration(
    database: Database, cluster: object, tmp_path: Path
) -> None:
    migration = import_module("payments.migrations.versions.0021_ledger_figures")
    post(database, BODY, make_drafts(120))
    seal_now(database)
    post(database, BODY, make_drafts(20, APRIL))
    seal_now(database)
    before = proved(database, BODY, tmp_path / "before")
    engine = create_engine(str(getattr(cluster, "admin_url", "")).replace("://", "+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("SET ROLE payments_owner"))
        connection.execute(text("SET search_path = payments, public"))
        with Operations.context(MigrationContext.configure(connection)):
            migration.downgrade()
            rows = connection.execute(text("SELECT count(*), count(DISTINCT leaf) FROM entry_seal"))
            assert tuple(rows.one()) == (140, 140)
            migration.upgrade()
    engine.dispose()
    assert proved(database, BODY, tmp_path / "after") == before
    post(database, BODY, [transfer("x", "1", DAY, "in_transit", "payments_approved", 1)])
    assert (seal_now(database), seal_now(database)) == (1, 0)
    assert proved(database, BODY, tmp_path / "more")["entries"] == before["entries"] + 1
