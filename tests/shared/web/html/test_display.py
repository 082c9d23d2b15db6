"""What is shown: summaries, tasks, tables, banners and ways around, with the right roles."""

from dataclasses import dataclass

import pytest
from markupsafe import Markup

from tests.shared.web.html.rendering import has_class, only, render, render_macro

HOSTILE = "<script>alert(1)</script>"


@dataclass
class Fault:
    field: str
    message: str


def test_the_error_summary_takes_the_focus_and_leads_to_each_field() -> None:
    faults = [Fault("email", "Enter your email"), Fault("", "Try again")]
    page = render_macro("error_summary", {"errorList": [*faults, {"text": "Odd", "href": "#x"}]})
    summary = only(page, "//*[@id='error-summary']")
    assert (summary.get("role"), summary.get("tabindex")) == ("alert", "-1")
    assert "autofocus" in summary.attrib
    assert only(page, f"//*[@id='{summary.get('aria-labelledby')}']").text == "There is a problem"
    links = [(link.get("href"), link.text) for link in summary.xpath(".//a")]
    assert links == [("#email", "Enter your email"), ("#x", "Odd")]
    assert [item.text_content() for item in summary.xpath(".//li")][1] == "Try again"


def test_no_errors_make_no_summary() -> None:
    assert not render_macro("error_summary", {"errorList": []}).xpath("*")


@pytest.mark.parametrize("name", ["tag", "button", "inset_text", "warning_text", "hint"])
def test_text_is_escaped_and_markup_is_kept(name: str) -> None:
    for params in ({"text": HOSTILE}, {"html": HOSTILE}):
        page = render_macro(name, params)
        assert not page.xpath("//script")
        assert HOSTILE in page.text_content()
    assert render_macro(name, {"html": Markup("<i>kept</i>")}).xpath("//i")


def test_a_button_submits_and_a_link_like_it_is_a_link() -> None:
    made = only(
        render_macro("button", {"text": "Continue", "name": "go", "value": "1"}), "//button"
    )
    assert (made.get("type"), made.get("name"), made.get("value")) == ("submit", "go", "1")
    link = only(render_macro("button", {"text": "Start", "href": "/start?a=1&b=2"}), "//a")
    assert link.get("href") == "/start?a=1&b=2"


def test_a_change_link_says_what_it_changes() -> None:
    page = render_macro(
        "summary_list",
        {
            "rows": [
                {
                    "key": {"text": "Name"},
                    "value": {"text": "Morag & co"},
                    "actions": {
                        "items": [{"href": "/name", "text": "Change", "visuallyHiddenText": "name"}]
                    },
                },
                {"key": "State", "value": "New"},
            ]
        },
    )
    assert [term.text for term in page.xpath("//dl/div/dt")] == ["Name", "State"]
    assert only(page, "//dd/ul/li/a").text_content() == "Change name"
    assert page.xpath("//dl/div/dd")[0].text == "Morag & co"


def test_a_task_is_described_by_its_hint_and_state() -> None:
    tasks = [
        {"title": "Prove who you are", "href": "/2", "hint": "Passport", "status": "In progress"},
        {"title": {"text": "Bank details"}, "status": {"text": "Cannot start yet"}},
        {"title": "Done", "href": "/1", "status": {"tag": {"text": "Late", "colour": "red"}}},
    ]
    page = render_macro("task_list", {"items": tasks, "idPrefix": "apply"})
    link = page.xpath("//a")[0]
    texts = [
        only(page, f"//*[@id='{part}']").text_content().strip()
        for part in link.get("aria-describedby").split()
    ]
    assert texts == ["Passport", "In progress"]
    assert len(page.xpath("//a")) == 2
    assert only(page, f"//*[{has_class('ds_tag--red')}]").text == "Late"


def test_a_table_scrolls_by_keyboard_under_its_caption() -> None:
    page = render_macro(
        "table",
        {
            "caption": "Payments",
            "firstCellIsHeader": True,
            "head": ["Payee", {"text": "Amount", "format": "numeric"}],
            "rows": [["Morag", {"text": "£1.00", "format": "numeric"}]],
        },
    )
    region = only(page, "//*[@role='region']")
    assert (region.get("tabindex"), region.get("aria-label")) == ("0", "Payments")
    assert only(region, "table/caption").text == "Payments"
    assert [cell.get("scope") for cell in page.xpath("//th")] == ["col", "col", "row"]
    assert "cl_numeric" in only(page, "//td").get("class")


@pytest.mark.parametrize(
    ("kind", "role"), [("success", "alert"), ("info", "region"), ("warning", "region")]
)
def test_a_banner_says_its_kind_in_words(kind: str, role: str) -> None:
    page = render_macro("notification_banner", {"type": kind, "titleText": "Saved", "text": "Ok"})
    banner = only(page, "//*[@role]")
    assert banner.get("role") == role
    title = only(page, f"//*[@id='{banner.get('aria-labelledby')}']").text_content()
    words = {"success": "Success", "info": "Information", "warning": "Warning"}
    assert title == f"{words[kind]}: Saved"


def test_pages_are_named_and_the_present_one_is_no_link() -> None:
    items = [{"number": 1, "href": "?page=1"}, {"number": 2, "current": True, "href": "?page=2"}]
    page = render_macro("pagination", {"items": items, "next": {"href": "?page=3"}})
    assert only(page, "//*[@aria-current='page']").text_content() == "Page 2"
    assert [link.get("href") for link in page.xpath("//a")] == ["?page=1", "?page=3"]
    assert only(page, "//nav").get("aria-label") == "Pages"


def test_a_confirmation_is_the_h1_with_the_reference() -> None:
    page = render_macro("confirmation", {"titleText": "Sent", "reference": "SWH-1"})
    assert only(page, "//h1").text == "Sent"
    assert only(page, "//strong").text == "SWH-1"


def test_a_search_reads_only() -> None:
    page = render_macro("search", {"action": "/s", "value": '"x"', "hidden": {"lang": "gd"}})
    form = only(page, "//form[@role='search']")
    assert form.get("method") == "get"
    assert only(form, ".//input[@type='search']").get("value") == '"x"'
    assert only(form, ".//label").get("for") == only(form, ".//input[@type='search']").get("id")
    assert only(form, ".//input[@type='hidden']").get("value") == "gd"


def test_ways_around_are_landmarks_with_names() -> None:
    crumbs = render_macro(
        "breadcrumbs", {"items": [{"text": "Home", "href": "/"}, {"text": "Here"}]}
    )
    assert only(crumbs, "//nav").get("aria-label") == "Breadcrumb"
    assert only(crumbs, "//*[@aria-current]").text == "Here"
    side = render_macro(
        "side_navigation",
        {"title": "Runs", "items": [{"text": "A", "href": "/a", "current": True}]},
    )
    assert only(side, "//nav").get("aria-label") == "Runs"
    assert only(side, "//a").get("aria-current") == "page"
    assert only(render_macro("back_link", {"href": "/b"}), "//nav/a").text == "Back"


def test_what_is_called_around_content_keeps_it() -> None:
    source = (
        '{% from "components/details.html" import details %}'
        '{% call details({"summaryText": "Why?"}) %}<p>Because.</p>{% endcall %}'
    )
    page = render(source)
    assert only(page, "//details/summary").text == "Why?"
    assert only(page, "//details/div/p").text == "Because."
