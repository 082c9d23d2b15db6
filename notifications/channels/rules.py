"""What the answers of a mail server mean (RFC 5321, RFC 3463)."""

import re

from notifications.channels.provider import Receipt, Result

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")
_OK = range(200, 300)
_NO = range(500, 600)


def classify(code: int, words: bytes) -> Receipt:
    """Return what a reply means; keeps its numbers only, as its words may name people."""
    found = _ENHANCED.match(words.decode("ascii", "replace").strip())
    enhanced = found[0] if found else ""
    label = f"{code} {enhanced}".strip()
    if code in _OK:
        return Receipt(Result.ACCEPTED, label)
    if code not in _NO:
        return Receipt(Result.DEFERRED, label)
    if enhanced == "5.2.2" or enhanced.startswith("5.7."):
        return Receipt(Result.UNWILLING, label)
    return Receipt(Result.REFUSED, label)
