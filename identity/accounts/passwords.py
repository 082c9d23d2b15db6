"""Argon2id in a bounded pool: sign-ins queue for it, nothing else on the machine does."""

import os
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from identity.accounts.settings import get_people_settings
from shared.errors import Problem

_WAIT_SECONDS = 10
_RETRY_SECONDS = 30
_MARK = "$argon2id$"


class Pool:
    """Places for hashing and a queue before them; refuses when the queue is full or too slow."""

    def __init__(self, places: int, queue: int, *, wait_seconds: float = _WAIT_SECONDS) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._entries = threading.BoundedSemaphore(places + queue)
        self._wait_seconds = wait_seconds

    def __enter__(self) -> None:
        if not self._entries.acquire(blocking=False):
            raise _busy()
        if not self._places.acquire(timeout=self._wait_seconds):
            self._entries.release()
            raise _busy()

    def __exit__(self, *_: object) -> None:
        self._places.release()
        self._entries.release()


def _busy() -> Problem:
    return Problem(
        "busy",
        "Too many people are signing in at this moment",
        detail="Wait a minute, then try again.",
        status=503,
        retry_after_seconds=_RETRY_SECONDS,
    )


@cache
def _pool() -> Pool:
    settings = get_people_settings()
    return Pool(settings.password_places or max(1, os.cpu_count() or 1), settings.password_queue)


@cache
def _hasher() -> PasswordHasher:
    settings = get_people_settings()
    return PasswordHasher(
        time_cost=settings.password_passes,
        memory_cost=settings.password_memory_kib,
        parallelism=1,
    )


@cache
def _nobody() -> str:
    """Return the hash that is verified when there is none, so that answers take the same time."""
    return _hasher().hash("nobody has this password")


def hash_password(password: str) -> str:
    """Return the Argon2id hash (19 MiB, two passes); refuses with 503 when the pool is full.

    Call it outside a transaction: waiting for a place must not hold a connection.
    """
    with _pool():
        return _hasher().hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Tell whether the password belongs to the hash; takes as long when there is no hash."""
    is_hash = stored is not None and stored.startswith(_MARK)
    with _pool():
        try:
            _hasher().verify(stored if stored and is_hash else _nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
    return is_hash


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash was made with other parameters than those of today."""
    return stored.startswith(_MARK) and _hasher().check_needs_rehash(stored)
