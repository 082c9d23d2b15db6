"""Limits of signing in, and what a sign-in is worth; pure."""

from datetime import timedelta

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

LEVEL_POLICY = "gpg44-0.1"
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


def level_of(methods: tuple[str, ...]) -> str:
    """Return the protection level of a sign-in (GPG 44): two factors are medium, one is low."""
    return "medium" if {"pwd", "otp"} <= set(methods) else "low"


def clean_code(typed: str) -> str:
    """Return a typed code without the blanks and dashes that people put between digits."""
    return "".join(letter for letter in typed if letter not in " -\u00a0")


def device_name(user_agent: str) -> str:
    """Return what a person may recognise a browser by, empty when nothing is known."""
    device = next((name for name in _DEVICES if name in user_agent), "")
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    device = _SPOKEN.get(device, device)
    return " on ".join(part for part in (browser, device) if part)
