"""The console's navigation: sections, and the pages of the section one is in."""

import pytest
from starlette.requests import Request

from payments.runs.access import Staff, navigation_of, section_of
from payments.runs.rules import AUDITOR, CONFIRMATION_OF_PAYEE, UPLOADER


def navigation(path: str, *roles: str) -> dict[str, list[dict[str, object]]]:
    request = Request({"type": "http", "method": "GET", "path": path, "headers": []})
    staff = Staff("p", "Una", "strathclachan", frozenset(roles), ("strathclachan",))
    request.state.staff = staff
    return navigation_of(request)  # type: ignore[return-value]  # lists of entries


@pytest.mark.parametrize(
    ("path", "section"),
    [
        ("/payments/", "Today"),
        ("/payments/choose-body", "Today"),
        ("/payments/runs/x", "Payments"),
        ("/payments/confirmation-of-payee", "Payees"),
        ("/payments/reconciliation/report", "Reconciliation"),
    ],
)
def test_a_page_belongs_to_a_section(path: str, section: str) -> None:
    assert section_of(path) == section


def test_the_section_and_the_page_that_one_is_on_are_marked_once() -> None:
    shown = navigation("/payments/runs/0192", UPLOADER)
    assert [one["text"] for one in shown["navigation"] if one["current"]] == ["Payments"]
    assert [one["href"] for one in shown["subnavigation"] if one["current"]] == ["/payments/runs"]


def test_a_section_leads_to_the_first_page_that_the_role_may_see() -> None:
    shown = navigation("/payments/confirmation-of-payee", CONFIRMATION_OF_PAYEE)
    assert {one["text"] for one in shown["navigation"]} >= {"Payees"}
    assert all(one["text"] != "Payments" for one in shown["navigation"])


def test_an_auditor_sees_every_section_about_money() -> None:
    names = {one["text"] for one in navigation("/payments/", AUDITOR)["navigation"]}
    assert {"Today", "Payments", "Reconciliation", "Ledger"} <= names


def test_nobody_without_a_role_gets_any_navigation() -> None:
    request = Request({"type": "http", "method": "GET", "path": "/payments/", "headers": []})
    assert navigation_of(request) == {}
