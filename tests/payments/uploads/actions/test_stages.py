"""Totals first, every stage safe to repeat, and duplicates found."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.stages import rules as stage_rules
from payments.uploads.actions import create, read, validate
from payments.uploads.actions.decide import read_again
from payments.uploads.blocks import keep_block
from shared import clock, outbox
from tests.payments.runs.world import BODY, UNA
from tests.payments.uploads.files import csv_of, pain001_of, rows, standard18_of, total
from tests.payments.uploads.world import ENTRY, Uploads

SMALL = 4


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of four rows, so that a few rows are many shards."""

    def cut(items: int, size: int = SMALL) -> list[tuple[int, int]]:
        return stage_rules.cut(items, size)

    for module in (read, validate, create):
        monkeypatch.setattr(module, "cut", cut)
    for module in (read, validate):
        monkeypatch.setattr(module, "SHARD_ITEMS", SMALL)


def waiting(uploads: Uploads) -> list[tuple[int, str]]:
    with uploads.database.transaction() as session:
        found = session.execute(
            text(
                "SELECT id, topic FROM outbox WHERE done_at IS NULL AND topic LIKE"
                " 'payments.uploads.%' ORDER BY id"
            )
        )
        return [(row.id, row.topic) for row in found]


def again(uploads: Uploads) -> None:
    """Make all that was done wait again, as after a loss of the marks."""
    with uploads.database.transaction() as session:
        session.execute(text("UPDATE outbox SET done_at = NULL, published_at = NULL"))


@pytest.mark.parametrize(
    ("content", "format_", "count", "pence", "words"),
    [
        (csv_of(rows(3)), "csv", 4, 0, ["4 payments were declared, the file has 3"]),
        (csv_of(rows(3)), "csv", 3, 1, ["£6.04 was declared", "the file has £6.03"]),
        (standard18_of(rows(3)), "standard18", 2, 0, ["2 payments were declared"]),
        (
            pain001_of(rows(3), count="5"),
            "pain001",
            3,
            0,
            ["The file says that it has 5 payments, it has 3"],
        ),
        (pain001_of(rows(3), sum="9.99"), "pain001", 3, 0, ["total is £9.99", "it is £6.03"]),
    ],
    ids=["count", "total", "standard18", "file count", "file sum"],
)
def test_wrong_totals_refuse_the_whole_file(
    uploads: Uploads, content: bytes, format_: str, count: int, pence: int, words: list[str]
) -> None:
    assert total(rows(3)) == 603
    upload_id = uploads.send(content, count, 603 + pence, format=format_)
    uploads.work()
    upload = uploads.get(upload_id)
    assert (upload.state, upload.refusal_code) == ("refused", "totals_differ")
    assert upload.refusal is not None
    assert all(word in upload.refusal for word in words), upload.refusal
    assert uploads.payments() == []
    assert uploads.count("upload_block") == 0


def test_an_unreadable_file_says_where(uploads: Uploads) -> None:
    upload_id = uploads.send(b"%PDF-1.4", 1, 1, format="pain001")
    uploads.work()
    upload = uploads.get(upload_id)
    assert (upload.state, upload.refusal_code, upload.refusal_line) == ("refused", "unreadable", 1)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("seed", range(4))
def test_shards_in_any_order_and_twice_make_each_payment_once(uploads: Uploads, seed: int) -> None:
    content = rows(18)
    upload_id = uploads.send_rows(content)
    order = random.Random(seed)  # noqa: S311 - the order of a test
    while jobs := waiting(uploads):
        order.shuffle(jobs)
        for job, topic in jobs:
            outbox.run(uploads.database, uploads.settings, job, topic)
            with uploads.database.transaction() as session:
                session.execute(
                    text("UPDATE outbox SET done_at = NULL WHERE id = :id"), {"id": job}
                )
            outbox.run(uploads.database, uploads.settings, job, topic)
    assert uploads.get(upload_id).state == "created"
    assert sorted(int(str(row[0])) for row in uploads.payments()) == list(range(1, 19))
    again(uploads)
    uploads.work()
    assert len(uploads.payments()) == 18
    assert uploads.count("run WHERE source = 'upload'") == 1


@pytest.mark.usefixtures("small_shards")
def test_two_workers_read_a_file_once(uploads: Uploads) -> None:
    upload_id = uploads.send_rows(rows(40))

    def one(_number: int) -> None:
        with suppress(read.ReadElsewhereError):
            read.read_upload(uploads.database, uploads.sealer, upload_id, 0, clock.now())

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, range(3)))
    uploads.work()
    assert uploads.get(upload_id).state == "created"
    assert len(uploads.payments()) == 40


@pytest.mark.usefixtures("small_shards")
def test_a_reading_goes_on_where_it_was_killed(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = uploads.send_rows(rows(18))
    real, calls = keep_block, list[object]()

    def dies(*values: object) -> tuple[int, int]:
        calls.append(values[3])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*values)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(read, "keep_block", dies)
    (job,) = waiting(uploads)
    with pytest.raises(KeyboardInterrupt):
        outbox.run(uploads.database, uploads.settings, *job)
    assert uploads.get(upload_id).rows_read == 8
    with uploads.database.transaction() as session:
        session.execute(text("UPDATE outbox SET lease_until = NULL"))
    uploads.work()
    assert calls == [1, 2, 3, 3, 4, 5]
    assert len(uploads.payments()) == 18


def test_what_a_crash_of_the_database_loses_is_read_again(uploads: Uploads) -> None:
    upload_id = uploads.send_rows(rows(5))
    outbox.run(uploads.database, uploads.settings, *waiting(uploads)[0])
    with uploads.database.transaction() as session:
        session.execute(text("DELETE FROM upload_block"))
    outbox.run(uploads.database, uploads.settings, *waiting(uploads)[0])
    assert uploads.get(upload_id).state == "validating"
    with uploads.database.transaction() as session:
        session.execute(text("UPDATE outbox SET done_at = now() WHERE done_at IS NULL"))
        session.execute(text("UPDATE outbox SET last_error = NULL"))
        read_again(session, BODY, upload_id, UNA, clock.now())
    uploads.work()
    assert uploads.get(upload_id).state == "created"
    assert len(uploads.payments()) == 5


@pytest.mark.usefixtures("small_shards")
def test_what_was_begun_before_a_new_reading_changes_nothing(uploads: Uploads) -> None:
    upload_id = uploads.send_rows(rows(10))
    outbox.run(uploads.database, uploads.settings, *waiting(uploads)[0])
    stale = waiting(uploads)
    assert [topic for _, topic in stale] == ["payments.uploads.validate"] * 3
    with uploads.database.transaction() as session:
        read_again(session, BODY, upload_id, UNA, clock.now())
    for job, topic in [*stale, *waiting(uploads)[3:]]:
        outbox.run(uploads.database, uploads.settings, job, topic)
    # The finish of the old stage comes before the shards of the new one.
    assert uploads.get(upload_id).state == "validating"
    assert uploads.count("upload_row") == 0
    uploads.work()
    assert uploads.get(upload_id).state == "created"
    assert len(uploads.payments()) == 10


def held(uploads: Uploads) -> dict[object, tuple[object, str]]:
    found = uploads.payments("upload_row", "hold_code", "hold_reason")
    return {row: (code, str(reason)) for row, code, reason in found if code}


def test_duplicates_in_one_file_are_held(uploads: Uploads) -> None:
    first, second = rows(2)
    uploads.send_rows([first, second, first])
    uploads.work()
    assert held(uploads) == {
        3: ("duplicate", "Row 1 of this file has the same account, amount and reference.")
    }


def test_duplicates_in_history_name_the_other_payment(uploads: Uploads) -> None:
    first, second = rows(2)
    uploads.send_rows([first])
    uploads.work()
    ((public_id,),) = uploads.payments("public_id")
    uploads.send_rows([second, first])
    uploads.work()
    reason = f"Payment {public_id} has the same account, amount and reference."
    assert held(uploads) == {2: ("duplicate", reason)}


@pytest.mark.parametrize(("days", "found"), [(34, 1), (36, 0)], ids=["within", "after"])
def test_duplicates_are_looked_for_in_35_days(uploads: Uploads, days: int, found: int) -> None:
    uploads.send_rows(rows(1))
    uploads.work()
    with uploads.database.transaction() as session:
        session.execute(
            text("UPDATE payment SET created_at = created_at - make_interval(days => :days)"),
            {"days": days},
        )
    uploads.send_rows([*rows(1), rows(2)[1]])
    uploads.work()
    assert len(held(uploads)) == found


def test_the_same_invoice_of_the_same_payee_is_held(uploads: Uploads) -> None:
    header = (
        "destination_sort_code,destination_account_number,destination_name,amount,reference,"
        "invoice_reference"
    )
    one, two = ((*row, "INV-7") for row in rows(2))
    again_ = (*one[:3], "999.00", "OTHER-REFERENCE", "INV-7")
    content = [one, two, again_]
    uploads.send(csv_of(content, header), 3, total(content))
    uploads.work()
    assert held(uploads) == {
        3: ("same_invoice", "Row 1 of this file pays the same invoice to the same payee.")
    }
    later = [(*one[:3], "998.00", "THIRD-REFERENCE", "INV-7")]
    uploads.send(csv_of(later, header), 1, total(later))
    uploads.work()
    assert [code for code, _ in held(uploads).values()].count("same_invoice") == 2


def test_one_account_under_several_names_is_held_until_it_is_known(uploads: Uploads) -> None:
    row = rows(1)[0]
    other = (*row[:2], "Somebody Else", "7.00", "ANOTHER-REF")
    uploads.send_rows([row, other])
    uploads.work()
    assert {code for code, _ in held(uploads).values()} == {"several_names"}
    with uploads.database.transaction() as session:
        session.execute(
            text("UPDATE payment SET state = 'ready', hold_code = NULL, hold_reason = NULL")
        )
    uploads.send_rows([(*other[:3], "8.00", "NEXT-MONTH"), (*row[:3], "9.00", "NEXT-MONTH-2")])
    uploads.work()
    assert held(uploads) == {}


def test_an_end_to_end_id_pays_once(uploads: Uploads) -> None:
    uploads.send(pain001_of(rows(2)), 2, total(rows(2)), format="pain001")
    uploads.work()
    content = rows(4)[2:]
    second = uploads.send(pain001_of(content), 2, total(content), format="pain001")
    uploads.work()
    assert uploads.get(second).state == "faulty"
    assert [(one.number, one.field) for one in uploads.faults(second)] == [
        (1, "end_to_end_id"),
        (2, "end_to_end_id"),
    ]
    assert len(uploads.payments()) == 2


def test_two_files_with_one_end_to_end_id_pay_it_once(uploads: Uploads) -> None:
    one, two = rows(1), rows(2)
    uploads.send(pain001_of(one), 1, total(one), format="pain001")
    late = uploads.send(pain001_of(two), 2, total(two), format="pain001")
    # Both are compared before either is paid.
    uploads.work()
    assert sorted(str(row[0]) for row in uploads.payments("upload_row")) == [
        "1",
        "2",
    ]
    upload = uploads.get(late)
    assert (upload.state, upload.dropped_rows) == ("created", 1)
    assert upload.dropped_pence == total(one)


def test_a_file_is_paid_on_one_day(uploads: Uploads) -> None:
    header = (
        "destination_sort_code,destination_account_number,destination_name,amount,reference,"
        "execution_date"
    )
    days = ("", ENTRY.isoformat(), ENTRY.strftime("%d/%m/%Y"), "2027-01-05")
    content = [(*row, day) for row, day in zip(rows(4), days, strict=True)]
    upload_id = uploads.send(csv_of(content, header), 4, total(content))
    uploads.work()
    assert uploads.get(upload_id).entry_on == ENTRY
    assert [(one.number, one.field) for one in uploads.faults(upload_id)] == [(4, "execution_date")]


def test_the_run_carries_what_the_upload_said(uploads: Uploads) -> None:
    with uploads.database.transaction() as session:
        session.execute(text("UPDATE programme SET rail = 'chaps', rail_reason = 'Crisis'"))
    upload_id: UUID = uploads.send_rows(rows(3), entry_on=ENTRY)
    uploads.work()
    with uploads.database.transaction() as session:
        run = session.execute(
            text(
                "SELECT source, upload_id, entry_on, declared_count, declared_pence, rail,"
                " rail_reason FROM run"
            )
        ).one()
        kinds = session.execute(text("SELECT kind FROM run_event ORDER BY id")).scalars().all()
    assert tuple(run) == ("upload", upload_id, ENTRY, 3, total(rows(3)), "chaps", "Crisis")
    assert kinds == ["opened", "filled"]
