"""Radios, check boxes and dates: groups with a legend, options with labels, errors in place."""

import pytest
from markupsafe import Markup

from tests.shared.web.html.rendering import only, render_macro

KINDS = {"radios": "radio", "checkboxes": "checkbox"}
ITEMS = [
    {"value": "email", "text": "Email", "hint": "We answer within a day"},
    {"value": "phone", "text": "Phone <b>"},
    {"divider": "or"},
    {"value": "none", "text": "Neither"},
]


def choice(name: str, **more: object) -> dict[str, object]:
    return {
        "name": "contact",
        "fieldset": {"legend": {"text": "How should we write?"}},
        "items": ITEMS,
    } | more


@pytest.mark.parametrize("name", KINDS)
def test_each_option_has_its_own_label_and_the_first_takes_the_groups_id(name: str) -> None:
    page = render_macro(name, choice(name))
    options = page.xpath(f"//input[@type='{KINDS[name]}']")
    assert [option.get("id") for option in options] == ["contact", "contact-2", "contact-4"]
    labels = [only(page, f"//label[@for='{option.get('id')}']") for option in options]
    assert [label.text_content() for label in labels] == ["Email", "Phone <b>", "Neither"]
    assert only(page, "//fieldset/legend").text == "How should we write?"
    assert options[0].get("aria-describedby") == "contact-hint"
    assert "checked" not in options[0].attrib


@pytest.mark.parametrize("name", KINDS)
def test_the_groups_error_is_tied_to_the_fieldset(name: str) -> None:
    page = render_macro(name, choice(name, hint="Choose one", errorMessage="Choose how"))
    described = only(page, "//fieldset").get("aria-describedby").split()
    texts = [page.xpath(f"//*[@id='{part}']")[0].text_content() for part in described]
    assert texts == ["Choose one", "Error: Choose how"]


def test_one_radio_is_chosen_by_value() -> None:
    page = render_macro("radios", choice("radios", value="phone"))
    assert only(page, "//input[@checked]").get("value") == "phone"


def test_no_radio_is_chosen_for_no_value() -> None:
    items = [{"value": "", "text": "Nothing"}, {"value": "None", "text": "None"}]
    page = render_macro("radios", choice("radios", items=items, value=None))
    assert not page.xpath("//input[@checked]")


def test_several_boxes_are_chosen_by_values() -> None:
    page = render_macro("checkboxes", choice("checkboxes", values=["email", "none"]))
    assert [box.get("value") for box in page.xpath("//input[@checked]")] == ["email", "none"]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_conditional_stands_behind_its_option(name: str) -> None:
    items = [{"value": "x", "text": "X", "conditional": {"html": Markup("<i>more</i>")}}]
    page = render_macro(name, choice(name, items=items))
    assert only(page, "//input/ancestor::div[2]/div[contains(@class, 'cl_conditional')]/i").text


def test_a_date_is_one_group_of_three_numbers() -> None:
    page = render_macro(
        "date_input",
        {
            "id": "born",
            "namePrefix": "born",
            "fieldset": {"legend": {"text": "Date of birth"}},
            "values": {"day": "27", "year": "1967"},
            "errorMessage": "Enter a month",
            "errorFields": ["month"],
            "autocomplete": "bday",
        },
    )
    parts = page.xpath("//input")
    assert [part.get("name") for part in parts] == ["born-day", "born-month", "born-year"]
    assert [part.get("value") for part in parts] == ["27", None, "1967"]
    assert [part.get("aria-invalid") for part in parts] == [None, "true", None]
    assert {part.get("inputmode") for part in parts} == {"numeric"}
    assert parts[0].get("autocomplete") == "bday-day"
    assert [only(page, f"//label[@for='{part.get('id')}']").text for part in parts] == [
        "Day",
        "Month",
        "Year",
    ]
    assert only(page, "//fieldset").get("aria-describedby") == "born-error"


def test_a_date_in_gaelic_names_its_parts_in_gaelic() -> None:
    page = render_macro("date_input", {"namePrefix": "born", "fieldset": {"legend": "x"}}, "gd")
    assert [label.text for label in page.xpath("//label")] == ["Là", "Mìos", "Bliadhna"]


def test_a_legend_as_page_heading_is_the_only_h1() -> None:
    legend = {"text": "Do you rent?", "isPageHeading": True}
    page = render_macro("radios", choice("radios", fieldset={"legend": legend}))
    assert only(page, "//fieldset/legend/h1").text == "Do you rent?"
