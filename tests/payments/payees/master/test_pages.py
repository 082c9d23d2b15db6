"""The pages of payees, as each role sees them."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

from payments.payees.bank_details import normalise
from payments.payees.master.actions.stop import stop_payee
from payments.payees.master.rules import AUDITOR, PAYEE_APPROVER, PAYEE_EDITOR
from payments.runs.actions.create import create_payment
from payments.runs.rules import ROLE_NAMES
from shared import clock
from tests.payments.payees.master.desk import ABE, BODY, EDIE, MORAG, OTHER, Desk, staff
from tests.payments.runs.console import Console
from tests.payments.runs.world import GATEWAY, UNA, World

OpenConsole = Callable[..., Console]
FORM = {
    "name": "Hamish MacSpecimen",
    "account_type": "personal",
    "sort_code": "99-00-01",
    "account_number": "10000048",
}


def _now(desk: Desk) -> Desk:
    return replace(desk, now=clock.now())


def test_the_life_of_a_payee(console: OpenConsole, desk: Desk) -> None:
    editor, approver = console(EDIE), console(ABE)
    page = editor.get("/payments/payees")
    assert "There are no such payees." in page
    assert "this installation has no modulus weight tables" in page
    editor.get("/payments/payees/new")
    page = editor.post("/payments/payees/new", **FORM)
    assert "The change was proposed" in page
    assert "••••0048" in page
    assert "10000048" not in page
    assert "Unable to check" in page  # nobody listens at the responder's address
    assert "/confirm" not in page
    approver.get("/payments/payees/changes")
    link = re.search(r"/payments/payees/changes/[0-9a-f-]{36}", approver.html)
    assert link
    approver.get(link[0])
    page = approver.post(f"{link[0]}/confirm", reason="")
    assert "The change was confirmed." in page
    page = approver.get("/payments/payees?q=macspecimen")
    assert "1 payee" in page
    assert "In force" in page
    assert "Hamish MacSpecimen" in approver.get("/payments/payees?q=99-00-01 10000048")
    assert "There are no such payees." in approver.get("/payments/payees?q=99-00-01 10000049")


def test_a_look_at_whole_details_is_recorded(console: OpenConsole, desk: Desk) -> None:
    payee_id = _now(desk).make(replace(MORAG, email="morag@example.org"))
    one = console(ABE)
    page = one.get(f"/payments/payees/{payee_id}")
    assert "10000012" not in page
    assert "morag@example.org" not in page
    page = one.get(f"/payments/payees/{payee_id}/details")
    assert "10000012" in page
    assert "morag@example.org" in page
    with desk.database.transaction() as session:
        seen = session.execute(
            text("SELECT actor_id FROM audit_event WHERE action = 'payments.payee.details_seen'")
        ).scalars()
        assert list(seen) == [ABE.id]


def test_refusals_are_shown_and_change_nothing(console: OpenConsole, desk: Desk) -> None:
    desk = _now(desk)
    payee_id = desk.make()
    change_id = desk.propose(replace(MORAG, gl_code="1"), payee_id=payee_id)
    before = desk.look()
    editor = console(EDIE)
    editor.get("/payments/payees/new")
    page = editor.post("/payments/payees/new", name="", sort_code="1", account_number="x")
    assert editor.status == 422
    for field in ("name", "account_type", "sort_code", "account_number"):
        assert f'href="#{field}"' in page
    assert "<title>Error:" in page
    approver = console(ABE)
    approver.get(f"/payments/payees/changes/{change_id}")
    approver.post(f"/payments/payees/changes/{change_id}/reject", reject_reason="")
    assert approver.status == 422
    approver.get(f"/payments/payees/{payee_id}")
    page = approver.post(f"/payments/payees/{payee_id}/stop", owner="Me")
    assert approver.status == 422
    for field in ("code", "stop_reason", "review_on"):
        assert f'href="#{field}"' in page
    assert desk.look() == before


def test_stop_and_let_go_on_take_two_people(console: OpenConsole, desk: Desk) -> None:
    payee_id = _now(desk).make()
    first, second = console(ABE), console(staff("Ann", PAYEE_APPROVER))
    path = f"/payments/payees/{payee_id}"
    first.get(path)
    page = first.post(
        f"{path}/stop",
        code="deceased",
        stop_reason="Letter of the family",
        owner="Income team",
        review_on="2099-01-01",
    )
    assert "Payments to this payee are stopped." in page
    assert "lift_reason" not in page
    second.get(path)
    page = second.post(f"{path}/lift-stop", lift_reason="It was a namesake")
    assert "Payments to this payee can go on." in page
    assert "Letter of the family" in page


def test_a_change_shows_old_beside_new(console: OpenConsole, desk: Desk) -> None:
    desk = _now(desk)
    payee_id = desk.make()
    editor = console(EDIE)
    editor.get(f"/payments/payees/{payee_id}/change")
    page = editor.post(
        f"/payments/payees/{payee_id}/change",
        **(FORM | {"name": "Morag Fictional", "reason": "Rang back on the known number"}),
    )
    assert "••••0012" in page
    assert "••••0048" in page
    assert "Rang back on the known number" in page


def test_the_download_is_masked_and_no_formula(console: OpenConsole, desk: Desk) -> None:
    _now(desk).make(replace(MORAG, name="=HYPERLINK(1)", beneficiary="@child"))
    for actor, query, account in (
        (ABE, "", "••••0012"),
        (ABE, "?accounts=whole", "10000012"),
        (staff("Enid", "payments.enquiry"), "?accounts=whole", "••••0012"),
    ):
        answer = console(actor).client.get(f"/payments/payees/download{query}")
        rows = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
        assert [(row["name"], row["beneficiary"], row["account_number"]) for row in rows] == [
            ("'=HYPERLINK(1)", "'@child", account)
        ]


def test_doubles_are_found(console: OpenConsole, desk: Desk) -> None:
    desk = _now(desk)
    desk.make()
    desk.make(replace(MORAG, name="Somebody Else"), reason="Joint account")
    other = MORAG.details.__class__("990001", "10000024", "990001", "10000024", "as typed")
    desk.make(replace(MORAG, name="Fictional, Mrs Morag", details=other))
    page = console(ABE).get("/payments/payees/duplicates")
    assert "1 account" in page
    assert "1 name" in page
    assert page.count("Somebody Else") == 1
    assert "Fictional, Mrs Morag" in page


def test_another_body_sees_nothing(console: OpenConsole, desk: Desk) -> None:
    payee_id = _now(desk).make()
    other = console(OTHER)
    assert "There are no such payees." in other.get("/payments/payees")
    for path in ("", "/details", "/change"):
        other.get(f"/payments/payees/{payee_id}{path}")
        assert other.status == 404, path


SEES = {
    PAYEE_EDITOR,
    PAYEE_APPROVER,
    AUDITOR,
    "payments.uploader",
    "payments.approver",
    "payments.enquiry",
}
DETAILS = {PAYEE_EDITOR, PAYEE_APPROVER, AUDITOR}
GETS = {
    "/payments/payees": SEES,
    "/payments/payees/duplicates": SEES,
    "/payments/payees/download": SEES,
    "/payments/payees/{id}": SEES,
    "/payments/payees/{id}/details": DETAILS,
    "/payments/payees/{id}/change": {PAYEE_EDITOR},
    "/payments/payees/new": {PAYEE_EDITOR},
    "/payments/payees/import": {PAYEE_EDITOR},
    "/payments/payees/changes": DETAILS,
}
POSTS = {
    "/payments/payees/new": {PAYEE_EDITOR},
    "/payments/payees/import": {PAYEE_EDITOR},
    "/payments/payees/{id}/change": {PAYEE_EDITOR},
    "/payments/payees/{id}/stop": {PAYEE_EDITOR, PAYEE_APPROVER},
    "/payments/payees/{id}/lift-stop": {PAYEE_APPROVER},
    "/payments/payees/{id}/end-cooling-off": {PAYEE_APPROVER},
    "/payments/payees/changes/{none}/confirm": {PAYEE_APPROVER},
    "/payments/payees/changes/{none}/reject": {PAYEE_APPROVER},
    "/payments/payees/changes/{none}/withdraw": {PAYEE_EDITOR},
    "/payments/payees/imports/{none}/confirm": {PAYEE_APPROVER},
    "/payments/payees/imports/{none}/reject": {PAYEE_APPROVER},
}


@pytest.mark.parametrize("role", sorted(ROLE_NAMES))
def test_every_route_by_every_role(console: OpenConsole, desk: Desk, role: str) -> None:
    payee_id = _now(desk).make()
    one = console(staff("Role", role))
    token_page = next(iter(GETS))
    for path, roles in GETS.items():
        one.get(path.format(id=payee_id, none=uuid4()))
        assert (one.status == 403) == (role not in roles), path
    before = desk.look()
    for path, roles in POSTS.items():
        one.get(token_page)
        one.post(path.format(id=payee_id, none=uuid4()))
        assert (one.status == 403) == (role not in roles), path
    assert desk.look() == before


def test_a_standing_stop_holds_every_account_of_the_payee(desk: Desk) -> None:
    desk = _now(desk)
    payee_id = desk.make()
    with desk.database.transaction() as session:
        day = clock.now().date().replace(year=2099)
        stop_payee(session, payee_id, "fraud", "Police", "Audit", day, ABE, clock.now())
    with desk.database.transaction() as session:
        row = session.execute(text("SELECT organisation, is_stopped FROM payee")).one()
    assert tuple(row) == (BODY, True)


def test_a_payment_tells_of_changed_details_and_is_held(
    console: OpenConsole, desk: Desk, world: World
) -> None:
    desk = _now(desk)
    payee_id = desk.make(replace(MORAG, details=normalise("990001", "10000024")))
    desk.confirm(desk.propose(MORAG, payee_id=payee_id))
    with desk.database.transaction() as session:
        made = create_payment(
            session, world.desk, world.order(session), "key-1", GATEWAY, clock.now()
        )
        row = session.execute(text("SELECT hold_code, payee_id FROM payment")).one()
    assert (made.state, tuple(row)) == ("held", ("payee_cooling_off", payee_id))
    page = console(UNA).get(f"/payments/payments/{made.payment_id}")
    assert "Details changed on" in page
    assert f"/payments/payees/{payee_id}" in page
