"""Fields: each has its label, hint and error tied to it, and shows what was typed as text."""

import pytest

from tests.shared.web.html.rendering import has_class, only, render, render_macro

HOSTILE = '"><script>alert(1)</script>'
FIELDS = {
    "input": "input",
    "textarea": "textarea",
    "select": "select",
    "file_upload": "input",
}


def params_for(name: str, **more: object) -> dict[str, object]:
    params: dict[str, object] = {"id": "field", "name": "answer", "label": {"text": "Your answer"}}
    if name == "select":
        params["items"] = [{"value": "a", "text": "A"}, {"value": "b", "text": "B"}]
    return params | more


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_a_label_and_no_error_when_none_is_given(name: str) -> None:
    page = render_macro(name, params_for(name))
    field = only(page, f"//{FIELDS[name]}")
    assert only(page, "//label").get("for") == field.get("id") == "field"
    assert field.get("name") == "answer"
    assert field.get("aria-describedby") is None
    assert field.get("aria-invalid") is None
    assert not page.xpath(f"//*[{has_class('ds_question--error')}]")


@pytest.mark.parametrize("error", ["Enter it", {"text": "Enter it"}])
@pytest.mark.parametrize("name", FIELDS)
def test_hint_and_error_are_tied_to_the_field(name: str, error: object) -> None:
    page = render_macro(name, params_for(name, hint="As on the letter", errorMessage=error))
    field = only(page, f"//{FIELDS[name]}")
    described = field.get("aria-describedby").split()
    texts = [only(page, f"//*[@id='{part}']").text_content() for part in described]
    assert texts == ["As on the letter", "Error: Enter it"]
    assert field.get("aria-invalid") == "true"
    assert page.xpath(f"//*[{has_class('ds_question--error')}]")


@pytest.mark.parametrize("name", FIELDS)
def test_an_error_that_is_undefined_or_empty_is_no_error(name: str) -> None:
    source = (
        f'{{% from "components/{name}.html" import {name} %}}'
        f'{{{{ {name}({{"name": "answer", "label": "A", "items": [], "value": values.answer,'
        f' "errorMessage": errors.answer, "hint": {{"text": errors.answer}}}}) }}}}'
    )
    page = render(source, errors={}, values={})
    assert not page.xpath(f"//*[{has_class('ds_question__error-message')}]")
    assert only(page, f"//{FIELDS[name]}").get("aria-describedby") is None


@pytest.mark.parametrize("name", FIELDS)
def test_hostile_words_stay_words(name: str) -> None:
    page = render_macro(
        name,
        params_for(
            name,
            value=HOSTILE,
            label={"text": HOSTILE},
            hint={"html": HOSTILE},
            errorMessage=HOSTILE,
            attributes={"data-note": HOSTILE},
        ),
    )
    assert not page.xpath("//script")
    assert only(page, "//label").text_content() == HOSTILE
    assert only(page, f"//{FIELDS[name]}").get("data-note") == HOSTILE


def test_an_input_keeps_its_value_type_and_hints_for_keyboards() -> None:
    page = render_macro(
        "input",
        params_for(
            "input",
            value="a&b",
            type="email",
            autocomplete="email",
            inputmode="email",
            spellcheck=False,
            width=10,
        ),
    )
    field = only(page, "//input")
    wanted = {"value": "a&b", "type": "email", "autocomplete": "email", "spellcheck": "false"}
    assert wanted.items() <= dict(field.attrib).items()
    assert "ds_input--fixed-10" in field.get("class").split()


def test_a_prefix_is_shown_and_left_out_of_the_accessible_name() -> None:
    page = render_macro("input", params_for("input", prefix="£"))
    assert only(page, f"//*[{has_class('cl_affix')}]").get("aria-hidden") == "true"


def test_a_label_as_page_heading_is_the_only_h1() -> None:
    page = render_macro(
        "input", params_for("input", label={"text": "What is it?", "isPageHeading": True})
    )
    assert only(page, "//h1/label").text_content() == "What is it?"


@pytest.mark.parametrize("value", ["\nfirst line", "two\nlines", "<b>&amp;"])
def test_a_textarea_gives_back_exactly_what_was_typed(value: str) -> None:
    page = render_macro("textarea", params_for("textarea", value=value))
    # A browser drops the first line break after the tag (HTML, section 13.2.6.4.7); lxml keeps it.
    assert only(page, "//textarea").text == f"\n{value}"


def test_a_limit_is_said_in_words_and_cuts_nothing() -> None:
    page = render_macro("textarea", params_for("textarea", maxlength=1200))
    field = only(page, "//textarea")
    assert field.get("maxlength") is None
    assert field.get("aria-describedby") == "field-info"
    assert only(page, "//*[@id='field-info']").text == "You can enter up to 1200 characters"


def test_a_select_shows_the_chosen_value_even_when_it_is_a_number() -> None:
    items = [{"value": 1, "text": "One"}, {"value": 2, "text": "Two"}]
    page = render_macro("select", params_for("select", items=items, value="2"))
    assert only(page, "//option[@selected]").text == "Two"


def test_a_form_posts_with_the_token_and_without_the_browsers_own_checks() -> None:
    page = render(
        '{% from "components/form.html" import form %}'
        '{% call form({"action": "/save", "multipart": true}) %}<p>inside</p>{% endcall %}'
    )
    made = only(page, "//form")
    assert made.get("method") == "post"
    assert "novalidate" in made.attrib
    assert made.get("enctype") == "multipart/form-data"
    assert only(made, ".//input[@name='csrf_token']").get("value") == "a-token"
    assert only(made, ".//p").text == "inside"
