"""The hash that an approval signs covers all that is signed, and nothing is opened for it."""

import hashlib
import json
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.submissions.rules import SignedContent, content_sha256
from payments.runs.content import RunHash, SignedRun
from payments.runs.queries.content import stored_content
from payments.runs.queries.runs import get_run
from tests.payments.runs.world import BODY, World, make_waiting_run

PAYMENT = SignedContent(
    "Morag Fictional", "personal", "990001", "10000012", "", 30000, "GBP", "SWH-1", ""
)
RUN = SignedRun("strathclachan", "winter-heating", date(2026, 11, 24), "990000", "90000001")


def run_hash(run: SignedRun, hashes: list[bytes]) -> bytes:
    """Return the hash of a run with payments of these hashes."""
    whole = RunHash(run)
    whole.add(b"".join(hashes))
    return whole.digest()


@pytest.mark.parametrize("field", [name for name in PAYMENT.__dict__ if name != "amount_pence"])
def test_the_hash_covers_every_text_of_a_payment(field: str) -> None:
    changed = replace(PAYMENT, **{field: getattr(PAYMENT, field) + "x"})
    assert content_sha256(changed) != content_sha256(PAYMENT)


@pytest.mark.parametrize("name", ['Morag "Mo" \\ Fictional', "Zoë\x00\x1f\x7f\u2028 ’", ""])
def test_the_hash_is_that_of_canonical_json(name: str) -> None:
    content = replace(PAYMENT, payee_name=name, gl_code="4100", roll_number="R/1")
    canonical = json.dumps(
        content.__dict__, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert content_sha256(content) == hashlib.sha256(canonical.encode()).digest()


def test_the_hash_covers_the_amount() -> None:
    assert content_sha256(replace(PAYMENT, amount_pence=30001)) != content_sha256(PAYMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"run_date": date(2026, 11, 25)},
        {"originating_account_number": "90000002"},
        {"originating_sort_code": "990009"},
        {"programme": "other"},
        {"organisation": "glenmore"},
        {"rail": "chaps"},
        {"entry_on": date(2026, 11, 27)},
    ],
)
def test_the_hash_covers_where_the_money_comes_from_and_when_it_goes(
    change: dict[str, object],
) -> None:
    hashes = [content_sha256(PAYMENT)]
    assert run_hash(replace(RUN, **change), hashes) != run_hash(RUN, hashes)  # type: ignore[arg-type]  # members by name


def test_the_hash_covers_each_payment_and_their_order() -> None:
    one, other = content_sha256(PAYMENT), content_sha256(replace(PAYMENT, reference="SWH-2"))
    hashes = {run_hash(RUN, found) for found in ([], [one], [other], [one, other], [other, one])}
    assert len(hashes) == 5


def test_the_hash_does_not_depend_on_how_it_was_read() -> None:
    one, other = content_sha256(PAYMENT), content_sha256(replace(PAYMENT, reference="SWH-2"))
    in_steps = RunHash(RUN)
    in_steps.add(one)
    in_steps.add(other)
    assert in_steps.digest() == run_hash(RUN, [one, other])


CONTENT = {
    "payee_name": "'Another'",
    "account_type": "'business'",
    "details_sealed": "'x'",
    "amount_pence": "amount_pence + 1",
    "reference": "'OTHER'",
    "gl_code": "'4711'",
}


@pytest.mark.parametrize("column", CONTENT)
def test_a_payment_that_changes_is_no_longer_signed(
    session: Session, world: World, column: str
) -> None:
    run_id = make_waiting_run(session, world)
    run = get_run(session, BODY, run_id)
    assert stored_content(session, run, "awaiting_approval").digest == run.content_hash
    session.execute(text(f"UPDATE payment SET {column} = {CONTENT[column]}"))
    assert stored_content(session, run, "awaiting_approval").digest is None


def test_a_state_that_changes_keeps_the_signature(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    session.execute(text("UPDATE payment SET state = 'approved'"))
    run = get_run(session, BODY, run_id)
    assert stored_content(session, run, "approved").digest == run.content_hash


def test_a_payment_that_leaves_or_joins_changes_the_hash(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    other = UUID(world.create(session).run_id)
    run = get_run(session, BODY, run_id)
    move = text(
        "UPDATE payment SET run_id = :to, state = 'awaiting_approval' WHERE id ="
        " (SELECT id FROM payment WHERE run_id = :from ORDER BY id DESC LIMIT 1)"
    )
    session.execute(move, {"from": other, "to": run_id})
    assert stored_content(session, run, "awaiting_approval").digest is None
    session.execute(move, {"from": run_id, "to": other})
    assert stored_content(session, run, "awaiting_approval").digest == run.content_hash
    session.execute(move, {"from": run_id, "to": other})
    assert stored_content(session, run, "awaiting_approval").digest != run.content_hash
