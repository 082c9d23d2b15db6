"""Reads bytes with the reader of a format."""

import io

from payments.uploads.readers.base import Reader
from payments.uploads.readers.choose import make_reader
from payments.uploads.rules import COLUMNS, Format, Mapping, Record


def nothing(_header: bytes) -> Mapping | None:
    return None


def read(
    content: bytes, format_: Format = "csv", mapping: Mapping | None = None
) -> tuple[list[Record], Reader]:
    """Return every row and the reader with its claims and warnings."""
    reader = make_reader(format_, io.BytesIO(content), mapping, nothing)
    return list(reader), reader


def column(records: list[Record], name: str) -> list[str]:
    """Return one column of rows."""
    return [fields[COLUMNS.index(name)] for _, fields in records]
