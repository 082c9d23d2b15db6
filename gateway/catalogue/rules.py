"""Turns what a person typed into the words that the search looks for (contract section 6.4)."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

MAX_QUERY_CHARACTERS = 200
MAX_WORDS = 12
_LONGEST_PHRASE = 3
_MISSPELT_FROM = 4
_WORD = re.compile(r"[a-z0-9]+")

# Words that stand in most questions and tell nothing about the service.
_NOISE = """
a about agus aig airson am an and ann anns any application apply are as at be been bit can
cannot cant claim council do does doing dont find for form from get getting give given go going
got had has have having help how i id if im in into is isnt it its ive just le like looking
make me mo mu much my na nam nan near need needs new of off on online or our out pay paying
please put report scotland service services should so some somebody someone something tell that
the their them there they this to too up us use want wanting was way we what when where which
who whose why will with would you your
"""
NOISE = frozenset(_NOISE.split())


@dataclass(frozen=True, slots=True)
class Terms:
    """A query made ready: each tuple is OR-ed, and holds letters and digits only."""

    whole: str
    words: tuple[str, ...]
    synonyms: tuple[str, ...]

    @property
    def spelt(self) -> tuple[str, ...]:
        """The words long enough to be worth looking for misspelt."""
        return tuple(word for word in self.words if len(word) >= _MISSPELT_FROM)


def fold(text: str) -> str:
    """Lower case without accents or apostrophes, so that 'Sgoil-àraich' matches 'araich'."""
    plain = unicodedata.normalize("NFKD", text.lower())
    kept = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return re.sub(r"['’]", "", kept)


def words_of(name: str) -> frozenset[str]:
    """The words of names and aliases that a misspelt word may stand for."""
    return frozenset(word for word in _WORD.findall(fold(name)) if len(word) >= _MISSPELT_FROM)


def terms_of(query: str, synonyms: Mapping[str, str]) -> Terms:
    """The words of a query without noise, and what they also mean.

    A query of noise alone keeps all its words. What is longer than 200 characters is cut.
    """
    found = _WORD.findall(fold(query[:MAX_QUERY_CHARACTERS]))
    telling = [word for word in found if word not in NOISE] or found
    words = tuple(dict.fromkeys(telling))[:MAX_WORDS]
    meant: dict[str, None] = {}
    for start in range(len(found)):
        for length in range(1, _LONGEST_PHRASE + 1):
            phrase = " ".join(found[start : start + length])
            meant.update(dict.fromkeys(synonyms.get(phrase, "").split()))
    also = tuple(word for word in meant if word not in words)
    return Terms(" ".join(found), words, also)
