"""A payment that came back is paid again by another, out of the money that was returned."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from lxml import html
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.ledger.queries import list_faults, trial_balance
from payments.runs.actions.approve import approve, put_forward
from payments.runs.actions.create import Created
from payments.runs.actions.edit import Correction, edit_payment, remove_payment
from payments.runs.queries.payments import find_replacement, get_payment
from shared.db import Database
from shared.errors import Invalid
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, BODY, ENID, NOW, UNA, World

PROGRAMME = "clothing-grant"


def _books(session: Session) -> dict[str, int]:
    assert list_faults(session, BODY) == []
    return {
        line.code: line.posted_pence for line in trial_balance(session, BODY) if line.posted_pence
    }


def _ended(session: Session, world: World, state: str = "returned") -> str:
    """Return a payment that ended in this state; its own books are another test's."""
    made = world.create(session, programme=PROGRAMME)
    values = {"id": made.payment_id, "state": state}
    session.execute(text("UPDATE payment SET state = :state WHERE public_id = :id"), values)
    return made.payment_id


def _reissue(session: Session, world: World, original: str, **changes: object) -> Created:
    return world.create(session, **({"programme": PROGRAMME, "replaces": original} | changes))


def _approve(session: Session, world: World, run_id: str) -> None:
    run = UUID(run_id)
    put_forward(session, world.desk.vault, run, UNA, NOW)
    approve(session, run, world.run_hash(session, run), ALAN, NOW)


@pytest.mark.parametrize("state", ["returned", "scheme_rejected"])
def test_a_reissue_costs_nothing_more(session: Session, world: World, state: str) -> None:
    original = _ended(session, world, state)
    made = _reissue(session, world, original)
    assert made.refusal is None
    found = find_replacement(session, BODY, original)
    assert found is not None
    assert (found.public_id, found.replaces) == (made.payment_id, original)
    _approve(session, world, made.run_id)
    assert _books(session) == {"returned_unapplied": 30000, "payments_approved": -30000}
    remove_payment(session, made.payment_id, "a mistake", UNA, NOW)
    assert _books(session) == {}
    assert _reissue(session, world, original).refusal is None


@pytest.mark.parametrize(
    ("state", "changes", "status", "code"),
    [
        ("paid", {}, 409, "not_replaceable"),
        ("ready", {}, 409, "not_replaceable"),
        ("cancelled", {}, 409, "not_replaceable"),
        ("returned", {"amount_pence": 29999}, 422, "invalid"),
        ("returned", {"programme": "winter-heating"}, 422, "invalid"),
        ("returned", {"organisation": "glenmore"}, 422, "invalid"),
        ("returned", {"replaces": "nothing"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_replaced_makes_nothing(
    session: Session, world: World, state: str, changes: dict[str, object], status: int, code: str
) -> None:
    original = _ended(session, world, state)
    before = world.snapshot(session)
    refusal = _reissue(session, world, original, **changes).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (status, code)
    assert world.snapshot(session) == before


def test_a_payment_is_replaced_once(session: Session, world: World) -> None:
    original = _ended(session, world)
    _reissue(session, world, original)
    before = world.snapshot(session)
    refusal = _reissue(session, world, original).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (409, "already_replaced")
    assert world.snapshot(session) == before
    other = world.create(session, programme=PROGRAMME)
    with pytest.raises(IntegrityError, match="uq_payment_replaces"), session.begin_nested():
        session.execute(
            text("UPDATE payment SET replaces = :original WHERE public_id = :id"),
            {"original": original, "id": other.payment_id},
        )


def test_both_payments_name_each_other(
    database: Database, world: World, console: Callable[..., Console]
) -> None:
    with database.transaction() as session:
        original = _ended(session, world)
        made = _reissue(session, world, original)
        names = [get_payment(session, BODY, one).reference for one in (original, made.payment_id)]
    page = console(ENID)
    paths = [f"/payments/payments/{one}" for one in (original, made.payment_id)]
    first, second = page.get(paths[0]), page.get(paths[1])
    assert _link(first, "Replaced by") == (paths[1], names[1])
    assert _link(second, "Replaces") == (paths[0], names[0])
    assert "Replaces" not in first
    assert "Replaced by" not in second


def _link(page: str, key: str) -> tuple[str | None, str | None]:
    (link,) = html.fromstring(page).xpath(
        "//dt[normalize-space()=$key]/following-sibling::dd[1]//a", key=key
    )
    return link.get("href"), link.text


def test_a_reissue_keeps_its_amount(session: Session, world: World) -> None:
    made = _reissue(session, world, _ended(session, world))
    correction = Correction(
        "Morag Fictional", "personal", "99-00-01", "10000012", "", 30001, "SWH-TEST-0002"
    )
    before = world.snapshot(session)
    with pytest.raises(Invalid) as caught:
        edit_payment(session, world.desk, made.payment_id, correction, None, UNA, NOW)
    assert [fault.field for fault in caught.value.fields] == ["amount"]
    assert world.snapshot(session) == before
    same = replace(correction, amount_pence=30000)
    edit_payment(session, world.desk, made.payment_id, same, None, UNA, NOW)
