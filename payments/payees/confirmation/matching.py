"""How names are compared (5.3); every decision names the rule that made it.

No bank publishes its rules. The simulated bank decides by these, and people are shown them beside
a real bank's answer; they never overrule it.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import OSA

Verdict = Literal["match", "close", "none"]

_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "miss",
        "ms",
        "mx",
        "dr",
        "prof",
        "professor",
        "rev",
        "reverend",
        "sir",
        "dame",
        "lord",
        "lady",
    ]
)
_SUFFIXES = frozenset(
    [
        "jnr",
        "jr",
        "junior",
        "snr",
        "sr",
        "senior",
        "obe",
        "mbe",
        "cbe",
        "kbe",
        "dbe",
        "qc",
        "kc",
        "esq",
    ]
)
_LEGAL_FORMS = re.compile(
    r"\b(?:limited|ltd|plc|llp|cic|scio|t a .*|trading as .*|public limited company)\b"
)
_DIMINUTIVES = (
    {"alexander", "alex", "alec", "sandy", "alasdair", "alastair"},
    {"andrew", "andy", "drew"},
    {"catherine", "katherine", "kathryn", "cathy", "kate", "katie", "catriona"},
    {"christine", "christina", "chris", "chrissie"},
    {"christopher", "chris", "kit"},
    {"daniel", "dan", "danny"},
    {"david", "dave", "davie"},
    {"donald", "don", "donnie"},
    {"elizabeth", "liz", "beth", "betty", "elspeth", "libby", "eilidh"},
    {"euan", "ewan", "ewen"},
    {"fiona", "fi"},
    {"hamish", "james", "jim", "jimmy", "jamie"},
    {"ian", "iain"},
    {"john", "jack", "iain"},
    {"margaret", "maggie", "peggy", "mairead", "meg"},
    {"michael", "mike", "mick"},
    {"robert", "rob", "bob", "bobby", "rab", "robbie"},
    {"stephen", "steven", "steve"},
    {"thomas", "tom", "tommy", "tam"},
    {"william", "will", "bill", "billy"},
)
_SHORT = 5


@dataclass(frozen=True)
class Decision:
    """A verdict and the rule behind it."""

    verdict: Verdict
    rule: str


def normalise(name: str) -> list[str]:
    """Return the words of a name without case, accents, punctuation, titles and suffixes."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = plain.replace("&", " and ").replace("+", " and ")
    plain = re.sub(r"['’`]", "", plain)
    plain = re.sub(r"[^a-z0-9]+", " ", plain)
    words = [word for word in plain.split() if word not in _TITLES | _SUFFIXES]
    return [_fold(word) for word in _join_prefixes(words)]


def _join_prefixes(words: list[str]) -> list[str]:
    """Return ``mac donald`` as one word, as ``MacDonald`` is."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in ("mc", "mac"):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _fold(word: str) -> str:
    if word == "saint":
        return "st"
    return re.sub(r"^mac(?=[a-z]{3})", "mc", word)


def within_edit_distance(one: str, other: str) -> bool:
    """Tell whether two words differ by a slip: one edit up to five letters, two beyond."""
    limit = 1 if max(len(one), len(other)) <= _SHORT else 2
    return OSA.distance(one, other, score_cutoff=limit) <= limit


def compare_personal(asked: str, held: str) -> Decision:
    """Compare a typed name with an account holder's: surname with surname, forenames likewise."""
    one, other = normalise(asked), normalise(held)
    if one == other and one:
        return Decision("match", "all names are equal")
    if sorted(one) == sorted(other) and one:
        return Decision("match", "the same names in another order")
    if min(len(one), len(other)) <= 1:
        return Decision("none", "a forename or surname is missing")
    if one[-1] == other[-1]:
        return _compare_forenames(one[:-1], other[:-1])
    if one[:-1] == other[:-1] and within_edit_distance(one[-1], other[-1]):
        return Decision("close", "forename equal, surname differs by a slip")
    return Decision("none", "the surname is another")


def _compare_forenames(one: list[str], other: list[str]) -> Decision:
    if one[0] == other[0]:
        return Decision("close", "surname and first forename equal, middle names differ")
    first, second = one[0], other[0]
    if 1 in (len(first), len(second)) and first[0] == second[0]:
        return Decision("close", "surname equal, forename is an initial")
    if any(first in group and second in group for group in _DIMINUTIVES):
        return Decision("close", "surname equal, forename is a known short form")
    if first in other[1:] or second in one[1:]:
        return Decision("close", "surname equal, forename is a middle name")
    if within_edit_distance(first, second):
        return Decision("close", "surname equal, forename differs by a slip")
    return Decision("none", "surname equal, forename is another")


def compare_business(asked: str, held: str) -> Decision:
    """Compare a typed name with a firm's, without the legal forms."""
    one, other = _distinctive(asked), _distinctive(held)
    if not one or not other:
        return Decision("none", "nothing to compare")
    if one == other:
        return Decision("match", "the names are equal without legal forms")
    shorter, longer = sorted((one, other), key=len)
    if longer[: len(shorter)] == shorter:
        return Decision("close", "one name is the beginning of the other")
    if len(one) == len(other):
        differing = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
        if len(differing) == 1 and within_edit_distance(*differing[0]):
            return Decision("close", "one word differs by a slip")
    return Decision("none", "a distinctive word is another")


def _distinctive(name: str) -> list[str]:
    return _LEGAL_FORMS.sub(" ", " ".join(normalise(name))).split()


def best_decision(kind: str, asked: str, holders: list[str]) -> tuple[Decision, str]:
    """Return the best decision over all holders of an account, and the holder it is about."""
    compare = compare_business if kind == "business" else compare_personal
    order = {"match": 0, "close": 1, "none": 2}
    decisions = [(compare(asked, holder), holder) for holder in holders]
    return min(decisions, key=lambda pair: order[pair[0].verdict])


def reason_code(verdict: Verdict, asked_type: str, held_type: str) -> str | None:
    """Return the scheme's code for a verdict and the two account types, None for a match."""
    if verdict == "none":
        return "ANNM"
    if asked_type == held_type:
        return None if verdict == "match" else "MBAM"
    business = held_type == "business"
    if verdict == "match":
        return "BANM" if business else "PANM"
    return "BAMM" if business else "PAMM"
