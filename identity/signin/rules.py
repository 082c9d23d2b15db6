"""Limits of signing in, and what a sign-in is worth; pure."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from identity.signin.levels import LEVELS

CODE_DIGITS = 6
CODE_MINUTES = 15
CODE_TRIES = 5
CODES_AN_HOUR = 5
CODE_LIFE = timedelta(minutes=CODE_MINUTES)
# A person who comes back to an old page may ask for a new code for this long.
ATTEMPT_LIFE = timedelta(hours=24)
HOUR = timedelta(hours=1)

PASSWORD_TRIES = 5
PASSWORD_PAUSE = timedelta(minutes=30)

SESSION_IDLE = timedelta(hours=1)
SESSION_LIFE = timedelta(hours=4)
# A session's last use is written down at most this often, so that reading pages stays cheap.
SESSION_STEP = timedelta(minutes=1)

# A second factor follows the password within this time; a code by email may be asked for longer.
PASSWORD_PROOF = timedelta(minutes=30)
# A factor other than an emailed code, whose tries its attempt counts: wrong tries, then a pause.
FACTOR_TRIES = 5
FACTOR_PAUSE = timedelta(minutes=30)

ACCOUNT_PATH = "/identity/account"
_OWN_PAGE = re.compile(
    r"/identity/(account|console|requests)(/[A-Za-z0-9_-]+)*(\?[A-Za-z0-9_=&-]*)?"
)
_SHORT_LOCAL = 2
_FACTOR_WORDS = {
    "password": "Password",
    "email_code": "A code by email",
    "totp": "A code from your authenticator app",
    "totp_unproven": "A code from your authenticator app",
    "sms_code": "A code by text message",
    "voice_code": "A code by phone call",
    "backup_code": "A backup code",
    "passkey_bound": "A passkey",
    "passkey_synced": "A passkey",
    "passkey_unproven": "A passkey",
    "recovery": "Recovery of the account",
    "organisation": "Your organisation",
    "organisation_two_factors": "Your organisation",
}
_DEVICES = ("iPhone", "iPad", "Android", "Windows", "Macintosh", "CrOS", "Linux")
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SPOKEN = {"Macintosh": "Mac", "CrOS": "Chromebook", "Android": "Android device"}


def is_level_enough(session_level: str, wanted: str) -> bool:
    """Tell whether a session's level reaches a wanted one; a level nobody knows is never reached.

    Both are GPG 44's `low`, `medium` or `high`.
    """
    if session_level not in LEVELS or wanted not in LEVELS:
        return False
    return LEVELS.index(session_level) >= LEVELS.index(wanted)


def is_fresh(authenticated_at: datetime, minutes: int, now: datetime) -> bool:
    """Tell whether a person proved who they are so recently that a change may be trusted."""
    return now - authenticated_at <= timedelta(minutes=minutes)


def check_next(path: str) -> str:
    """Return where a person goes on: a page of ours for who is signed in, or the account."""
    return path if _OWN_PAGE.fullmatch(path) else ACCOUNT_PATH


def name_factors(factors: Iterable[str]) -> list[str]:
    """Return what people call the factors of a session, each once."""
    return list(dict.fromkeys(_FACTOR_WORDS[factor] for factor in factors))


def mask_email(email: str) -> str:
    """Return an address that its owner knows and nobody else learns: `m…g@person.example`."""
    local, _, host = email.partition("@")
    shown = f"{local[0]}…{local[-1]}" if len(local) > _SHORT_LOCAL else f"{local[:1]}…"
    return f"{shown}@{host}"


def clean_code(typed: str) -> str:
    """Return a typed code without the blanks and dashes that people put between digits."""
    return "".join(letter for letter in typed if letter not in " -\u00a0")


def device_name(user_agent: str) -> str:
    """Return what a person may recognise a browser by, empty when nothing is known."""
    device = next((name for name in _DEVICES if name in user_agent), "")
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    device = _SPOKEN.get(device, device)
    return " on ".join(part for part in (browser, device) if part)
