"""Payments that programs order: once per key, checked, and in the day's one run."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.runs.actions.create import PayeeOrder, create_payment
from payments.runs.models import payment, run
from shared.db import Database
from shared.errors import Conflict
from tests.payments.runs.world import GATEWAY, NOW, World


def test_a_payment_joins_the_run_of_the_day(session: Session, world: World) -> None:
    first, second = world.create(session), world.create(session)
    assert first.state == second.state == "ready"
    assert first.run_id == second.run_id
    assert len(first.payment_id) == 26


def test_another_programme_has_a_run_of_its_own(session: Session, world: World) -> None:
    assert world.create(session).run_id != world.create(session, programme="big-grant").run_id


def test_the_bank_details_are_sealed_and_can_be_opened(session: Session, world: World) -> None:
    made = world.create(session)
    row = session.execute(select(payment).where(payment.c.public_id == made.payment_id)).one()
    assert b"10000012" not in bytes(row.details_sealed)
    opened = world.desk.vault.open(bytes(row.details_sealed), f"payment:{row.id}")
    assert (opened.sort_code, opened.account_number) == ("990001", "10000012")


def test_the_same_key_gives_the_first_answer(session: Session, world: World) -> None:
    order = world.order(session)
    first = create_payment(session, world.desk, order, "k", GATEWAY, NOW)
    again = create_payment(session, world.desk, order, "k", GATEWAY, NOW)
    assert again.replayed
    assert again.body() == first.body()
    assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount_pence": 1}, "amount_pence"),
        ({"reference": "OTHER"}, "reference"),
        ({"case_reference": "OTHER"}, "case_reference"),
        ({"payee": PayeeOrder("Morag Fictional", "personal", "990001", "10000024")}, "sort_code"),
        ({"payee": PayeeOrder("Else", "personal", "99-00-01", "10000012")}, "payee_name"),
    ],
)
def test_the_same_key_with_other_content_names_the_difference(
    session: Session, world: World, change: dict[str, object], field: str
) -> None:
    order = world.order(session)
    create_payment(session, world.desk, order, "k", GATEWAY, NOW)
    before = world.snapshot(session)
    with pytest.raises(Conflict) as refused:
        create_payment(
            session,
            world.desk,
            replace(order, **change),
            "k",
            GATEWAY,
            NOW,  # type: ignore[arg-type]  # a double, or a value that the test chose
        )
    assert refused.value.code == f"exists_with_different_{field}"
    assert world.snapshot(session) == before


def test_a_refused_order_stays_refused_under_its_key(session: Session, world: World) -> None:
    order = world.order(session, programme="soon-there")
    first = create_payment(session, world.desk, order, "k", GATEWAY, NOW)
    assert first.refusal is not None
    session.execute(text("UPDATE programme SET slug = 'soon-there' WHERE slug = 'big-grant'"))
    again = create_payment(session, world.desk, order, "k", GATEWAY, NOW)
    assert again.refusal is not None
    assert again.refusal.status == 422
    assert [fault.field for fault in again.refusal.fields] == ["programme"]
    assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 0


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"amount_pence": 0}, ["amount"]),
        ({"amount_pence": 2_000_000_001}, ["amount"]),
        ({"currency": "EUR"}, ["currency"]),
        ({"reference": "X" * 19}, ["reference"]),
        ({"reference": "schön"}, ["reference"]),
        ({"organisation": "nobody", "check_id": None}, ["organisation"]),
        (
            {"payee": PayeeOrder("", "personal", "000000", "12"), "check_id": None},
            ["payee_name", "sort_code", "account_number"],
        ),
    ],
)
def test_an_order_is_refused_with_every_fault_at_once(
    session: Session, world: World, change: dict[str, object], fields: list[str]
) -> None:
    made = world.create(session, **change)
    assert made.refusal is not None
    assert [fault.field for fault in made.refusal.fields] == fields
    assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 0
    assert session.execute(text("SELECT count(*) FROM run")).scalar_one() == 0


@pytest.mark.parametrize(
    ("outcome", "code", "state"),
    [
        ("match", None, "ready"),
        ("close_match", "MBAM", "held"),
        ("close_match", "BANM", "ready"),
        ("no_match", "ANNM", "held"),
        ("no_match", "AC01", "held"),
        ("unable_to_check", "IVCR", "held"),
        ("unable_to_check", "OPTO", "ready"),
        ("unable_to_check", "NOANSWER", "ready"),
    ],
)
def test_the_name_check_decides_whether_a_payment_is_held(
    session: Session, world: World, outcome: str, code: str | None, state: str
) -> None:
    payee = PayeeOrder("Morag Fictional", "personal", "99-00-01", "10000012")
    check = world.check(session, payee, outcome=outcome, reason_code=code)
    assert world.create(session, payee=payee, check_id=check).state == state


def test_a_check_that_is_missing_old_of_others_or_unanswered_holds(
    session: Session, world: World
) -> None:
    payee = PayeeOrder("Morag Fictional", "personal", "99-00-01", "10000012")
    other = replace(payee, name="Somebody Else")
    checks = [
        None,
        world.check(session, payee, answered_at=NOW - timedelta(days=91)),
        world.check(session, payee, organisation="glenmore"),
        world.check(session, payee, answered_at=None),
        world.check(session, other),
    ]
    states = [world.create(session, payee=payee, check_id=check).state for check in checks]
    assert states == ["held"] * 5


def test_a_likely_duplicate_is_held(session: Session, world: World) -> None:
    assert world.create(session, reference="SAME").state == "ready"
    assert world.create(session, reference="SAME").state == "held"


@pytest.mark.committed
def test_many_at_once_make_one_run_and_one_payment_per_key(
    database: Database, world: World
) -> None:
    with database.transaction() as session:
        orders = [world.order(session) for _ in range(6)]
    answers: list[str] = []
    barrier = threading.Barrier(12)

    def send(number: int) -> None:
        barrier.wait()
        with database.transaction() as session:
            order = orders[number % 6]
            made = create_payment(session, world.desk, order, f"key-{number % 6}", GATEWAY, NOW)
            answers.append(made.payment_id)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert len(set(answers)) == 6
    with database.transaction() as session:
        assert session.execute(select(run.c.state)).scalars().all() == ["collecting"]
        assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 6
