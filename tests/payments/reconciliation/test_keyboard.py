"""Every act at the desk is a control of the page that a key reaches, and the page says which."""

import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from payments.reconciliation.work.actions import Part, match_line
from tests.payments.bank.bank_day import BankDay
from tests.payments.reconciliation.statements import Entry
from tests.payments.reconciliation.test_desk import MORAG, expect, lines, on_desk, person, upload
from tests.payments.runs.console import Console

Open = Callable[..., Console]
ACTS = {"check", "match", "suspense", "write_off", "note", "ask", "take", "due", "undo"}


class Page(HTMLParser):
    """The controls of a page, its keys, and in which boxes its tables are."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.acts: set[str] = set()
        self.keys: list[str] = []
        self.fields: list[str] = []
        self.labels: set[str] = set()
        self.unboxed = 0
        self.steering: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "div":
            self._open.append(found.get("class", ""))
        if tag == "table" and not any("cl_table-scroll" in one for one in self._open):
            self.unboxed += 1
        if tag == "button" and found.get("name") == "do":
            self.acts.add(found["value"])
        if "accesskey" in found:
            self.keys.append(found["accesskey"].upper())
        if int(found.get("tabindex", "0")) > 0 or "onclick" in found:
            self.steering.append(tag)
        if tag in ("input", "select", "textarea") and found.get("type") != "hidden":
            self.fields.append(found.get("id", ""))
        if tag == "label":
            self.labels.add(found.get("for", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._open:
            self._open.pop()


@pytest.fixture
def half_matched(day: BankDay) -> str:
    """Return the page of a line of which a person matched a part."""
    rent = expect(day, 6_000, "RENT-000017")
    expect(day, 3_900, "RENT-000018")
    upload(
        day,
        1,
        500_000,
        Entry(9_900, reference="RENT-000018"),
        Entry(44, reference="SOMETHING"),
    )
    line = lines(day)[0]
    part = [Part("expected_item", rent, 6_000)]
    on_desk(day, MORAG, lambda desk: match_line(desk, line, part, ""))
    return f"/payments/reconciliation/lines/{line}"


def test_every_act_has_its_control_and_every_key_its_hint(console: Open, half_matched: str) -> None:
    html = console(MORAG).get(half_matched)
    page = Page(html)
    assert page.acts == ACTS
    assert Counter(page.keys).most_common(1)[0][1] == 1
    hinted = re.findall(r"<kbd>([A-Z])</kbd>", html)
    assert sorted(hinted) == sorted(page.keys) == sorted("NPCMSOWKTDUR")


def test_no_control_is_without_its_label_and_none_steers_the_focus(
    console: Open, half_matched: str
) -> None:
    page = Page(console(MORAG).get(half_matched))
    assert page.steering == []
    assert set(page.fields) <= page.labels
    assert len(set(page.fields)) == len(page.fields)


def test_tables_of_the_desk_scroll_in_boxes_of_their_own(console: Open, half_matched: str) -> None:
    desk = console(MORAG)
    for where in (
        half_matched,
        "/payments/reconciliation/exceptions",
        "/payments/reconciliation/approvals",
        "/payments/reconciliation/awaited",
    ):
        html = desk.get(where)
        assert Page(html).unboxed == 0
        assert 'name="viewport"' in html


def test_the_list_leads_to_its_first_line_by_key(console: Open, half_matched: str) -> None:
    html = console(MORAG).get("/payments/reconciliation/exceptions")
    found = re.search(r'href="(/payments/reconciliation/lines/[^"]+)" accesskey="n"', html)
    assert found is not None
    assert Page(html).keys == ["N"]
    assert half_matched


def test_who_only_looks_has_no_keys_for_acts(console: Open, half_matched: str) -> None:
    html = console(person("una", "auditor")).get(half_matched)
    assert Page(html).acts == set()
    assert "<kbd>" not in html
