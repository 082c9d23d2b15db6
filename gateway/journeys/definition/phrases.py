"""Words of a definition in the reader's language, marked where they are in another one."""

import re
from collections.abc import Mapping
from typing import Self

from markupsafe import Markup, escape

from gateway.journeys.definition.model import Texts

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Phrase(str):
    """Words that know their language; in a template a foreign one carries ``lang``."""

    __slots__ = ("_lang",)
    _lang: str

    def __new__(cls, words: str, foreign_language: str = "") -> Self:
        """Return the words; ``foreign_language`` is empty where it is the page's own."""
        phrase = super().__new__(cls, words)
        phrase._lang = foreign_language
        return phrase

    @property
    def plain(self) -> str:
        """Return the words alone, for a page title or an attribute."""
        return str.__str__(self)[:]

    def __html__(self) -> str:
        words = escape(self.plain)
        if not self._lang:
            return str(words)
        return str(Markup('<span lang="{}">{}</span>').format(self._lang, words))


class Speaker:
    """Says the texts of one definition in one language, with English where that is missing."""

    def __init__(self, language: str, values: Mapping[str, str] | None = None) -> None:
        self.language = language
        self._values = dict(values or {})

    def say(self, texts: Texts | None) -> Phrase:
        """Return the words of a text, empty for none; placeholders are filled in."""
        if texts is None:
            return Phrase("")
        words: Mapping[str, str] = {str(name): said for name, said in texts.root.items()}
        chosen = self.language if self.language in words else next(iter(words))
        foreign = "" if chosen == self.language else chosen
        return Phrase(fill(words[chosen], self._values), foreign)

    def mark(self, words: str, language: str) -> Phrase:
        """Return words that are in a known language."""
        return Phrase(words, "" if language == self.language else language)


def fill(words: str, values: Mapping[str, str]) -> str:
    """Replace ``{name}`` by its value; a name without one stays as it is written."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), words)


def placeholders(words: str) -> frozenset[str]:
    """Return the names that stand in braces."""
    return frozenset(_PLACEHOLDER.findall(words))
