"""Bills are issued by hand and by the file, whole or not at all, and cancelled."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bills.actions.issue import FaultyFileError, cancel_bill, import_bills
from payments.bills.queries import Sought, get_bill, list_bills
from shared.actors import Actor
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from tests.payments.bills.counter import DUE, REFERENCE, count, issue, pay, state
from tests.payments.runs.world import ALAN, BODY, ENID, NOW, OTHER, UNA

HEADER = "reference,payer,amount,description,due_date,programme"


def _file(*references: str) -> bytes:
    rows = [f"{one},Morag Fictional,12.50,Permit,{DUE},winter-heating" for one in references]
    return "\n".join((HEADER, *rows)).encode()


def test_a_bill_is_issued_and_found(session: Session) -> None:
    bill = issue(session, payer_name="Morag  Fictional")
    assert (bill.state, bill.payer_name, bill.expires_on) == ("open", "Morag Fictional", DUE)
    for words in ("ct-2026", "fictional", "CT-2026-0001 morag"):
        assert list_bills(session, BODY, Sought(words))[0] == [bill]
    for sought in (Sought("%"), Sought("0001"), Sought(state="paid"), Sought(programme="x")):
        assert list_bills(session, BODY, sought) == ([], 0)
    assert list_bills(session, "glenmore", Sought()) == ([], 0)
    with pytest.raises(NotFound):
        get_bill(session, "glenmore", REFERENCE)
    audited = session.execute(
        text("SELECT details::text FROM audit_event WHERE action = 'payments.bill.issued'")
    ).scalar_one()
    assert "Morag" not in audited


def test_a_reference_is_used_once(session: Session) -> None:
    issue(session)
    with pytest.raises(Invalid) as caught:
        issue(session, amount_pence=1)
    assert caught.value.fields[0].field == "reference"
    assert count(session, "bill") == 1


def test_a_file_is_issued_whole_and_once(session: Session) -> None:
    import_bills(session, "bills.csv", _file("A-1", "A-2", "A-3"), UNA, NOW)
    assert count(session, "bill") == 3
    with pytest.raises(Conflict, match="file_known"):
        import_bills(session, "again.csv", _file("A-1", "A-2", "A-3"), UNA, NOW)
    assert (count(session, "bill"), count(session, "bill_import")) == (3, 1)


def test_a_faulty_file_issues_nothing(session: Session) -> None:
    issue(session, reference="A-2")
    with pytest.raises(FaultyFileError) as caught, session.begin_nested():
        import_bills(session, "bills.csv", _file("A-1", "A-2", "B 3"), UNA, NOW)
    assert [(one.row, one.column) for one in caught.value.faults] == [
        (2, "reference"),
        (3, "reference"),
    ]
    with pytest.raises(FaultyFileError), session.begin_nested():
        import_bills(session, "bills.csv", _file("A-1", "A-2"), UNA, NOW)
    assert (count(session, "bill"), count(session, "bill_import")) == (1, 0)


@pytest.mark.parametrize("actor", [ALAN, ENID], ids=["approver", "enquiry"])
def test_only_uploaders_issue_files(session: Session, actor: Actor) -> None:
    with pytest.raises(Forbidden):
        import_bills(session, "bills.csv", _file("A-1"), actor, NOW)
    assert count(session, "bill") == 0


def test_two_bodies_may_use_one_reference(session: Session) -> None:
    import_bills(session, "bills.csv", _file("A-1"), UNA, NOW)
    import_bills(session, "bills.csv", _file("A-1"), OTHER, NOW)
    assert count(session, "bill") == 2


def test_of_two_files_at_once_one_is_taken(database: Database) -> None:
    barrier = Barrier(2)

    def race(name: str) -> str:
        barrier.wait()
        try:
            with database.transaction() as session:
                import_bills(session, name, _file("A-1", "A-2"), UNA, NOW)
        except Conflict as conflict:
            return conflict.code
        return "taken"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(race, ["a.csv", "b.csv"])) == ["file_known", "taken"]
    with database.transaction() as session:
        assert count(session, "bill") == 2


def test_an_open_bill_is_cancelled_with_a_reason(session: Session) -> None:
    issue(session)
    with pytest.raises(Invalid):
        cancel_bill(session, BODY, REFERENCE, " ", UNA, NOW)
    assert state(session) == "open"
    cancel_bill(session, BODY, REFERENCE, "Issued twice", UNA, NOW)
    assert state(session) == "cancelled"
    with pytest.raises(Conflict, match="bill_state"):
        cancel_bill(session, BODY, REFERENCE, "Again", UNA, NOW)


def test_a_paid_bill_is_not_cancelled(session: Session) -> None:
    issue(session)
    pay(session)
    with pytest.raises(Conflict, match="bill_state"):
        cancel_bill(session, BODY, REFERENCE, "Too late", UNA, NOW)
    assert state(session) == "paid"


def test_a_program_cancels_its_own_bills_only(session: Session) -> None:
    issue(session, client_id="finance")
    with pytest.raises(NotFound):
        cancel_bill(session, BODY, REFERENCE, "Mine?", UNA, NOW, client_id="another")
    cancel_bill(session, BODY, REFERENCE, "Mine", UNA, NOW, client_id="finance")
    assert state(session) == "cancelled"
