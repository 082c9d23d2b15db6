"""Passwords that were found in breaches, looked up offline in files that the operator brings.

Either a folder with one file for each first five signs of a SHA-1 hash (``21BD1`` or
``21BD1.txt``, lines ``REST:COUNT``), or one file of sorted ``HASH:COUNT`` lines.
"""

import hashlib
from pathlib import Path

from identity.accounts.rules import check_new_password
from identity.accounts.settings import get_people_settings
from shared.errors import FieldError, Invalid

_PREFIX = 5
_HASH = 40


def check_password(password: str, email: str) -> str:
    """Return a new password that may be used, in NFKC; refuses others, naming ``password``.

    Beside what the rules refuse, this refuses what is in the operator's files.
    """
    plain = check_new_password(password, email)
    source = get_people_settings().breached_passwords
    if source is not None and is_breached(source, plain):
        raise Invalid(
            FieldError(
                "password",
                "This password was found in stolen data, so others know it. Choose another",
            )
        )
    return plain


def is_breached(source: Path, password: str) -> bool:
    """Tell whether a password is in a folder of prefix files or in one sorted file.

    Raises:
        OSError: the source is not there; the setting must name one that is.
    """
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    if source.is_dir():
        return _in_folder(source, digest)
    return _in_sorted_file(source, digest.encode())


def _in_folder(folder: Path, digest: str) -> bool:
    prefix, rest = digest[:_PREFIX], digest[_PREFIX:]
    for name in (prefix, f"{prefix}.txt"):
        path = folder / name
        if path.exists():
            lines = path.read_text(encoding="ascii").upper().splitlines()
            # A count of 0 is padding that the list's makers add.
            return any(line.startswith(rest) and not line.endswith(":0") for line in lines)
    return False


def _in_sorted_file(path: Path, digest: bytes) -> bool:
    with path.open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            file.seek(middle)
            if middle:
                file.readline()
            line = file.readline()
            if not line or line[:_HASH].upper() > digest:
                high = middle
            elif line[:_HASH].upper() == digest:
                return True
            else:
                low = middle + 1
    return _first_line(path, digest)


def _first_line(path: Path, digest: bytes) -> bool:
    with path.open("rb") as file:
        return file.readline()[:_HASH].upper() == digest
