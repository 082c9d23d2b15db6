"""A body that wants it everywhere: confirmations and exports need a fresh sign-in."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from shared import clock
from tests.payments.payees.master.desk import ABE, BODY, MORAG, Desk
from tests.payments.runs.console import Console

OpenConsole = Callable[..., Console]


@pytest.mark.parametrize("policy", ["all", "other"])
def test_confirming_and_exporting_lead_to_a_fresh_sign_in(
    console: OpenConsole, desk: Desk, policy: str
) -> None:
    desk = replace(desk, now=clock.now())
    desk.make()
    change_id = desk.propose(replace(MORAG, name="Hamish Fictional"))
    if policy == "all":
        with desk.database.transaction() as session:
            session.execute(
                text("UPDATE body SET step_up = 'all' WHERE organisation = :body"), {"body": BODY}
            )
    before = desk.look()
    one = console(ABE)
    path = f"/payments/payees/changes/{change_id}"
    one.get(path)
    token = one.hidden("csrf_token")
    answer = one.client.post(
        f"{path}/confirm",
        data={"csrf_token": token, "reason": "A joint account"},
        follow_redirects=False,
    )
    led = f"/payments/step-up?return_to=%2Fpayments%2Fpayees%2Fchanges%2F{change_id}"
    assert (answer.headers["location"] == led) == (policy == "all")
    assert (desk.look() == before) == (policy == "all")
    export = one.client.get("/payments/payees/download?accounts=whole", follow_redirects=False)
    assert ("10000012" in export.text) == (policy != "all")
    masked = one.client.get("/payments/payees/download")
    assert "••••0012" in masked.text
