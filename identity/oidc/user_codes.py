"""Codes that a person reads from a device and types here (RFC 8628, section 6.1); pure."""

import hashlib
import hmac
import secrets
import unicodedata

# No vowels, so no words; no letters that look like digits or like each other on a screen.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
LONGEST_TYPED = 64


def make_user_code() -> str:
    """Return a new code as it is shown, such as ``WDJB-MJHT``."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return show_user_code(letters)


def show_user_code(letters: str) -> str:
    """Return eight letters with the dash in the middle that makes them easier to read."""
    half = LENGTH // 2
    return f"{letters[:half]}-{letters[half:]}"


def clean_user_code(typed: str) -> str:
    """Return the letters of what was typed, empty where they cannot be a code.

    Case, blanks, dashes and full-width letters do not matter.
    """
    folded = unicodedata.normalize("NFKC", typed[:LONGEST_TYPED]).upper()
    letters = "".join(letter for letter in folded if letter.isalnum())
    is_code = len(letters) == LENGTH and set(letters) <= set(ALPHABET)
    return letters if is_code else ""


def hash_user_code(letters: str, key: bytes) -> bytes:
    """Return the keyed hash under which a code is kept; a plain one of so few could be undone."""
    return hmac.new(key, b"user code\0" + letters.encode(), hashlib.sha256).digest()
