"""What is known of the payees of a file: the master, and the answers of their banks."""

import dataclasses
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.payees.bank_details import normalise
from payments.payees.master.actions.stop import stop_payee
from payments.payees.master.rules import PayeeFacts
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk as OrderDesk
from payments.runs.actions.create import PayeeOrder
from shared import clock
from shared.ids import new_id
from tests.payments.payees.master.desk import ABE, MORAG, Desk
from tests.payments.runs.world import World
from tests.payments.uploads.files import HEADER, csv_of, rows, total
from tests.payments.uploads.world import Uploads

ROW = ("990001", "10000012", "Morag Fictional", "12.50", "GRANT-0001")


def made(uploads: Uploads) -> list[tuple[object, ...]]:
    return uploads.payments("upload_row", "hold_code", "payee_id", "gl_code")


def payee(uploads: Uploads, *, age: timedelta) -> UUID:
    """Return a payee in force whose details are this old."""
    desk = Desk(uploads.database, uploads.vault, now=clock.now() - age)
    return desk.make(dataclasses.replace(MORAG, gl_code="7700"))


def test_rows_get_the_payee_of_their_account(uploads: Uploads) -> None:
    payee_id = payee(uploads, age=timedelta(days=40))
    uploads.send_rows([ROW, rows(1)[0]])
    uploads.work()
    assert made(uploads) == [(1, None, payee_id, "7700"), (2, None, None, "")]


def test_a_stopped_payee_and_details_that_cool_off_hold_rows(uploads: Uploads) -> None:
    desk = Desk(uploads.database, uploads.vault, now=clock.now())
    moved = desk.make(dataclasses.replace(MORAG, details=normalise("990001", "10000024")))
    desk.confirm(desk.propose(MORAG, payee_id=moved))
    stopped = desk.make(PayeeFacts("Ian Fictional", "personal", normalise("990001", "10000036")))
    with uploads.database.transaction() as session:
        day = clock.london_date(clock.now()) + timedelta(days=9)
        stop_payee(session, stopped, "fraud", "Police", "Audit", day, ABE, clock.now())
    uploads.send_rows([ROW, ("990001", "10000036", "Ian Fictional", "9.00", "GRANT-0002")])
    uploads.work()
    assert [row[:3] for row in made(uploads)] == [
        (1, "payee_cooling_off", moved),
        (2, "payee_stopped", stopped),
    ]


def test_a_payee_id_must_be_known_and_fit(uploads: Uploads) -> None:
    payee_id = payee(uploads, age=timedelta(days=40))
    header = f"{HEADER},payee_id"
    other = rows(1)[0]
    content = [(*ROW, str(payee_id)), (*other, str(new_id()))]
    upload_id = uploads.send(csv_of(content, header), 2, total(content))
    uploads.work()
    assert [(one.number, one.field) for one in uploads.faults(upload_id)] == [(2, "payee_id")]


@pytest.mark.parametrize(
    ("outcome", "reason_code", "age", "hold", "is_checked"),
    [
        ("match", None, timedelta(0), None, True),
        ("close_match", "MBAM", timedelta(0), "name_close_match", True),
        ("no_match", "ANNM", timedelta(0), "name_no_match", True),
        ("unable_to_check", "OPTO", timedelta(0), None, True),
        ("no_match", "ANNM", timedelta(days=91), None, False),
    ],
    ids=["match", "close", "no match", "opted out", "too old"],
)
def test_the_answer_of_the_bank_counts(
    uploads: Uploads,
    outcome: str,
    reason_code: str | None,
    age: timedelta,
    hold: str | None,
    *,
    is_checked: bool,
) -> None:
    world = World(OrderDesk(uploads.vault, TableFiles(None, None)))
    order = PayeeOrder("morag  FICTIONAL", "personal", "99-00-01", "10000012")
    with uploads.database.transaction() as session:
        check_id = world.check(
            session,
            order,
            outcome=outcome,
            reason_code=reason_code,
            answered_at=clock.now() - age,
        )
    upload_id = uploads.send_rows([ROW, rows(1)[0]])
    uploads.work()
    ((found, code), _) = uploads.payments("check_id", "hold_code")
    assert (found, code) == (check_id if is_checked else None, hold)
    assert uploads.get(upload_id).warnings["names_not_checked"] == (1 if is_checked else 2)


def test_a_programme_gives_its_code_to_rows_without_one(uploads: Uploads) -> None:
    with uploads.database.transaction() as session:
        session.execute(text("UPDATE programme SET gl_code = '4100'"))
    content = [(*ROW, "9900"), (*rows(1)[0], "")]
    uploads.send(csv_of(content, f"{HEADER},gl_code"), 2, total(content))
    uploads.work()
    assert [row[3] for row in made(uploads)] == ["9900", "4100"]
