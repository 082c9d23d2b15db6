"""The demonstration's payees come once, in force by two invented people."""

from typing import Any

import yaml
from sqlalchemy import text

from payments.payees.master.seeding import seed_payee
from payments.runs.commands import DEMO_FILE
from tests.payments.payees.master.desk import BODY, Desk


def test_the_demo_payees_come_once(desk: Desk) -> None:
    bodies = yaml.safe_load(DEMO_FILE.read_text())["bodies"]
    payees: list[dict[str, Any]] = [one for body in bodies for one in body.get("payees", [])]
    assert payees
    made = [seed_payee(desk.checker, BODY, **one) for one in payees * 2]
    assert sum(made) == len(payees)
    with desk.database.transaction() as session:
        rows = session.execute(text("SELECT state, count(*) FROM payee GROUP BY 1"))
        states = {row[0]: row[1] for row in rows}
        same = session.execute(
            text("SELECT count(*) FROM payee_change WHERE decided_by_id = proposed_by_id")
        ).scalar_one()
    assert states == {"active": len(payees) - 1, "proposed": 1}
    assert same == 0
