"""What the bank says moves payments once, in any order, and tells their cases."""

import itertools
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.bank.actions import record_outcomes
from payments.bank.outcomes import OutcomeKind
from payments.runs.actions.approve import approve
from payments.runs.actions.outcomes import apply_outcomes
from payments.runs.models import payment, run_event
from payments.runs.queries.payments import get_payment, list_payment_events
from payments.runs.wording import tell_citizen
from tests.payments.runs.world import ALAN, BODY, NOW, World, make_waiting_run, write_file


def _released(session: Session, world: World) -> tuple[UUID, UUID, list[UUID]]:
    run_id = make_waiting_run(session, world)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    write_file(session, world)
    submission = session.execute(text("SELECT id FROM submission")).scalar_one()
    ids = session.execute(select(payment.c.id).order_by(payment.c.id)).scalars().all()
    return run_id, submission, list(ids)


def _say(
    session: Session,
    submission: UUID,
    run_id: UUID,
    kind: OutcomeKind,
    only: list[UUID] | None = None,
) -> int:
    """Have the bank say something, and the runs hear it; returns how many payments moved."""
    record_outcomes(
        session,
        submission,
        run_id,
        kind,
        NOW.date(),
        only=only,
        code="AC04" if kind in ("returned", "rejected") else "",
        reason="account closed" if kind in ("returned", "rejected") else "",
    )
    batch = session.execute(
        text("SELECT batch_id FROM bank_outcome ORDER BY id DESC LIMIT 1")
    ).scalar_one()
    return apply_outcomes(session, batch, NOW)


def test_the_whole_way_to_paid_and_returned(session: Session, world: World) -> None:
    run_id, submission, ids = _released(session, world)
    for kind, states, run in (
        ("submitted", ["submitted", "submitted"], "submitted"),
        ("accepted", ["accepted", "accepted"], "submitted"),
        ("paid", ["paid", "paid"], "closed"),
    ):
        assert _say(session, submission, run_id, kind) == 2  # type: ignore[arg-type]  # a double, or a value that the test chose
        assert world.payment_states(session, run_id) == states
        assert world.run_state(session, run_id) == run
    assert _say(session, submission, run_id, "returned", [ids[1]]) == 1
    assert world.payment_states(session, run_id) == ["paid", "returned"]
    row = session.execute(select(payment).where(payment.c.id == ids[1])).one()
    assert (row.reason_code, row.reason) == ("AC04", "account closed")


def test_a_run_that_is_released_or_finished_asks_once_for_a_signed_log(
    session: Session, world: World
) -> None:
    asked = text("SELECT key FROM outbox WHERE topic = 'payments.ledger.sign' ORDER BY id")
    run_id, submission, _ = _released(session, world)
    assert session.execute(asked).scalars().all() == [f"{run_id}/1/released"]
    _say(session, submission, run_id, "paid")
    _say(session, submission, run_id, "returned")
    assert session.execute(asked).scalars().all() == [f"{run_id}/1/released", f"{run_id}/1/closed"]


def test_hearing_it_twice_changes_nothing(session: Session, world: World) -> None:
    run_id, submission, _ = _released(session, world)
    _say(session, submission, run_id, "submitted")
    batch = session.execute(text("SELECT DISTINCT batch_id FROM bank_outcome")).scalar_one()
    before = world.snapshot(session)
    assert apply_outcomes(session, batch, NOW) == 0
    assert world.snapshot(session) == before


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["submitted", "accepted", "paid", "returned"]))
)
def test_any_order_comes_to_the_same_end(
    session: Session, world: World, order: tuple[OutcomeKind, ...]
) -> None:
    run_id, submission, ids = _released(session, world)
    for kind in order:
        _say(session, submission, run_id, kind, [ids[0]] if kind == "returned" else None)
    assert world.payment_states(session, run_id) == ["returned", "paid"]
    assert world.run_state(session, run_id) == "closed"


def test_a_refused_file_and_a_rejected_item_end_as_returned(session: Session, world: World) -> None:
    run_id, submission, _ = _released(session, world)
    _say(session, submission, run_id, "refused")
    assert world.payment_states(session, run_id) == ["scheme_rejected"] * 2
    assert world.run_state(session, run_id) == "closed"
    told = session.execute(select(run_event.c.kind).where(run_event.c.kind == "submitted"))
    assert list(told) == [], "a file that was refused was never sent"


def test_a_contradiction_is_kept_once_and_changes_no_state(session: Session, world: World) -> None:
    run_id, submission, ids = _released(session, world)
    _say(session, submission, run_id, "rejected", [ids[0]])
    assert _say(session, submission, run_id, "paid") == 1
    assert world.payment_states(session, run_id) == ["scheme_rejected", "paid"]
    batch = session.execute(
        text("SELECT batch_id FROM bank_outcome WHERE kind = 'paid' LIMIT 1")
    ).scalar_one()
    apply_outcomes(session, batch, NOW)
    kinds = session.execute(
        select(run_event.c.kind).where(run_event.c.kind == "contradicted")
    ).scalars()
    assert len(list(kinds)) == 1


def test_the_case_hears_each_step_in_its_own_story(session: Session, world: World) -> None:
    run_id, submission, ids = _released(session, world)
    for kind in ("submitted", "accepted", "paid"):
        _say(session, submission, run_id, kind)  # type: ignore[arg-type]  # a double, or a value that the test chose
    _say(session, submission, run_id, "returned", [ids[0]])
    row = session.execute(
        select(payment.c.public_id, payment.c.correlation_id).where(payment.c.id == ids[0])
    ).one()
    told = session.execute(
        text(
            "SELECT payload ->> 'type' AS type, correlation_id FROM outbox"
            " WHERE topic = 'payments.runs.tell_gateway' AND payload ->> 'payment_id' = :id"
            " ORDER BY id"
        ),
        {"id": row.public_id},
    ).all()
    assert [line.type for line in told] == [
        "payments.payment.approved",
        "payments.payment.sent",
        "payments.payment.paid",
        "payments.payment.returned",
    ]
    assert {line.correlation_id for line in told} == {row.correlation_id}


def test_the_citizen_hears_no_names_of_staff(session: Session, world: World) -> None:
    run_id, submission, ids = _released(session, world)
    for kind in ("submitted", "accepted", "paid"):
        _say(session, submission, run_id, kind)  # type: ignore[arg-type]  # a double, or a value that the test chose
    _say(session, submission, run_id, "returned", [ids[0]])
    public = session.execute(select(payment.c.public_id).where(payment.c.id == ids[0])).scalar_one()
    found = get_payment(session, BODY, public)
    assert [text_ for _, text_ in tell_citizen(list_payment_events(session, found))] == [
        "Payment ordered",
        "Payment approved",
        "Payment sent to the Bacs network",
        "Payment made",
        "Payment returned: account closed",
    ]
