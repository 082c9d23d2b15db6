"""The languages of the pages and their catalogues, read when first needed.

A catalogue is compiled in memory, so there is no compiled file that could be stale.
"""

import functools
import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

CATALOGUES = Path(__file__).resolve().parent / "catalogues"
LANGUAGES = {"en": "English", "gd": "Gàidhlig"}

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
