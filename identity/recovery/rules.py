"""The life of a change as one table of moves, and what a match of identity asks; pure."""

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from identity.safe.rules import claims_of

ChangeKind = Literal["email", "phone", "phone_removed", "password"]
ChangeState = Literal["waiting", "done", "stopped", "undone"]
MOVES: Mapping[tuple[ChangeState, str], ChangeState] = {
    ("waiting", "apply"): "done",
    ("waiting", "stop"): "stopped",
    ("done", "undo"): "undone",
}
# Password and emailed code count as one factor for this long after a recovery.
CAP = timedelta(hours=72)
# Nothing can be changed for this long after somebody said that it was not them.
FREEZE = timedelta(hours=72)
# The owner is told again this long before a waiting change happens.
REMINDER = timedelta(hours=24)
IDENTITY_TRIES = 3


def is_same_person(item: Mapping[str, object] | None, typed: Mapping[str, str]) -> bool:
    """Tell whether typed names and date of birth are those of a verified identity.

    Case, blanks, accents and signs in names do not count. No verified identity is no match.
    """
    claims = claims_of(item) if item is not None else {}
    if not claims:
        return False
    same_names = all(
        _fold(str(claims.get(name, ""))) == _fold(typed.get(name, "")) != ""
        for name in ("given_name", "family_name")
    )
    return same_names and str(claims.get("birth_date", "")) == typed.get("birth_date", "-")


def _fold(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum())
