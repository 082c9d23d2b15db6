"""The catalogues of the pages' words: gathers them, and reads them for the pages.

Run as `python -m shared.web.translations update` after a template's or a refusal's words changed,
and `check` to be told whether that was forgotten. Catalogues are compiled in memory when they are
first read, so there is no compiled file that could be stale.
"""

import argparse
import functools
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import Translations

REPOSITORY = Path(__file__).resolve().parents[2]
CATALOGUES = Path(__file__).resolve().parent / "catalogues"
LANGUAGES = ("en", "gd")
FOLDERS = ("gateway", "identity", "notifications", "payments", "shared")
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
}

# Babel knows Gaelic's four classes for numbers of pages but not for its catalogues.
_PLURALS = {
    "en": "nplurals=2; plural=(n != 1);",
    "gd": "nplurals=4; plural=(n==1 || n==11) ? 0 : (n==2 || n==12) ? 1 : (n>2 && n<20) ? 2 : 3;",
}


def catalogue_file(language: str) -> Path:
    """Return where a language's catalogue lies, whether or not it is there."""
    return CATALOGUES / language / "LC_MESSAGES" / "messages.po"


@functools.cache
def load(language: str) -> Translations:
    """Return a language's translations; refuses a language that has no catalogue (KeyError)."""
    if language not in LANGUAGES:
        raise KeyError(language)
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return Translations(compiled, domain="messages")


def read_catalogue(language: str) -> Catalog:
    """Read a language's catalogue, which is empty with the right plural classes at first."""
    path = catalogue_file(language)
    if path.exists():
        with path.open("rb") as source:
            return read_po(source, locale=language)
    catalogue = Catalog(
        locale=language,
        header_comment="# Words of the pages; kept by shared/web/translations.py.",
        project="Clachan",
        version="1",
        msgid_bugs_address="Clachan",
        last_translator="Clachan",
        language_team=language,
        fuzzy=False,
    )
    catalogue.revision_date = catalogue.creation_date
    catalogue.mime_headers = [("Plural-Forms", _PLURALS[language])]
    return catalogue


def extract() -> Catalog:
    """Gather every sentence marked for translation in the services' templates and code."""
    with (CATALOGUES / "babel.cfg").open(encoding="utf-8") as source:
        methods, options = parse_mapping_cfg(source)  # type: ignore[no-untyped-call]
    template = Catalog(project="clachan", charset="utf-8", fuzzy=False)
    for folder in FOLDERS:
        found = extract_from_dir(
            REPOSITORY / folder, methods, options, KEYWORDS, comment_tags=("Translators:",)
        )
        for name, _, message, comments, context in found:
            template.add(
                message, None, [(f"{folder}/{name}", 0)], auto_comments=comments, context=context
            )
    return template


def update() -> None:
    """Bring every catalogue to the sentences that are in use, keeping what is translated."""
    template = extract()
    for language in LANGUAGES:
        catalogue = read_catalogue(language)
        template.creation_date = catalogue.creation_date
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        path = catalogue_file(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            write_po(target, catalogue, width=100, sort_by_file=True, include_lineno=False)


def stale() -> Iterator[str]:
    """Tell what `update` would change, one sentence per difference; nothing when all is fresh."""
    used = {message.id for message in extract() if message.id}
    for language in LANGUAGES:
        known = {message.id for message in read_catalogue(language) if message.id}
        yield from (f"{language}: not in the catalogue: {words}" for words in used - known)
        yield from (f"{language}: no longer used: {words}" for words in known - used)


def untranslated(language: str) -> list[str]:
    """Return the sentences that a language still shows in English."""
    missing = []
    for message in read_catalogue(language):
        words, forms = message.id, message.string
        if words and not all(forms if isinstance(forms, list | tuple) else [forms]):
            missing.append(words if isinstance(words, str) else words[0])
    return missing


def main(arguments: list[str]) -> int:
    """Do what the command line asks; answer 1 when `check` finds a stale catalogue."""
    parser = argparse.ArgumentParser(prog="python -m shared.web.translations")
    parser.add_argument("command", choices=("update", "check", "missing"))
    command = parser.parse_args(arguments).command
    if command == "update":
        update()
        return 0
    if command == "missing":
        sys.stdout.writelines(f"{words}\n" for words in untranslated("gd"))
        return 0
    differences = sorted(stale())
    sys.stdout.writelines(f"{difference}\n" for difference in differences)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
