"""What a letter is made of, and the fixed words that stand in every one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.clock import LONDON

FOLDER = Path(__file__).parent
TEMPLATES = frozenset(path.stem for path in FOLDER.glob("*.typ"))
_WORDS = {
    "en": {
        "reference": "Reference",
        "facts": "Your decision in short",
        "label": "What",
        "value": "Details",
        "page": "Page",
        "description": "Letter",
    },
    "gd": {
        "reference": "Iomradh",
        "facts": "Do cho-dhùnadh gu h-aithghearr",
        "label": "Dè",
        "value": "Mion-fhiosrachadh",
        "page": "Duilleag",
        "description": "Litir",
    },
}
_MONTHS = {
    "en": (
        *("January", "February", "March", "April", "May", "June", "July"),
        *("August", "September", "October", "November", "December"),
    ),
    "gd": (
        *("am Faoilleach", "an Gearran", "am Màrt", "an Giblean", "an Cèitean", "an t-Ògmhios"),
        *("an t-Iuchar", "an Lùnastal", "an t-Sultain", "an Dàmhair", "an t-Samhain"),
        "an Dùbhlachd",
    ),
}


@dataclass(frozen=True)
class Letter:
    """What a letter says, from whom and to whom."""

    template: str
    language: str
    title: str
    sender_name: str
    recipient_name: str
    recipient_address: Sequence[str]
    reference: str
    paragraphs: Sequence[str]
    facts: Sequence[tuple[str, str]]
    written_at: datetime


def contents_of(letter: Letter) -> dict[str, object]:
    """Return what a letter's template is given, in the letter's language and Scotland's time."""
    day = letter.written_at.astimezone(LONDON)
    return {
        "language": letter.language,
        "words": _WORDS[letter.language],
        "title": letter.title,
        "sender_name": letter.sender_name,
        "recipient_name": letter.recipient_name,
        "recipient_address": list(letter.recipient_address),
        "reference": letter.reference,
        "paragraphs": list(letter.paragraphs),
        "facts": [{"label": label, "value": value} for label, value in letter.facts],
        "date": f"{day.day} {_MONTHS[letter.language][day.month - 1]} {day.year}",
        "year": day.year,
        "month": day.month,
        "day": day.day,
    }
