"""A value kept in process memory until its version in the database moves."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

Loaded = TypeVar("Loaded")

_CHECK_SECONDS = 5.0
_EAGER_SECONDS = 0.2
_VERSION = text("SELECT coalesce(max(version), 0) FROM cache_version WHERE name = :name")
_BUMP = text(
    """
    INSERT INTO cache_version (name, version) VALUES (:name, 1)
    ON CONFLICT (name) DO UPDATE SET version = cache_version.version + 1
    """
)


def bump_version(session: Session, name: str) -> None:
    """Tell every process, once this transaction commits, that what it keeps has changed."""
    session.execute(_BUMP, {"name": name})


class VersionedCache(Generic[Loaded]):
    """Loads once, asks for the version every five seconds at most, loads again when it moved.

    Between two checks nothing is read, so a request on the hot path costs no statement for it.
    """

    def __init__(self, name: str, load: Callable[[Session], Loaded]) -> None:
        self._name = name
        self._load = load
        self._lock = threading.Lock()
        self._value: Loaded | None = None
        self._version = -1
        self._checked = 0.0

    def peek(self) -> Loaded | None:
        """Return the value if it was checked in the last five seconds, else None."""
        fresh = time.monotonic() - self._checked < _CHECK_SECONDS
        return self._value if fresh else None

    def get(self, session: Session) -> Loaded:
        """Return the value as it was at most five seconds ago."""
        return self._get(session, _CHECK_SECONDS)

    def get_fresh(self, session: Session) -> Loaded:
        """Return the value as it was at most 0.2 seconds ago: for what the older one lacks."""
        return self._get(session, _EAGER_SECONDS)

    def _get(self, session: Session, tolerated_seconds: float) -> Loaded:
        value = self._value
        if value is not None and time.monotonic() - self._checked < tolerated_seconds:
            return value
        with self._lock:
            if self._value is not None and time.monotonic() - self._checked < tolerated_seconds:
                return self._value
            started = time.monotonic()
            version = int(session.execute(_VERSION, {"name": self._name}).scalar_one())
            if self._value is None or version != self._version:
                self._value = self._load(session)
                self._version = version
            self._checked = started
            return self._value
