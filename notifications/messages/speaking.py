"""What texts and calls say: a code is read aloud digit by digit."""

from collections.abc import Mapping

from notifications.message_templates.rules import VOICE, find_template, render_plain

_DIGITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "gd": ("neoni", "aon", "dhà", "trì", "ceithir", "còig", "sia", "seachd", "ochd", "naoi"),
}
_SPELT = "code"


def say(channel: str, template: str, language: str, values: Mapping[str, str]) -> str:
    """Return the words of a text, or of a call with the digits of its code as words."""
    said = dict(values)
    if channel == VOICE and _SPELT in said:
        said[_SPELT] = spell(said[_SPELT], language)
    return render_plain(find_template(template), language, said)


def spell(code: str, language: str) -> str:
    """Return a code as a person would read it aloud, with a pause after each digit."""
    words = _DIGITS.get(language, _DIGITS["en"])
    return ", ".join(
        words[int(sign)] if sign.isascii() and sign.isdigit() else sign for sign in code
    )
