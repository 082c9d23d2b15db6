"""The first rows of a file, for the person who says which column is which."""

from itertools import islice

from payments.uploads.queries import Upload
from payments.uploads.readers.base import MappingNeededError
from payments.uploads.readers.choose import make_reader
from payments.uploads.rules import Mapping, ReadError
from payments.uploads.storage import open_stored
from shared.crypto import Sealer
from shared.db import Database

_LONGEST = 60


def _no_mapping(_header: bytes) -> Mapping | None:
    return None


def preview_columns(database: Database, sealer: Sealer, upload: Upload) -> list[list[str]]:
    """Return the first rows of an upload that waits for its columns, its cells cut; else none."""
    if upload.state != "mapping":
        return []
    with open_stored(database, sealer, upload.id, upload.size) as file:
        reader = make_reader(upload.format, file, None, _no_mapping)
        try:
            list(islice(reader, 1))
        except MappingNeededError as needed:
            return [[cell[:_LONGEST] for cell in row] for row in needed.rows]
        except ReadError:
            return []
    return []
