"""A payment told whole: every kind of thing in one list, the picture, and the proof."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reports.evidence.timeline import make_picture, make_timeline
from payments.runs.actions.approve import approve
from payments.runs.queries.payments import Payment, get_payment, list_payment_events
from payments.runs.rules import ADMINISTRATOR, AUDITOR, ENQUIRY
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import (
    ALAN,
    BODY,
    NOW,
    OTHER,
    World,
    make_waiting_run,
    staff,
    write_file,
)

Open = Callable[..., Console]


def _sent(session: Session, world: World) -> str:
    run_id = make_waiting_run(session, world)
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    write_file(session, world)
    return str(
        session.execute(text("SELECT public_id FROM payment ORDER BY id LIMIT 1")).scalar_one()
    )


def _picture(session: Session, payment: Payment) -> list[tuple[str, str]]:
    lines = make_timeline(session, payment)
    seen = [event.state for event in list_payment_events(session, payment)]
    return [(step.text, step.state) for step in make_picture(payment, lines, seen)]


def test_the_timeline_holds_people_checks_files_and_ledger_in_order(
    session: Session, world: World
) -> None:
    public_id = _sent(session, world)
    lines = make_timeline(session, get_payment(session, BODY, public_id))
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert {"person", "state", "check", "file", "ledger"} <= {line.kind for line in lines}
    assert all(line.what and line.kind_text and line.sign for line in lines)
    told = [line.what for line in lines]
    assert any("Confirmation of Payee" in what for what in told)
    assert "Put into a file for the bank" in told
    assert "Booked as owed to the payee" in told
    assert "10000012" not in json.dumps([list(line.notes) for line in lines])


def test_the_picture_goes_from_accepted_to_reconciled(session: Session, world: World) -> None:
    run_id = make_waiting_run(session, world)
    public_id = session.execute(
        text("SELECT public_id FROM payment ORDER BY id LIMIT 1")
    ).scalar_one()
    states = dict(_picture(session, get_payment(session, BODY, public_id)))
    assert states["Accepted by this service"] == "now"
    assert states["Reconciled with the bank statement"] == "to_come"
    approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    found = get_payment(session, BODY, public_id)
    states = dict(_picture(session, found))
    assert states["Approved"] == "done"
    assert states["Released"] == "now"
    assert [step.word for step in make_picture(found, [], [])][1:5] == [
        "Approved",
        "Approved",
        "Sent to the Bacs network",
        "Sent to the Bacs network",
    ]


@pytest.mark.parametrize(
    ("state", "last"),
    [
        ("returned", ("Returned", "failed")),
        ("scheme_rejected", ("Rejected by the bank", "failed")),
        ("held", ("Held", "failed")),
        ("cancelled", ("Removed", "failed")),
    ],
)
def test_what_failed_ends_the_picture(
    session: Session, world: World, state: str, last: tuple[str, str]
) -> None:
    made = world.create(session)
    session.execute(
        text("UPDATE payment SET state = :state, hold_code = :code"),
        {"state": state, "code": "x" if state == "held" else None},
    )
    picture = _picture(session, get_payment(session, BODY, made.payment_id))
    assert picture[-1] == last
    assert "Reconciled with the bank statement" not in dict(picture)


def test_the_proof_holds_approvals_file_and_ledger_and_never_the_account(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        public_id = _sent(session, world)
    person = console(staff("Enid", ENQUIRY))
    answer = person.client.get(f"/payments/payments/{public_id}/evidence.json")
    pack = answer.json()
    assert pack["payment"]["account"] == "••••0012"
    assert pack["run"]["approvals"][0]["by"] == "Alan"
    assert pack["files"][0]["payments"] == 2
    assert len(pack["files"][0]["sha256"]) == 64
    assert [entry["event"] for entry in pack["ledger"]] == ["payment.approved"]
    assert pack["ledger"][0]["amount_pence"] == 30_000
    assert "10000012" not in answer.text
    page = person.get(f"/payments/payments/{public_id}/evidence")
    assert "Proof of payment" in page
    assert "How far the payment is" in page
    with database.transaction() as session:
        taken = session.execute(
            text("SELECT count(*) FROM audit_event WHERE action = 'payments.evidence.taken'")
        ).scalar_one()
    assert taken == 2


def test_the_payments_page_shows_the_picture_and_the_timeline(
    console: Open, database: Database, world: World
) -> None:
    with database.transaction() as session:
        public_id = _sent(session, world)
    page = console(staff("Audrey", AUDITOR)).get(f"/payments/payments/{public_id}")
    assert 'aria-current="step"' in page
    assert "Booked as owed to the payee" in page
    assert "Approved" in page


def test_who_may_take_proof(console: Open, database: Database, world: World) -> None:
    with database.transaction() as session:
        public_id = _sent(session, world)
    for actor, status in ((staff("Ada", ADMINISTRATOR), 403), (OTHER, 404)):
        person = console(actor)
        for path in ("evidence", "evidence.json"):
            answer = person.client.get(f"/payments/payments/{public_id}/{path}")
            assert answer.status_code == status
    with database.transaction() as session:
        taken = session.execute(
            text("SELECT count(*) FROM audit_event WHERE action = 'payments.evidence.taken'")
        ).scalar_one()
    assert taken == 0
