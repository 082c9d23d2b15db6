"""Templates of messages: data files in this folder, checked when read, filled without surprises.

The first word of a paragraph says what it is: ``^`` stands out, ``=>`` is a link, anything else is
text. That is read from the file and never from a value, so a value cannot become a link or markup.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml
from markupsafe import Markup, escape

from shared.errors import FieldError, Invalid

LANGUAGES = ("en", "gd")
EMAIL, SMS, VOICE = "email", "sms", "voice"
_HERE = Path(__file__).parent
_PLACEHOLDER = re.compile(r"\(\(([a-z_]+)\)\)")
_BLANKS = re.compile(r"\s+")
_VALUE_MAXIMUM = 2000
_KINDS = {"^ ": "standout", "=> ": "link"}
_PLAIN = {"standout": "    {}", "link": "{}", "text": "{}"}
# Mail programs ignore style sheets, so the few styles stand in the elements.
_RICH = {
    "standout": Markup(
        '<p style="font-size:28px;font-weight:bold;letter-spacing:2px;margin:24px 0">{}</p>'
    ),
    "link": Markup('<p style="margin:24px 0"><a href="{0}" style="color:#0065bd">{0}</a></p>'),
    "text": Markup('<p style="margin:0 0 16px">{}</p>'),
}
_FRAME = Markup(
    '<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{subject}</title>'
    '</head><body style="margin:0;padding:24px;font:18px/1.5 Roboto,Arial,sans-serif;'
    'color:#1a1a1a"><div style="max-width:36em">{body}'
    '<p style="border-top:1px solid #767676;padding-top:16px;color:#5e5e5e">{footer}</p>'
    "</div></body></html>"
)


@dataclass(frozen=True)
class Words:
    """A template in one language: subject and paragraphs with ``((names))`` to fill."""

    subject: str
    paragraphs: tuple[str, ...]
    footer: str


@dataclass(frozen=True)
class Template:
    """A named template; ``secret`` means that its values are forgotten once it is on its way."""

    name: str
    secret: bool
    names: frozenset[str]
    words: Mapping[str, Words]
    channels: tuple[str, ...] = (EMAIL,)


@dataclass(frozen=True)
class Rendered:
    """A message ready to be sent: subject, plain text and HTML of the same words."""

    subject: str
    text: str
    html: str


@lru_cache(maxsize=1)
def load_templates() -> Mapping[str, Template]:
    """Return every template by name; refuses a file whose languages ask for different values."""
    footers = _read(_HERE / "footer.yaml")
    return {
        path.stem: _make(path.stem, _read(path), footers) for path in sorted(_HERE.glob("*.*.yaml"))
    }


def find_template(name: str, channel: str = "") -> Template:
    """Return a template; refuses an unknown name and one for other channels, naming the field."""
    template = load_templates().get(name)
    if template is None or (channel and channel not in template.channels):
        raise Invalid(FieldError("template", "There is no template of this name"))
    return template


def check_personalisation(template: Template, values: Mapping[str, str]) -> None:
    """Refuse values that the template misses, does not know, or that are too long."""
    faults = [
        *(("Missing", name) for name in sorted(template.names - values.keys())),
        *(("Unknown", name) for name in sorted(values.keys() - template.names)),
        *(("Too long", name) for name in sorted(values) if len(values[name]) > _VALUE_MAXIMUM),
    ]
    if faults:
        raise Invalid(
            *(FieldError(f"personalisation.{name}", f"{fault}: {name}") for fault, name in faults)
        )


def render(template: Template, language: str, values: Mapping[str, str]) -> Rendered:
    """Return the message in a language, English where the template has no other.

    Refuses missing and unknown values.
    """
    check_personalisation(template, values)
    words = template.words.get(language, template.words["en"])
    subject = _BLANKS.sub(" ", _fill(words.subject, values)).strip()
    blocks = [(kind, _fill(source, values)) for kind, source in map(_kind, words.paragraphs)]
    plain = [_PLAIN[kind].format(filled) for kind, filled in blocks]
    rich = Markup("").join(_RICH[_safe(kind, filled)].format(filled) for kind, filled in blocks)
    html = _FRAME.format(language=language, subject=subject, body=rich, footer=escape(words.footer))
    return Rendered(subject, "\n\n".join([*plain, "--", words.footer]) + "\n", str(html))


def render_plain(template: Template, language: str, values: Mapping[str, str]) -> str:
    """Return the words of a text or a call: no subject, no footer, one line.

    Refuses missing and unknown values.
    """
    check_personalisation(template, values)
    words = template.words.get(language, template.words["en"])
    return _BLANKS.sub(" ", " ".join(_fill(part, values) for part in words.paragraphs)).strip()


def _read(path: Path) -> dict[str, object]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def _make(name: str, source: Mapping[str, object], footers: Mapping[str, object]) -> Template:
    words = {
        language: _words(source[language], str(footers[language]).strip()) for language in LANGUAGES
    }
    asked = {language: frozenset(_names(part)) for language, part in words.items()}
    if len(set(asked.values())) != 1:
        raise ValueError(f"the languages of {name} ask for different values: {asked}")
    listed = source.get("channels", [EMAIL])
    channels = tuple(map(str, listed)) if isinstance(listed, list) else ()
    return Template(name, bool(source.get("secret", False)), asked["en"], words, channels)


def _words(source: object, footer: str) -> Words:
    if not isinstance(source, dict):
        raise TypeError("a language of a template holds a subject and a body")
    paragraphs = (_BLANKS.sub(" ", part).strip() for part in str(source["body"]).split("\n\n"))
    return Words(str(source.get("subject", "")), tuple(filter(None, paragraphs)), footer)


def _names(words: Words) -> Iterator[str]:
    for part in (words.subject, *words.paragraphs):
        yield from _PLACEHOLDER.findall(part)


def _kind(paragraph: str) -> tuple[str, str]:
    for mark, kind in _KINDS.items():
        if paragraph.startswith(mark):
            return kind, paragraph.removeprefix(mark)
    return "text", paragraph


def _safe(kind: str, filled: str) -> str:
    """Return the kind to show a block as: only an address of the web becomes a link."""
    web = filled.startswith(("https://", "http://"))
    return "text" if kind == "link" and not web else kind


def _fill(source: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], source)
