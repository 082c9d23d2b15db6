"""Payees by the file: bounded, every fault told, decided together by another person."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from payments.payees.bank_details import normalise
from payments.payees.master import tasks
from payments.payees.master.actions.imports import confirm_import, import_payees, reject_import
from payments.payees.master.import_rules import read_payees
from payments.payees.master.rules import PayeeFacts
from payments.payees.modulus.tables import TableFiles
from payments.payees.provider import NameAnswer
from shared.actors import Actor
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.outbox import Job
from tests.payments.payees.master.desk import (
    ABE,
    BODY,
    BOTH,
    DAY,
    EDIE,
    MORAG,
    NOW,
    OTHER,
    Bank,
    Desk,
)

TABLES = TableFiles(None, None)
HEADER = "reference,name,account_type,sort_code,account_number,gl_code\n"
ROWS = (
    "A-1,Morag Fictional,personal,99-00-01,10000012,41\n"
    "A-2,Hamish MacSpecimen,personal,99-00-01,10000048,42\n"
    "A-3,Glen Invented Heating Ltd,business,99-00-03,30000018,43\n"
)


def _import(desk: Desk, content: str, actor: Actor = EDIE) -> UUID:
    with desk.database.transaction() as session:
        return import_payees(
            session, desk.vault, TABLES, "payees.csv", content.encode(), actor, NOW
        )


def _check(desk: Desk, monkeypatch: pytest.MonkeyPatch, import_id: UUID) -> None:
    """Run the worker's job as often as a lost lease would."""
    monkeypatch.setattr(tasks, "make_checker", lambda *_: desk.checker)
    monkeypatch.setattr(tasks, "PaymentsSettings", _Settings)
    payload: dict[str, str | int] = {
        "organisation": BODY,
        "import_id": str(import_id),
        "slice": 0,
    }
    for _ in range(2):
        with desk.database.transaction() as session:
            row = session.execute(
                text(
                    "UPDATE outbox SET attempt = attempt + 1, done_at = NULL RETURNING id, attempt"
                )
            ).first()
        assert row is not None
        job = Job(row.id, "check", payload, row.attempt, desk.database, _Settings())  # type: ignore[arg-type]  # only its pace is read
        tasks.check_file(job)


class _Settings:
    name_check_batch_per_second = 1000.0


def _states(desk: Desk) -> list[tuple[str, str]]:
    with desk.database.transaction() as session:
        return [
            tuple(row)
            for row in session.execute(text("SELECT reference, state FROM payee ORDER BY 1"))
        ]


def test_a_file_is_checked_and_confirmed_by_another_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.bank = Bank(
        NameAnswer(matched=True),
        NameAnswer(matched=False, reason_code="ANNM"),
        NameAnswer(matched=True),
    )
    import_id = _import(desk, HEADER + ROWS)
    with pytest.raises(Conflict, match="import_checking"), desk.database.transaction() as session:
        confirm_import(session, import_id, ABE, NOW, cooling=DAY)
    _check(desk, monkeypatch, import_id)
    assert len(desk.bank.questions) == 3
    with desk.database.transaction() as session:
        assert confirm_import(session, import_id, ABE, NOW, cooling=DAY) == 2
    # What a check speaks against waits for a decision of its own.
    assert _states(desk) == [("A-1", "active"), ("A-2", "proposed"), ("A-3", "active")]
    with pytest.raises(Conflict, match="import_decided"), desk.database.transaction() as session:
        confirm_import(session, import_id, ABE, NOW, cooling=DAY)


def test_a_row_of_a_known_reference_changes_that_payee(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    payee_id = desk.make(replace(MORAG, reference="A-1", gl_code="41"))
    desk.make(
        PayeeFacts("Hamish MacSpecimen", "personal", normalise("990001", "10000048"), "A-2", "", "")
    )
    moved = HEADER + ROWS.replace("10000012", "10000024")
    import_id = _import(desk, moved + "A-4,New Person,personal,99-00-02,20000015,\n")
    _check(desk, monkeypatch, import_id)
    with desk.database.transaction() as session:
        assert confirm_import(session, import_id, ABE, NOW, cooling=DAY) == 4
        row = session.execute(
            text("SELECT version, account_tail, cooling_until FROM payee WHERE id = :id"),
            {"id": payee_id},
        ).one()
    assert tuple(row) == (2, "0024", NOW + DAY)


def test_rows_that_change_nothing_are_counted(desk: Desk) -> None:
    desk.make(replace(MORAG, reference="A-1", gl_code="41"))
    _import(desk, HEADER + ROWS)
    with desk.database.transaction() as session:
        row = session.execute(text("SELECT rows, proposed, unchanged FROM payee_import")).one()
    assert tuple(row) == (3, 2, 1)


def test_every_fault_of_every_row_is_kept(desk: Desk) -> None:
    bad = "A-1,,other,99-00-01,10000012,<\nB-1,X,personal,99,1,\n"
    _import(desk, HEADER + ROWS + bad)
    with desk.database.transaction() as session:
        faults = session.execute(text("SELECT faults FROM payee_import")).scalar_one()
    assert [(one["row"], one["line"], one["field"]) for one in faults] == [
        (4, 5, "name"),
        (4, 5, "account_type"),
        (4, 5, "gl_code"),
        (4, 5, "reference"),
        (5, 6, "sort_code"),
        (5, 6, "account_number"),
    ]
    assert len(_states(desk)) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "missing columns"),
        ("name;account_type;other\nx;y;z\n", "no column 'other'"),
        (HEADER, "No row of the file can be taken"),
        (HEADER + "x\n", "1 cells where the header has 6"),
        (HEADER + "A,,,,,\n", "No row of the file can be taken"),
        (HEADER + '"x\n', "line 2"),
    ],
    ids=["empty", "unknown-column", "no-rows", "short-row", "only-faults", "open-quote"],
)
def test_a_file_that_cannot_be_read_changes_nothing(desk: Desk, content: str, words: str) -> None:
    before = desk.look()
    with pytest.raises(Invalid) as refused:
        _import(desk, content)
    assert refused.value.fields[0].field == "file"
    assert words in refused.value.fields[0].message
    assert desk.look() == before


def test_too_many_rows_change_nothing(desk: Desk) -> None:
    before = desk.look()
    with pytest.raises(Invalid) as refused:
        _import(desk, HEADER + ROWS.splitlines()[0].replace("A-1", "") * 0 + "x,,,,,\n" * 10_001)
    assert "more than 10,000 rows" in refused.value.fields[0].message
    assert desk.look() == before


def test_the_same_file_again_changes_nothing_and_says_so(desk: Desk) -> None:
    import_id = _import(desk, HEADER + ROWS)
    before = desk.look()
    with pytest.raises(Conflict) as refused:
        _import(desk, HEADER + ROWS)
    assert (refused.value.code, refused.value.detail) == ("file_known", str(import_id))
    assert desk.look() == before


def test_who_may_not_decide_about_a_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = _import(desk, HEADER + ROWS, BOTH)
    _check(desk, monkeypatch, import_id)
    before = desk.look()
    for actor, error in ((BOTH, Forbidden), (EDIE, Forbidden), (OTHER, NotFound)):
        with pytest.raises(error), desk.database.transaction() as session:
            confirm_import(session, import_id, actor, NOW, cooling=DAY)
        with pytest.raises(error), desk.database.transaction() as session:
            reject_import(session, import_id, "x", actor, NOW)
    with pytest.raises(Forbidden):
        _import(desk, HEADER + ROWS + "\n", ABE)
    assert desk.look() == before


def test_a_rejected_file_leaves_no_payee_and_may_come_again(desk: Desk) -> None:
    import_id = _import(desk, HEADER + ROWS)
    with desk.database.transaction() as session:
        reject_import(session, import_id, "Wrong list", ABE, NOW)
    assert {state for _, state in _states(desk)} == {"refused"}
    _import(desk, HEADER + ROWS)


def _refusal(content: bytes) -> str:
    """Return why a file is refused, with its place; empty when it can be read."""
    try:
        for _, _, read in read_payees(content, TABLES):
            assert isinstance(read, PayeeFacts) or read
    except Invalid as invalid:
        return invalid.fields[0].message
    return "line: none"


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    assert "line" in _refusal(content)


@given(st.text(alphabet='",;\n\r\t =AZ09é\x00', max_size=300))
def test_no_text_after_a_good_header_breaks_the_reader(body: str) -> None:
    assert "line" in _refusal((HEADER + body).encode())
