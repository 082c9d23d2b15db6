"""Payees against the sanctions list, and what people decide about possible matches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.approve import approve, put_forward, release
from payments.runs.actions.create import Desk, PayeeOrder
from payments.runs.actions.edit import release_hold
from payments.screening.actions.decide import clear_case, confirm_case
from payments.screening.queries import Case, count_open_cases, find_current_list, list_cases
from shared import clock
from shared.actors import Actor
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.world import ALAN, AVA, BODY, OTHER, UNA, World
from tests.payments.screening.lists import ALIAS, FIRM, VILLAIN, Entry, load
from tests.payments.uploads.files import rows
from tests.payments.uploads.world import Uploads

BAD = ("990001", "10000012", "Boris Villainov", "40.00", "GRANT-BORIS")


def cases(uploads: Uploads, state: str = "open") -> list[Case]:
    with uploads.database.transaction() as session:
        return list_cases(session, BODY, state=state, limit=100)[0]


def decide(
    uploads: Uploads,
    deed: Callable[..., None],
    case_id: UUID,
    actor: Actor = ALAN,
    reason: str = "Another date of birth",
    body: str = BODY,
) -> None:
    with uploads.database.transaction() as session:
        deed(session, body, case_id, reason, actor, clock.now())


def holds(uploads: Uploads) -> list[tuple[object, ...]]:
    return uploads.payments("upload_row", "state", "hold_code")


def test_a_listed_payee_is_held_with_a_case(uploads: Uploads) -> None:
    load(uploads.database)
    uploads.send_rows([*rows(2), BAD])
    uploads.work()
    assert holds(uploads) == [(1, "ready", None), (2, "ready", None), (3, "held", "possible_match")]
    (case,) = cases(uploads)
    assert [match["entry_id"] for match in case.matches] == ["ZZZ0001"]
    assert case.payee_name == "Boris Villainov"
    with uploads.database.transaction() as session:
        current = find_current_list(session)
        assert current is not None
        kept = session.execute(text("SELECT list_id, names, hits FROM screening")).one()
        assert tuple(kept) == (current.id, 3, 1)


def test_without_a_list_payments_are_held_until_there_is_one(uploads: Uploads) -> None:
    upload_id = uploads.send_rows([*rows(2), BAD])
    uploads.work()
    assert {row[2] for row in holds(uploads)} == {"not_screened"}
    assert uploads.get(upload_id).warnings["not_screened"] == 3
    load(uploads.database)
    uploads.work()
    assert holds(uploads) == [(1, "ready", None), (2, "ready", None), (3, "held", "possible_match")]
    assert len(cases(uploads)) == 1


def test_a_cleared_payment_goes_on_and_is_not_asked_about_again(uploads: Uploads) -> None:
    load(uploads.database)
    uploads.send_rows([BAD])
    uploads.work()
    (case,) = cases(uploads)
    decide(uploads, clear_case, case.id)
    assert holds(uploads) == [(1, "ready", None)]
    assert [one.decided_by_name for one in cases(uploads, "cleared")] == ["Alan"]
    uploads.send_rows([(*BAD[:3], "41.00", "GRANT-AGAIN")])
    uploads.work()
    assert [row[1] for row in holds(uploads)] == ["ready", "ready"]


def test_a_changed_entry_is_asked_about_again(uploads: Uploads) -> None:
    load(uploads.database)
    uploads.send_rows([BAD])
    uploads.work()
    decide(uploads, clear_case, cases(uploads)[0].id)
    changed: Entry = (*VILLAIN[:5], "1962")
    assert load(uploads.database, (changed, ALIAS, FIRM))
    uploads.work()
    assert holds(uploads) == [(1, "held", "possible_match")]
    assert len(cases(uploads)) == 1


def test_the_same_list_again_changes_nothing(uploads: Uploads) -> None:
    assert load(uploads.database)
    assert not load(uploads.database)
    assert uploads.count("sanctions_list") == 1


def test_a_cleared_duplicate_is_held_as_one(uploads: Uploads) -> None:
    load(uploads.database)
    uploads.send_rows([BAD, BAD])
    uploads.work()
    second = next(case for case in cases(uploads) if case.next_hold_code)
    decide(uploads, clear_case, second.id)
    assert (2, "held", "duplicate") in holds(uploads)


def test_a_confirmed_match_stays_stopped(uploads: Uploads) -> None:
    load(uploads.database)
    uploads.send_rows([BAD])
    uploads.work()
    decide(uploads, confirm_case, cases(uploads)[0].id)
    assert holds(uploads) == [(1, "held", "confirmed_match")]
    load(uploads.database, (FIRM,))
    uploads.work()
    assert holds(uploads) == [(1, "held", "confirmed_match")]


@pytest.mark.parametrize(
    ("actor", "reason", "body", "error"),
    [
        (UNA, "fine", BODY, Forbidden),
        (ALAN, "  ", BODY, Invalid),
        (OTHER, "fine", "glenmore", NotFound),
    ],
    ids=["sender", "no reason", "other body"],
)
def test_who_may_not_decide(
    uploads: Uploads, actor: Actor, reason: str, body: str, error: type[Problem]
) -> None:
    load(uploads.database)
    uploads.send_rows([BAD])
    uploads.work()
    (case,) = cases(uploads)
    with pytest.raises(error):
        decide(uploads, clear_case, case.id, actor, reason, body)
    assert holds(uploads) == [(1, "held", "possible_match")]
    assert len(cases(uploads)) == 1


def test_the_uploader_cannot_release_the_hold_elsewhere(uploads: Uploads) -> None:
    load(uploads.database)
    uploads.send_rows([BAD])
    uploads.work()
    (public_id,) = [row[0] for row in uploads.payments("public_id")]
    with (
        pytest.raises(Conflict, match="screening_open"),
        uploads.database.transaction() as session,
    ):
        release_hold(session, str(public_id), "because", UNA, clock.now())
    assert holds(uploads) == [(1, "held", "possible_match")]


def test_a_payment_of_the_api_is_screened_too(uploads: Uploads) -> None:
    load(uploads.database)
    world = World(Desk(uploads.vault, TableFiles(None, None)))
    with uploads.database.transaction() as session:
        payee = PayeeOrder("Boris Villainov", "personal", "99-00-01", "10000012")
        good = world.create(session, "good")
        bad = world.create(session, "bad", payee=payee)
    uploads.work()
    with uploads.database.transaction() as session:
        found = session.execute(text("SELECT public_id, coalesce(hold_code, state) FROM payment"))
        states = {row[0]: row[1] for row in found}
    assert states == {good.payment_id: "ready", bad.payment_id: "possible_match"}
    (case,) = cases(uploads)
    decide(uploads, clear_case, case.id)
    with uploads.database.transaction() as session:
        assert world.payment_states(session, case.run_id) == ["ready", "ready"]


def test_a_run_with_an_open_case_is_not_released(uploads: Uploads) -> None:
    world = World(Desk(uploads.vault, TableFiles(None, None)))
    with uploads.database.transaction() as session:
        payee = PayeeOrder("Boris Villainov", "personal", "99-00-01", "10000012")
        run_id = UUID(world.create(session, "bad", payee=payee, programme="clothing-grant").run_id)
        put_forward(session, uploads.vault, run_id, UNA, clock.now())
        approve(session, run_id, world.run_hash(session, run_id), ALAN, clock.now())
        assert world.run_state(session, run_id) == "approved"
    load(uploads.database)
    uploads.work()
    with uploads.database.transaction() as session:
        assert count_open_cases(session, BODY, run_id) == 1
    with (
        pytest.raises(Conflict, match="screening_open"),
        uploads.database.transaction() as session,
    ):
        release(session, run_id, AVA, clock.now())
    with uploads.database.transaction() as session:
        assert world.run_state(session, run_id) == "approved"


def test_of_many_decisions_one_counts(uploads: Uploads) -> None:
    load(uploads.database)
    uploads.send_rows([BAD])
    uploads.work()
    (case,) = cases(uploads)

    def one(number: int) -> str:
        deed, actor = ((clear_case, ALAN), (confirm_case, AVA))[number % 2]
        try:
            decide(uploads, deed, case.id, actor)
        except Conflict:
            return "refused"
        return deed.__name__

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(8)))
    assert answers.count("refused") == 7
    won = next(answer for answer in answers if answer != "refused")
    assert cases(uploads, {"clear_case": "cleared", "confirm_case": "confirmed"}[won])
