import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.message_templates.rules import (
    find_template,
    load_templates,
    render,
    render_plain,
)
from shared.errors import Invalid

NAMES = (
    "identity.account_changed",
    "identity.account_exists",
    "identity.account_notice",
    "identity.one_time_code",
    "identity.request_waiting",
    "identity.staff_invitation",
    "identity.verified",
    "mailbox.new_message",
    "payments.remittance_advice",
)
SPOKEN = ("identity.phone_notice", "identity.spoken_code", "identity.text_code")


def test_every_promised_template_is_there() -> None:
    assert tuple(sorted(load_templates())) == tuple(sorted((*NAMES, *SPOKEN)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["en", "gd"])
def test_every_template_renders_in_both_languages(name: str, language: str) -> None:
    template = find_template(name)
    values = {value: f"value-of-{value}" for value in template.names}
    rendered = render(template, language, values)
    assert rendered.subject
    assert "((" not in rendered.subject + rendered.text + rendered.html
    assert all(value in rendered.text for value in values.values())
    assert all(value in rendered.html for value in values.values())
    assert f'lang="{language}"' in rendered.html


@pytest.mark.parametrize("name", SPOKEN)
@pytest.mark.parametrize("language", ["en", "gd"])
def test_texts_and_calls_are_one_line_without_a_footer(name: str, language: str) -> None:
    template = find_template(name)
    said = render_plain(template, language, dict.fromkeys(template.names, "914207"))
    assert "914207" in said
    assert "\n" not in said
    assert "--" not in said
    assert template.channels != ("email",)


def test_the_languages_differ() -> None:
    for template in map(find_template, NAMES):
        assert template.words["en"].subject != template.words["gd"].subject
        assert template.words["en"].paragraphs != template.words["gd"].paragraphs


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({}, {"personalisation.link", "personalisation.sender"}),
        ({"sender": "A"}, {"personalisation.link"}),
        ({"sender": "A", "link": "b", "body": "c"}, {"personalisation.body"}),
    ],
)
def test_missing_and_unknown_values_are_refused(values: dict[str, str], fields: set[str]) -> None:
    with pytest.raises(Invalid) as refused:
        render(find_template("mailbox.new_message"), "en", values)
    assert {fault.field for fault in refused.value.fields} == fields


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_value_never_becomes_markup(sender: str, link: str) -> None:
    template = find_template("mailbox.new_message")
    rendered = render(template, "en", {"sender": sender, "link": link})
    plain = render(template, "en", {"sender": "", "link": ""})
    assert re.findall(r"<(?!a |/a>)[^>]*>", rendered.html) == re.findall(
        r"<(?!a |/a>)[^>]*>", plain.html
    )
    assert rendered.html.count("<a ") <= 1
    assert "\n" not in rendered.subject


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", " https://x.test"])
def test_only_web_addresses_become_links(link: str) -> None:
    rendered = render(find_template("mailbox.new_message"), "en", {"sender": "A", "link": link})
    assert "<a " not in rendered.html


def test_a_value_cannot_start_a_link() -> None:
    rendered = render(
        find_template("identity.account_changed"), "en", {"what": "=> https://evil.example"}
    )
    assert "<a " not in rendered.html
