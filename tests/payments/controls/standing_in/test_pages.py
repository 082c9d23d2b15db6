"""Delegation and emergency access at the console, by every role."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.runs.rules import ADMINISTRATOR, APPROVER, AUDITOR, ROLE_NAMES, SEES_RUNS
from shared import clock
from shared.db import Database
from tests.payments.runs.console import Console
from tests.payments.runs.world import ALAN, ENID, World, make_waiting_run, staff

Open = Callable[..., Console]
ADA, OLGA = staff("Ada", ADMINISTRATOR), staff("Olga", AUDITOR)
DELEGATIONS = "/payments/controls/delegations"
EMERGENCY = "/payments/controls/emergency"
SOME = UUID(int=1)


def _form(**changes: str) -> dict[str, str]:
    first = clock.now().date()
    last = first + timedelta(days=7)
    form = {"to": ENID.id, "amount": "600.00", "programme": "", "reason": "On leave"}
    for name, day in (("valid_from", first), ("valid_until", last)):
        form |= {f"{name}-day": str(day.day), f"{name}-month": str(day.month)}
        form[f"{name}-year"] = str(day.year)
    return form | changes


@pytest.mark.parametrize("role", list(ROLE_NAMES))
def test_who_comes_where(console: Open, database: Database, role: str) -> None:
    one = console(staff("Somebody", role))
    one.get(DELEGATIONS)
    assert (one.status == 200) == (role in (*SEES_RUNS, ADMINISTRATOR))
    one.get(EMERGENCY)
    assert (one.status == 200) == (role in (ADMINISTRATOR, AUDITOR))
    one.get("/payments/choose-body")
    for path, roles in (
        (DELEGATIONS, (APPROVER,)),
        (f"{DELEGATIONS}/{SOME}/confirm", (ADMINISTRATOR,)),
        (f"{DELEGATIONS}/{SOME}/refuse", (ADMINISTRATOR,)),
        (f"{DELEGATIONS}/{SOME}/end", (*SEES_RUNS, ADMINISTRATOR)),
        (EMERGENCY, (ADMINISTRATOR,)),
        (f"{EMERGENCY}/{SOME}/end", (ADMINISTRATOR,)),
    ):
        one.post(path)
        assert (one.status == 403) == (role not in roles), path
        assert one.status in (403, 404, 422)
    with database.transaction() as session:
        for table in ("delegation", "emergency_access"):
            assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_a_colleague_stands_in(console: Open, database: Database, world: World) -> None:
    enid, alan, ada = console(ENID), console(ALAN), console(ADA)
    enid.get("/payments/")
    assert "Nobody approves for somebody else." in alan.get(DELEGATIONS)
    alan.post(DELEGATIONS, **_form(amount="x"))
    assert alan.status == 422
    page = alan.post(DELEGATIONS, **_form())
    assert "An administrator has to confirm it." in page
    made = page.split(f"{DELEGATIONS}/")[1].split("/")[0]
    ada.get(DELEGATIONS)
    ada.post(f"{DELEGATIONS}/{made}/perhaps")
    assert ada.status == 404
    assert "The delegation is confirmed." in ada.post(f"{DELEGATIONS}/{made}/confirm")
    with database.transaction() as session:
        run_id = make_waiting_run(session, world, "clothing-grant")
    assert "You approve for a colleague." in enid.get("/payments/")
    page = enid.get(f"/payments/runs/{run_id}")
    page = enid.post(f"/payments/runs/{run_id}/approve", content=enid.hidden("content"))
    assert "You approved the run." in page
    assert "The delegation has ended." in enid_ends(enid, made)
    assert "You approve for a colleague." not in enid.get("/payments/")


def enid_ends(enid: Console, made: str) -> str:
    enid.get(DELEGATIONS)
    return enid.post(f"{DELEGATIONS}/{made}/end")


def test_an_emergency_is_told_to_auditors(console: Open, database: Database, world: World) -> None:
    ada, olga = console(ADA), console(OLGA)
    assert "Emergency access in the last 30 days" not in olga.get("/payments/")
    ada.get(f"/payments/runs/{SOME}")
    assert ada.status == 403
    ada.get(EMERGENCY)
    ada.post(EMERGENCY, role=APPROVER, hours="9", reason="Flood")
    assert ada.status == 422
    page = ada.post(EMERGENCY, role=APPROVER, hours="1", reason="Flood")
    assert "Auditors are told." in page
    assert "You act under emergency access." in ada.get("/payments/")
    ada.get(f"/payments/runs/{SOME}")
    assert ada.status == 404
    page = olga.get("/payments/")
    assert "Emergency access in the last 30 days" in page
    assert "Ada: Approver" in page
    assert "Flood" in olga.get(EMERGENCY)
    made = ada.get(EMERGENCY).split(f"{EMERGENCY}/")[1].split("/")[0]
    assert "The role is given back." in ada.post(f"{EMERGENCY}/{made}/end")
    ada.get(f"/payments/runs/{SOME}")
    assert ada.status == 403
