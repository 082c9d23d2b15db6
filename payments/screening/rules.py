"""Names against names: how they are made comparable, and when two are possibly one."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from rapidfuzz import fuzz

# Holds that only the screening page ends, by a person who did not send the payment.
POSSIBLE_MATCH = "possible_match"
CONFIRMED_MATCH = "confirmed_match"
NOT_SCREENED = "not_screened"
SCREENING_HOLDS = frozenset({POSSIBLE_MATCH, CONFIRMED_MATCH, NOT_SCREENED})
# What people who pay are told; the payee is told nothing.
HOLD_REASONS = {
    POSSIBLE_MATCH: "Held for a check of the payee's name. An approver decides it.",
    CONFIRMED_MATCH: "Stopped by a check of the payee's name.",
    NOT_SCREENED: "The name was not screened: no sanctions list is loaded.",
}
_TITLES = frozenset(
    (
        *("mr", "mrs", "miss", "ms", "mx", "dr", "prof", "professor", "rev", "sir", "dame"),
        *("lord", "lady", "jnr", "jr", "snr", "sr", "obe", "mbe", "cbe"),
    )
)
_LEGAL_FORMS = frozenset(
    [
        "ltd",
        "limited",
        "plc",
        "llp",
        "cic",
        "scio",
        "inc",
        "corp",
        "llc",
        "gmbh",
        "sa",
        "co",
        "company",
    ]
)
_NOT_LETTERS = re.compile(r"[^a-z0-9 ]+")
# Soundex groups, with vowels and h, w, y left out: spellings of one sound fall together.
_SOUNDS = str.maketrans("bfpvcgjkqsxzdtlmnr", "111122222222334556", "aeiouhwy")
_KEY_LENGTH = 4
_LONG_NAME = 6
_COMMON = 2


def plain_name(name: str) -> str:
    """Return a name without accents, punctuation, titles and legal forms, in small letters."""
    if not name.isascii():
        apart = unicodedata.normalize("NFKD", name)
        name = "".join(sign for sign in apart if not unicodedata.combining(sign))
    words = _NOT_LETTERS.sub(" ", name.lower().replace("'", "").replace("&", " and ")).split()
    kept = [word for word in words if word not in _TITLES and word not in _LEGAL_FORMS]
    return " ".join(kept or words)


@lru_cache(maxsize=100_000)
def sound_key(word: str) -> str:
    """Return what words that sound alike have in common: the first letter and three sounds."""
    sounds = word[1:].translate(_SOUNDS)
    key = word[0]
    for sound in sounds:
        if sound != key[-1]:
            key += sound
    return key[:_KEY_LENGTH]


@dataclass(frozen=True)
class ListedName:
    """One name of one entry of the list."""

    entry_id: str
    entry_sha256: bytes
    name: str
    kind: str


@dataclass(frozen=True)
class Match:
    """A name that is possibly meant, and how alike the two are, from 0 to 100."""

    entry_id: str
    entry_sha256: str
    name: str
    kind: str
    score: int


class NameIndex:
    """Finds the listed names that a payee's name may mean, without comparing it with every one.

    A candidate shares the sound of two words with the payee, in any order; only candidates are
    scored. A listed name of one word is compared with payees of one word, and where it is long
    with each word of the others.
    """

    def __init__(self, names: Iterable[ListedName], score: int) -> None:
        self._names = list(names)
        self._plain = [plain_name(one.name) for one in self._names]
        self._score = score
        self._several: dict[str, set[int]] = defaultdict(set)
        self._single: dict[str, set[int]] = defaultdict(set)
        for position, plain in enumerate(self._plain):
            words = plain.split()
            if not words:
                continue
            keys = {sound_key(word) for word in words}
            group = self._several if len(keys) >= _COMMON else self._single
            for key in keys:
                group[key].add(position)

    def __len__(self) -> int:
        return len(self._names)

    def find(self, name: str) -> list[Match]:
        """Return the possible matches of a name, best first, one for each entry."""
        plain = plain_name(name)
        words = plain.split()
        keys = {sound_key(word) for word in words}
        several, candidates = self._several, set()
        lists = [several[key] for key in keys if key in several]
        for one, other in combinations(lists, _COMMON):
            candidates |= one & other
        scored = [
            (self._compare(plain, self._plain[position]), position) for position in candidates
        ]
        scored += self._find_single(plain, words, keys)
        best: dict[str, Match] = {}
        for score, position in sorted(scored, reverse=True):
            one_name = self._names[position]
            if score < self._score or one_name.entry_id in best:
                continue
            best[one_name.entry_id] = Match(
                one_name.entry_id,
                one_name.entry_sha256.hex(),
                one_name.name,
                one_name.kind,
                score,
            )
        return list(best.values())

    @staticmethod
    def _compare(name: str, listed: str) -> int:
        """Return how alike two names are: as a whole, or the shorter in the other."""
        one, other = sorted((name.split(), listed.split()), key=len)
        if len(one) < _COMMON or len(one) == len(other):
            return round(fuzz.token_sort_ratio(name, listed))
        letters = sum(map(len, one))
        found = sum(max(fuzz.ratio(word, far) for far in other) * len(word) for word in one)
        return round(max(fuzz.token_sort_ratio(name, listed), found / letters))

    def _find_single(self, plain: str, words: list[str], keys: set[str]) -> list[tuple[int, int]]:
        found = []
        for key in keys:
            for position in self._single.get(key, ()):
                listed = self._plain[position]
                if len(words) == 1:
                    found.append((round(fuzz.ratio(plain, listed)), position))
                elif len(listed) >= _LONG_NAME:
                    score = max(fuzz.ratio(word, listed) for word in words)
                    found.append((round(score), position))
        return found
