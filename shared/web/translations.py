"""Gathers the sentences of every service's pages into the catalogues.

Run as `python -m shared.web.translations update` after a template's or a refusal's words changed,
`check` to be told whether that was forgotten, and `missing` for what has no Gaelic yet.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import write_po

from shared.web.language import CATALOGUES, LANGUAGES, catalogue_file, read_catalogue

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("gateway", "identity", "notifications", "payments", "shared")
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "translate": None,
    "translate_plural": (1, 2),
}


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
