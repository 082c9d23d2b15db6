"""Argon2id in a bounded pool: sign-ins queue for it, nothing else on the machine does."""

import os
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.errors import Problem

_MEMORY_KIB = 19 * 1024
_WAIT_SECONDS = 10
_hasher = PasswordHasher(time_cost=2, memory_cost=_MEMORY_KIB, parallelism=1)
# Verified when there is no account, so that both answers take the same time.
_NOBODY = _hasher.hash("nobody has this password")
_places = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))


class _Place:
    """One place in the pool; refuses when none comes free in time."""

    def __enter__(self) -> None:
        if not _places.acquire(timeout=_WAIT_SECONDS):
            raise Problem(
                "busy",
                "Too many people are signing in at this moment",
                detail="Wait a minute, then try again.",
                status=503,
            )

    def __exit__(self, *_: object) -> None:
        _places.release()


def hash_password(password: str) -> str:
    """Return the Argon2id hash (19 MiB, two passes); refuses with 503 when the pool is full.

    Call it outside a transaction: waiting for a place must not hold a connection.
    """
    with _Place():
        return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Tell whether the password belongs to the hash; takes as long when there is no hash."""
    with _Place():
        try:
            _hasher.verify(stored or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None
