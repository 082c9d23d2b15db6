"""Identifiers: time-ordered ones for keys, random ones for the outside."""

import secrets
import threading
import time
from uuid import UUID

_PUBLIC_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
# Without 0/O, 1/I/L and U: people read references aloud over the telephone.
_SPOKEN_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_COUNTER_BITS = 12

_lock = threading.Lock()
_last_millisecond = 0
_counter = 0


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7) that is greater than every one made before here.

    The twelve bits after the version count within one millisecond, so ids made in a loop keep
    their order; a full counter borrows the next millisecond instead of waiting for it.
    """
    global _last_millisecond, _counter  # noqa: PLW0603 - one sequence per process is the point
    with _lock:
        millisecond = max(time.time_ns() // 1_000_000, _last_millisecond)
        if millisecond == _last_millisecond:
            _counter += 1
            if _counter >> _COUNTER_BITS:
                millisecond, _counter = millisecond + 1, 0
        else:
            _counter = secrets.randbits(_COUNTER_BITS - 4)
        _last_millisecond, counter = millisecond, _counter
    value = (millisecond & (2**48 - 1)) << 80
    value |= 0x7 << 76 | counter << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)


def public_id() -> str:
    """Return 26 random characters of a-z and 0-9, which tell nothing about when they were made."""
    return "".join(secrets.choice(_PUBLIC_ALPHABET) for _ in range(26))


def reference(prefix: str) -> str:
    """Return a case reference that can be read aloud, such as ``SWH-7K3M-9QPX``."""
    blocks = ("".join(secrets.choice(_SPOKEN_ALPHABET) for _ in range(4)) for _ in range(2))
    return "-".join((prefix, *blocks))
