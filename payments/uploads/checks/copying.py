"""Rows for COPY in PostgreSQL's text format, many at once."""

import secrets
from collections.abc import Iterable, Iterator

import psycopg
from sqlalchemy.orm import Session

_ALPHABET = b"abcdefghijklmnopqrstuvwxyz0123456789"
_LENGTH = 26
# 252 is the greatest multiple of 36 below 256: what is above would make some letters likelier.
_FAIR = 252
_LETTERS = bytes(_ALPHABET[number % len(_ALPHABET)] for number in range(256))
_UNFAIR = bytes(range(_FAIR, 256))
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NULL = "\\N"
_PIECE_ROWS = 1_000


def escape(text: str) -> str:
    """Return a text as a COPY column."""
    return text.translate(_ESCAPES)


def as_bytea(content: bytes) -> str:
    """Return bytes as a COPY column."""
    return "\\\\x" + content.hex()


def copy_lines(session: Session, statement: bytes, lines: Iterable[str]) -> None:
    """Send lines of columns, already escaped and joined by tabs, to a COPY of this transaction."""
    connection: psycopg.Connection = session.connection().connection.driver_connection  # type: ignore[assignment]  # the driver is always psycopg here
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        piece: list[str] = []
        for line in lines:
            piece.append(line)
            if len(piece) == _PIECE_ROWS:
                copy.write(("\n".join(piece) + "\n").encode())
                piece.clear()
        if piece:
            copy.write(("\n".join(piece) + "\n").encode())


def make_public_ids(count: int) -> Iterator[str]:
    """Yield ids as :func:`shared.ids.public_id` makes them, at a fraction of the cost."""
    letters = b""
    while count:
        if len(letters) < _LENGTH:
            # One byte in 64 is left out; whatever is missing then comes with the next draw.
            fresh = secrets.token_bytes(min(count, 10_000) * (_LENGTH + 1))
            letters += fresh.translate(_LETTERS, _UNFAIR)
        while count and len(letters) >= _LENGTH:
            position = 0
            while count and position + _LENGTH <= len(letters):
                yield letters[position : position + _LENGTH].decode()
                position += _LENGTH
                count -= 1
            letters = letters[position:]
