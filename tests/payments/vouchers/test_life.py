"""The life of vouchers: issued, used once, ended, and what the ledger and the group say of it."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.ledger.bulk import post_approved
from payments.vouchers.actions.change import change, change_by_staff, expire_due
from payments.vouchers.actions.issue import VoucherOrder, activate, pre_activate
from payments.vouchers.actions.redeem import redeem
from payments.vouchers.actions.settle import list_unpaid, settle_merchant, undo_taken_back
from payments.vouchers.queries import get_voucher, list_events
from payments.vouchers.rules import MOVES, VoucherState, can_move, make_number, make_serial
from shared.clock import london_date
from shared.db import Database
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.world import ALAN, BODY, ENID, GATEWAY, NOW, UNA
from tests.payments.vouchers.shop import FUNDS, GROUP, Shop, balances, money, state_of

EXPENSE, OWED, APPROVED = "programme_expenditure", "vouchers_issued", "payments_approved"


def test_numbers_are_long_and_never_the_same() -> None:
    numbers = [make_number() for _ in range(1000)]
    assert {len(number) for number in numbers} == {20}
    assert len(set(numbers)) == 1000
    assert {len(make_serial()) for _ in range(50)} == {18}


def test_no_state_leads_back_from_an_end() -> None:
    for end in ("used", "purged"):
        assert not MOVES[end]
    assert not can_move("cancelled", "activated")
    assert not can_move("expired", "activated")


def test_a_voucher_is_owed_from_its_activation_until_its_merchant_is_to_be_paid(
    session: Session, shop: Shop
) -> None:
    order = VoucherOrder(BODY, GROUP, 1500, "GBP")
    made = pre_activate(session, shop.vault, order, GATEWAY, NOW)
    assert (money(session), balances(session)) == ((FUNDS, 1500), {})
    activate(session, BODY, made.serial, GATEWAY, NOW)
    assert balances(session) == {EXPENSE: 1500, OWED: -1500}
    redeem(session, shop.vault, shop.use(made.number), GATEWAY, NOW)
    assert balances(session) == {EXPENSE: 1500, APPROVED: -1500}
    assert money(session) == (FUNDS - 1500, 0)
    kinds = [
        event.kind for event in list_events(session, get_voucher(session, BODY, made.serial).id)
    ]
    assert kinds == ["pre_activated", "activated", "redeemed"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param({"number": "9" * 20}, "no_such_voucher", id="number"),
        pytest.param({"organisation": "glenmore"}, "merchant_not_credited", id="other-body"),
        pytest.param({"merchant_name": "Other"}, "merchant_not_credited", id="merchant"),
        pytest.param({"merchant_group": "None"}, "merchant_not_credited", id="group"),
        pytest.param(
            {"merchant_bank_details": "99-00-01 10000036"}, "merchant_not_credited", id="account"
        ),
    ],
)
def test_a_refused_redemption_changes_nothing(
    session: Session, shop: Shop, change: dict[str, object], code: str
) -> None:
    made = shop.make(session)
    before = balances(session), money(session)
    with pytest.raises(Problem) as refused:
        redeem(session, shop.vault, shop.use(made.number, **change), GATEWAY, NOW)
    assert refused.value.code == code
    assert (balances(session), money(session)) == before
    assert state_of(session, made.serial) == "activated"


@pytest.mark.parametrize("state", ["suspended", "blocked", "cancelled"])
def test_a_stopped_voucher_is_not_used(session: Session, shop: Shop, state: str) -> None:
    made = shop.make(session)
    change_by_staff(session, made.serial, state, "Lost", UNA, NOW)  # type: ignore[arg-type]  # names
    with pytest.raises(Conflict, match="voucher_state"):
        redeem(session, shop.vault, shop.use(made.number), GATEWAY, NOW)


def test_a_suspended_voucher_can_be_resumed_and_a_cancelled_one_is_owed_no_more(
    session: Session, shop: Shop
) -> None:
    made = shop.make(session)
    change_by_staff(session, made.serial, "suspended", "Under question", UNA, NOW)
    change_by_staff(session, made.serial, "activated", "Answered", ALAN, NOW)
    assert balances(session) == {EXPENSE: 1500, OWED: -1500}
    change_by_staff(session, made.serial, "cancelled", "Given back", UNA, NOW)
    assert (balances(session), money(session)) == ({}, (FUNDS, 0))
    change_by_staff(session, made.serial, "purged", "Old", UNA, NOW)
    assert (balances(session), money(session)) == ({}, (FUNDS, 0))


def test_only_staff_who_may_stop_vouchers_and_only_with_a_reason(
    session: Session, shop: Shop
) -> None:
    made = shop.make(session)
    with pytest.raises(Forbidden):
        change_by_staff(session, made.serial, "blocked", "Lost", ENID, NOW)
    with pytest.raises(Invalid):
        change_by_staff(session, made.serial, "blocked", " ", UNA, NOW)
    with pytest.raises(NotFound):
        change_by_staff(session, "1", "blocked", "Lost", UNA, NOW)
    assert state_of(session, made.serial) == "activated"


def test_what_nobody_uses_expires_once(session: Session, shop: Shop) -> None:
    made = shop.make(session)
    order = VoucherOrder(BODY, GROUP, 700, "GBP")
    waiting = pre_activate(session, shop.vault, order, GATEWAY, NOW)
    later = NOW + timedelta(days=90)
    assert expire_due(session, later - timedelta(seconds=1)) == 0
    with pytest.raises(Conflict, match="voucher_expired"):
        redeem(session, shop.vault, shop.use(made.number), GATEWAY, later)
    assert expire_due(session, later) == 2
    assert expire_due(session, later) == 0
    assert (balances(session), money(session)) == ({}, (FUNDS, 0))
    assert state_of(session, made.serial) == state_of(session, waiting.serial) == "expired"


def test_a_group_gives_out_what_it_has(session: Session, shop: Shop) -> None:
    shop.make(session, FUNDS - 1)
    with pytest.raises(Conflict, match="group_exhausted"):
        shop.make(session, 2)
    assert money(session) == (FUNDS, FUNDS - 1)
    for currency, pence in (("EUR", 1), ("GBP", 0)):
        order = VoucherOrder(BODY, GROUP, pence, currency)
        with pytest.raises(Invalid):
            pre_activate(session, shop.vault, order, GATEWAY, NOW)


def test_a_merchant_is_paid_by_one_payment_and_the_books_stay_even(
    session: Session, shop: Shop
) -> None:
    for pence in (1500, 700):
        made = shop.make(session, pence)
        redeem(session, shop.vault, shop.use(made.number), GATEWAY, NOW)
    assert list_unpaid(session) == [(shop.merchant_id, 2, 2200)]
    payment_id = settle_merchant(session, shop.desk, shop.merchant_id, NOW)
    assert list_unpaid(session) == []
    assert settle_merchant(session, shop.desk, shop.merchant_id, NOW) is None
    paid = session.execute(
        text("SELECT public_id, payee_name, account_tail, amount_pence, state FROM payment")
    ).one()
    assert tuple(paid) == (payment_id, "Glenmore Grocer", "0024", 2200, "held")
    # Its own approval books the cost; until then it stands in neither.
    assert balances(session) == {}


def test_the_approval_of_a_settlement_books_its_cost_once(session: Session, shop: Shop) -> None:
    made = shop.make(session)
    redeem(session, shop.vault, shop.use(made.number), GATEWAY, NOW)
    settle_merchant(session, shop.desk, shop.merchant_id, NOW)
    session.execute(text("UPDATE payment SET state = 'awaiting_approval', hold_code = NULL"))
    paid = session.execute(text("SELECT id, run_id FROM payment")).one()
    booked = post_approved(session, BODY, paid.run_id, 1, paid.id, paid.id, london_date(NOW))
    assert booked == (1, 1500)
    assert balances(session) == {EXPENSE: 1500, APPROVED: -1500}


def test_a_settlement_that_was_taken_back_is_paid_with_the_next(
    session: Session, shop: Shop
) -> None:
    made = shop.make(session)
    redeem(session, shop.vault, shop.use(made.number), GATEWAY, NOW)
    settle_merchant(session, shop.desk, shop.merchant_id, NOW)
    assert undo_taken_back(session, NOW) == 0
    session.execute(text("UPDATE payment SET state = 'cancelled', hold_code = NULL"))
    assert undo_taken_back(session, NOW) == 1
    assert undo_taken_back(session, NOW) == 0
    assert balances(session) == {EXPENSE: 1500, APPROVED: -1500}
    assert settle_merchant(session, shop.desk, shop.merchant_id, NOW) is not None
    assert balances(session) == {}


def test_of_sixteen_tills_one_takes_the_voucher(
    busy_shop: Shop, payments_database: Database
) -> None:
    with payments_database.transaction() as session:
        made = busy_shop.make(session)
    start, outcomes = threading.Barrier(16), []

    def till() -> None:
        start.wait()
        try:
            with payments_database.transaction() as session:
                redeem(session, busy_shop.vault, busy_shop.use(made.number), GATEWAY, NOW)
            outcomes.append("used")
        except Problem as problem:
            outcomes.append(problem.code)

    threads = [threading.Thread(target=till) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes.count("used") == 1
    assert set(outcomes) <= {"used", "voucher_state", "voucher_used"}
    with payments_database.transaction() as session:
        assert balances(session) == {EXPENSE: 1500, APPROVED: -1500}
        assert money(session) == (FUNDS - 1500, 0)


def test_a_group_is_never_overdrawn_by_many_at_once(
    busy_shop: Shop, payments_database: Database
) -> None:
    start, outcomes = threading.Barrier(8), []

    def issuer() -> None:
        start.wait()
        try:
            with payments_database.transaction() as session:
                busy_shop.make(session, 30_000)
            outcomes.append("made")
        except Conflict as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=issuer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["group_exhausted"] * 5 + ["made"] * 3


def test_the_database_keeps_a_vouchers_history(session: Session, shop: Shop) -> None:
    shop.make(session)
    for deed in ("UPDATE voucher_event SET kind = 'x'", "DELETE FROM voucher_event"):
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(text(deed))
    with pytest.raises(DBAPIError), session.begin_nested():
        session.execute(text("UPDATE voucher_group SET committed_pence = funds_pence + 1"))


def test_changing_needs_a_move_of_the_table(session: Session, shop: Shop) -> None:
    made = shop.make(session)
    voucher = get_voucher(session, BODY, made.serial, lock=True)
    targets: list[VoucherState] = ["purged"]
    for state in targets:
        with pytest.raises(Conflict):
            change(session, voucher, state, "x", UNA, NOW)  # type: ignore[arg-type]  # a state
    assert balances(session) == {EXPENSE: 1500, OWED: -1500}
