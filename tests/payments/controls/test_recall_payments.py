"""Single payments are recalled after release: a new file is begun without them, or it is sent."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.attempts import claim_attempt
from payments.ledger.queries import find_open_reservation, get_balance
from payments.runs.actions.approve import approve
from payments.runs.actions.recall import recall_payment, recall_payments
from payments.runs.rules import RELEASER
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.console import Console
from tests.payments.runs.world import (
    ALAN,
    BODY,
    ENID,
    NOW,
    OTHER,
    UNA,
    World,
    make_waiting_run,
    staff,
    write_file,
)

RITA = staff("Rita", RELEASER)


def _released(session: Session, world: World) -> UUID:
    run_id = make_waiting_run(session, world, "winter-heating")
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    assert world.run_state(session, run_id) == "released"
    return run_id


def _ids(session: Session, run_id: UUID) -> list[str]:
    found = session.execute(
        text("SELECT public_id FROM payment WHERE run_id = :run ORDER BY id"), {"run": run_id}
    )
    return list(found.scalars())


def _files(session: Session) -> list[tuple[str, int, int, int, str]]:
    rows = session.execute(
        text(
            "SELECT s.state, s.payment_count, s.total_pence, s.recalled_count, a.state"
            " FROM submission s JOIN attempt a ON a.submission_id = s.id ORDER BY s.id"
        )
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def test_the_file_is_begun_again_without_it(session: Session, world: World) -> None:
    run_id = _released(session, world)
    first, _ = _ids(session, run_id)
    recall_payment(session, first, "Died", RITA, NOW)
    assert world.payment_states(session, run_id) == ["recalled", "released"]
    assert world.run_state(session, run_id) == "released"
    (old, new) = _files(session)
    assert (old[0], old[4]) == ("refused", "abandoned")
    assert new[1:] == (1, 30000, 1, "prepared")
    assert get_balance(session, BODY, "programme_expenditure") == 30000
    serials = session.execute(text("SELECT count(DISTINCT serial) FROM submission")).scalar_one()
    assert serials == 2
    approvals = session.execute(text("SELECT count(*) FROM run_approval")).scalar_one()
    assert approvals == 1
    assert session.execute(text("SELECT count(*) FROM work_item")).scalar_one() == 0


def test_a_sealed_file_is_withdrawn_too(session: Session, world: World) -> None:
    run_id = _released(session, world)
    write_file(session, world)
    recall_payment(session, _ids(session, run_id)[1], "Wrong amount", ALAN, NOW)
    assert [one[4] for one in _files(session)] == ["abandoned", "prepared"]
    with pytest.raises(Conflict) as refused, session.begin_nested():
        recall_payment(session, _ids(session, run_id)[1], "Again", ALAN, NOW)
    assert refused.value.code == "payment_state"


def test_the_last_ones_take_the_run_with_them(session: Session, world: World) -> None:
    run_id = _released(session, world)
    recall_payments(session, run_id, _ids(session, run_id), "Wrong month", RITA, NOW)
    assert world.run_state(session, run_id) == "cancelled"
    assert world.payment_states(session, run_id) == ["recalled", "recalled"]
    assert [one[4] for one in _files(session)] == ["abandoned"]
    assert find_open_reservation(session, BODY, run_id) is None
    assert get_balance(session, BODY, "programme_expenditure") == 0


@pytest.mark.parametrize("state", ["sending", "unknown", "acknowledged"])
def test_what_is_on_its_way_is_not_recalled(session: Session, world: World, state: str) -> None:
    run_id = _released(session, world)
    write_file(session, world)
    submission = session.execute(text("SELECT id FROM submission")).scalar_one()
    assert claim_attempt(session, submission, NOW) is not None
    if state != "sending":
        session.execute(text("UPDATE attempt SET state = :state"), {"state": state})
    before = world.snapshot(session)
    with pytest.raises(Conflict) as refused, session.begin_nested():
        recall_payment(session, _ids(session, run_id)[0], "Too late", RITA, NOW)
    assert refused.value.code == "handed_over"
    assert world.snapshot(session) == before


def test_who_and_what_is_refused_changes_nothing(session: Session, world: World) -> None:
    run_id = _released(session, world)
    other = make_waiting_run(session, world, "clothing-grant")
    ids, others = _ids(session, run_id), _ids(session, other)
    session.execute(text("UPDATE run SET working = NULL"))
    before = world.snapshot(session)
    for actor, wanted, reason, error in (
        (UNA, ids[:1], "x", Forbidden),
        (ENID, ids[:1], "x", Forbidden),
        (OTHER, ids[:1], "x", NotFound),
        (RITA, ids[:1], " ", Invalid),
        (RITA, [], "x", Invalid),
        (RITA, ids * 51 + [str(n) for n in range(100)], "x", Invalid),
        (RITA, [ids[0], "a" * 26], "x", NotFound),
        (RITA, [ids[0], others[0]], "x", Conflict),
    ):
        with pytest.raises(error), session.begin_nested():
            recall_payments(session, run_id, wanted, reason, actor, NOW)
        assert world.snapshot(session) == before


def test_a_run_whose_release_is_in_work_is_left_alone(session: Session, world: World) -> None:
    run_id = _released(session, world)
    session.execute(text("UPDATE run SET working = 'release' WHERE id = :run"), {"run": run_id})
    with pytest.raises(Conflict) as refused, session.begin_nested():
        recall_payment(session, _ids(session, run_id)[0], "x", RITA, NOW)
    assert refused.value.code == "run_busy"


@pytest.mark.committed
def test_of_sending_and_recall_at_once_exactly_one_wins(database: Database, world: World) -> None:
    with database.transaction() as session:
        run_id = _released(session, world)
        write_file(session, world)
        submission = session.execute(text("SELECT id FROM submission")).scalar_one()
        first = _ids(session, run_id)[0]
    barrier = threading.Barrier(2)
    answers: dict[str, object] = {}

    def send() -> None:
        barrier.wait()
        with database.transaction() as session:
            answers["sent"] = claim_attempt(session, submission, NOW) is not None

    def recall() -> None:
        barrier.wait()
        try:
            with database.transaction() as session:
                recall_payment(session, first, "Died", RITA, NOW)
            answers["recalled"] = True
        except Problem as problem:
            answers["recalled"] = False
            answers["code"] = problem.code

    threads = [threading.Thread(target=one) for one in (send, recall)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers["sent"] is not answers["recalled"]
    with database.transaction() as session:
        states = world.payment_states(session, run_id)
        files = [one[4] for one in _files(session)]
    if answers["recalled"]:
        assert (states, files) == (["recalled", "released"], ["abandoned", "prepared"])
    else:
        assert answers["code"] == "handed_over"
        assert (states, files) == (["released", "released"], ["sending"])


def test_some_are_recalled_at_the_console(
    console: Callable[..., Console], database: Database, world: World
) -> None:
    with database.transaction() as session:
        run_id = _released(session, world)
        ids = _ids(session, run_id)
    rita, una = console(RITA), console(UNA)
    path = f"/payments/runs/{run_id}"
    assert "Recall single payments" not in una.get(path)
    assert "Recall this payment" in rita.get(f"/payments/payments/{ids[0]}")
    rita.get(path)
    rita.post(f"{path}/recall-payments", payments="", recall_reason="Died")
    assert rita.status == 422
    page = rita.post(f"{path}/recall-payments", payments=ids[0], recall_reason="Died")
    assert "The payments were recalled." in page
    assert "Payments were recalled; a new file leaves them out" in page
    una.post(f"{path}/recall-payments", payments=ids[1], recall_reason="Died")
    assert una.status == 403
