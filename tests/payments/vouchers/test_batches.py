"""Batches: one puts forward, another approves exactly that; lost vouchers are replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.controls.rules import Authority, Band, Limit, Rules, Scope
from payments.vouchers.actions import approval, limits
from payments.vouchers.actions.batches import (
    approve_batch,
    note_print,
    put_batch_forward,
    reject_batch,
    replace_lost,
)
from payments.vouchers.actions.funds import decide_funding, make_group, propose_funding
from payments.vouchers.actions.redeem import redeem
from payments.vouchers.queries import get_batch, get_voucher, list_batch_vouchers, list_events
from payments.vouchers.rules import parse_lines
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from tests.payments.runs.world import ALAN, AVA, BODY, BOTH, ENID, GATEWAY, NOW, OTHER, UNA
from tests.payments.vouchers.shop import FUNDS, Shop, balances, money, state_of


def test_a_batch_is_usable_when_another_person_has_approved_it(
    session: Session, shop: Shop
) -> None:
    batch_id = shop.put_forward(session, 1000, 2000)
    assert (money(session), balances(session)) == ((FUNDS, 3000), {})
    serials = shop.approve(session, batch_id)
    assert [state_of(session, serial) for serial in serials] == ["activated"] * 2
    assert balances(session) == {"programme_expenditure": 3000, "vouchers_issued": -3000}
    with pytest.raises(Conflict, match="batch_decided"):
        shop.approve(session, batch_id)


def test_nobody_approves_their_own_batch_whatever_their_roles(session: Session, shop: Shop) -> None:
    lines, _ = parse_lines("Morag Fictional; 10.00; 1 High Street")
    batch_id = put_batch_forward(
        session, shop.vault, shop.group_id, "payment_order", "Winter", lines, BOTH, NOW
    )
    signed = get_batch(session, BODY, batch_id).content_sha256
    for actor in (BOTH, UNA, ENID):
        with pytest.raises(Forbidden):
            approve_batch(session, shop.vault, batch_id, signed, actor, NOW)
    with pytest.raises(NotFound):
        approve_batch(session, shop.vault, batch_id, signed, OTHER, NOW)
    with pytest.raises(Conflict, match="batch_changed"):
        approve_batch(session, shop.vault, batch_id, b"other", ALAN, NOW)
    assert get_batch(session, BODY, batch_id).state == "awaiting_approval"
    assert balances(session) == {}


def test_bands_ask_for_more_people(session: Session, shop: Shop) -> None:
    session.execute(text("UPDATE programme SET approvals_needed = 2"))
    batch_id = shop.put_forward(session, 1000)
    signed = get_batch(session, BODY, batch_id).content_sha256
    assert approve_batch(session, shop.vault, batch_id, signed, ALAN, NOW) is False
    assert get_batch(session, BODY, batch_id).state == "awaiting_approval"
    assert balances(session) == {}
    with pytest.raises(Forbidden, match="same_person"):
        approve_batch(session, shop.vault, batch_id, signed, ALAN, NOW)
    assert approve_batch(session, shop.vault, batch_id, signed, AVA, NOW) is True
    assert balances(session) == {"programme_expenditure": 1000, "vouchers_issued": -1000}


_ORDERS = Scope(None, "payment_order")
_BACS = Scope(None, "bacs")


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        pytest.param(
            Rules((Limit(_ORDERS, "payment", 999),), (), ()), "payment_over_limit", id="single"
        ),
        pytest.param(Rules((Limit(_ORDERS, "run", 1999),), (), ()), "run_over_limit", id="whole"),
        pytest.param(
            Rules((), (), (Authority(_ORDERS, "person-Ava", 1, NOW.date(), NOW.date()),)),
            "beyond_authority",
            id="authority",
        ),
        pytest.param(
            Rules((), (Band(_ORDERS, 1, 1, step_up=True),), ()), "step_up_needed", id="step-up"
        ),
        pytest.param(Rules((Limit(_BACS, "run", 1),), (), ()), "", id="other-rail"),
    ],
)
def test_limits_bands_and_authorities_hold_as_for_runs(
    session: Session,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    rules: Rules,
    code: str,
) -> None:
    monkeypatch.setattr(approval, "get_rules", lambda _session, _body: rules)
    batch_id = shop.put_forward(session, 1000, 1000)
    if not code:
        shop.approve(session, batch_id)
        return
    with pytest.raises(Problem) as refused:
        shop.approve(session, batch_id)
    assert refused.value.code == code
    assert get_batch(session, BODY, batch_id).state == "awaiting_approval"
    assert balances(session) == {}


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        (Limit(_ORDERS, "payment", 999), "payment_over_limit"),
        (Limit(_ORDERS, "run", 999), "run_over_limit"),
        (Limit(_BACS, "payment", 1), ""),
    ],
    ids=["single", "whole", "other-rail"],
)
def test_limits_are_asked_when_vouchers_are_ordered(
    session: Session, shop: Shop, monkeypatch: pytest.MonkeyPatch, limit: Limit, code: str
) -> None:
    monkeypatch.setattr(limits, "get_rules", lambda _session, _body: Rules((limit,), (), ()))
    before = money(session)
    if not code:
        shop.make(session, 1000)
        shop.put_forward(session, 1000)
        return
    for order in (shop.make, shop.put_forward):
        with pytest.raises(Invalid) as refused, session.begin_nested():
            order(session, 1000)
        assert refused.value.code == code
        assert [fault.field for fault in refused.value.fields] == ["amount"]
    assert money(session) == before
    assert session.execute(text("SELECT count(*) FROM voucher")).scalar_one() == 0


def test_an_approval_is_bound_to_names_and_amounts(session: Session, shop: Shop) -> None:
    batch_id = shop.put_forward(session, 1000)
    signed = get_batch(session, BODY, batch_id).content_sha256
    session.execute(text("UPDATE voucher SET amount_pence = 2000"))
    with pytest.raises(Conflict, match="batch_changed"):
        approve_batch(session, shop.vault, batch_id, signed, ALAN, NOW)


def test_a_rejected_batch_frees_its_money(session: Session, shop: Shop) -> None:
    batch_id = shop.put_forward(session, 1000, 2000)
    with pytest.raises(Invalid):
        reject_batch(session, batch_id, " ", ALAN, NOW)
    reject_batch(session, batch_id, "Wrong people", ALAN, NOW)
    assert (money(session), balances(session)) == ((FUNDS, 0), {})
    states = {voucher.state for voucher in list_batch_vouchers(session, batch_id)}
    assert states == {"cancelled"}


def test_money_comes_into_a_group_by_two_people(session: Session, shop: Shop) -> None:
    funding = propose_funding(session, shop.group_id, 500, BOTH, NOW)
    with pytest.raises(Forbidden):
        decide_funding(session, funding, agree=True, actor=BOTH, now=NOW)
    assert money(session) == (FUNDS, 0)
    decide_funding(session, funding, agree=True, actor=ALAN, now=NOW)
    assert money(session) == (FUNDS + 500, 0)
    with pytest.raises(Conflict):
        decide_funding(session, funding, agree=True, actor=ALAN, now=NOW)
    refused = propose_funding(session, shop.group_id, 500, UNA, NOW)
    decide_funding(session, refused, agree=False, actor=ALAN, now=NOW)
    assert money(session) == (FUNDS + 500, 0)
    for pence in (0, -1, 10**12):
        with pytest.raises(Invalid):
            propose_funding(session, shop.group_id, pence, UNA, NOW)
    with pytest.raises(Invalid):
        make_group(session, "Food", "winter-heating", 90, UNA, NOW)
    with pytest.raises(Forbidden):
        make_group(session, "Fuel", "winter-heating", 90, ENID, NOW)


def test_more_than_the_group_has_is_not_put_forward(session: Session, shop: Shop) -> None:
    with pytest.raises(Conflict, match="group_exhausted"):
        shop.put_forward(session, FUNDS, 1)
    assert money(session) == (FUNDS, 0)


def test_a_lost_voucher_is_cancelled_and_replaced_once(session: Session, shop: Shop) -> None:
    (serial,) = shop.approve(session, shop.put_forward(session, 1000))
    _, _, number = note_print(session, shop.vault, serial, UNA, NOW)
    batch_id = replace_lost(session, shop.vault, serial, "Lost in the post", UNA, NOW)
    assert state_of(session, serial) == "cancelled"
    assert money(session) == (FUNDS, 1000)
    with pytest.raises(Conflict, match="already_replaced"):
        replace_lost(session, shop.vault, serial, "Again", UNA, NOW)
    with pytest.raises(Problem):
        redeem(session, shop.vault, shop.use(number), GATEWAY, NOW)
    (fresh,) = shop.approve(session, batch_id)
    voucher, recipient, other = note_print(session, shop.vault, fresh, ALAN, NOW)
    assert (recipient.name, voucher.amount_pence) == ("Person 1", 1000)
    assert other != number
    redeem(session, shop.vault, shop.use(other), GATEWAY, NOW)
    assert money(session) == (FUNDS - 1000, 0)
    with pytest.raises(Conflict):
        replace_lost(session, shop.vault, fresh, "Used", UNA, NOW)


def test_each_print_is_written_down(session: Session, shop: Shop) -> None:
    (serial,) = shop.approve(session, shop.put_forward(session, 1000))
    for _ in range(2):
        note_print(session, shop.vault, serial, UNA, NOW)
    voucher = get_voucher(session, BODY, serial)
    kinds = [event.kind for event in list_events(session, voucher.id)]
    assert kinds == ["requested", "activated", "printed", "reprinted"]
    with pytest.raises(Forbidden):
        note_print(session, shop.vault, serial, ENID, NOW)
    waiting = shop.put_forward(session, 500)
    (one,) = list_batch_vouchers(session, waiting)
    with pytest.raises(Conflict):
        note_print(session, shop.vault, one.serial, UNA, NOW)


def test_names_are_kept_sealed(session: Session, shop: Shop) -> None:
    shop.approve(session, shop.put_forward(session, 1000))
    for table in ("voucher", "voucher_event", "audit_event", "voucher_batch"):
        found = session.execute(text(f"SELECT string_agg(t::text, ' ') FROM {table} t"))
        assert "Person 1" not in (found.scalar_one() or "")


@pytest.mark.parametrize(
    "line",
    [
        "Morag",
        "Morag; 10",
        "; 10.00; Street",
        "Morag; ten; Street",
        "Morag; 10.001; Street",
        "Morag; 0; Street",
        "Morag; 10000.01; Street",
        "Morag; 10.00;" + "; x" * 8,
        "M" * 61 + "; 10.00; Street",
    ],
)
def test_a_bad_line_is_named(line: str) -> None:
    lines, faults = parse_lines(f"Good Person; £10.00; 1 Street; Town\n\n{line}")
    assert len(lines) == 1
    assert faults[0].message.startswith("Line 3: ")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(typed: str) -> None:
    lines, faults = parse_lines(typed)
    assert lines or faults
    assert all(line.amount_pence > 0 and line.recipient.name for line in lines)
