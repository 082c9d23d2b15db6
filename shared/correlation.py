"""The correlation id: one word that ties logs, audit lines and traces of a story together."""

from contextvars import ContextVar

from shared.ids import new_id

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_MAXIMUM_LENGTH = 64


def current_correlation_id() -> str:
    """Return the id in force, empty where none was set."""
    return _correlation_id.get()


def correlation_id() -> str:
    """Return the id that ties this work to its story; a new one where none was given."""
    return _correlation_id.get() or set_correlation_id(None)


def set_correlation_id(value: str | None) -> str:
    """Take over a correlation id from outside; anything that is not a short plain word is replaced.

    Returns the id that is now in force.
    """
    usable = bool(value) and len(value or "") <= _MAXIMUM_LENGTH
    # ASCII only: the id is sent on in headers, where a foreign letter would stop every later call.
    plain = value is not None and value.isascii() and value.replace("-", "").isalnum()
    _correlation_id.set(value if value is not None and usable and plain else str(new_id()))
    return _correlation_id.get()
