"""The bytes of an upload, sealed in pieces of 1 MiB; a whole file is never in memory."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from payments.uploads import models
from payments.uploads.rules import CHUNK_BYTES
from shared.crypto import Sealer
from shared.db import Database


def read_pieces(file: BinaryIO, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield a file from its beginning in pieces of equal size, the last one shorter."""
    file.seek(0)
    while piece := file.read(size):
        yield piece


def measure(file: BinaryIO) -> tuple[bytes, int]:
    """Return SHA-256 and size of a file."""
    digest, size = hashlib.sha256(), 0
    for piece in read_pieces(file):
        digest.update(piece)
        size += len(piece)
    return digest.digest(), size


def store_chunks(session: Session, sealer: Sealer, upload_id: UUID, pieces: Iterable[bytes]) -> int:
    """Seal and store the pieces of a file in their order; returns how many there were."""
    number = 0
    for piece in pieces:
        sealed = sealer.seal(piece, _record(upload_id, number))
        session.execute(
            insert(models.upload_chunk).values(upload_id=upload_id, number=number, sealed=sealed)
        )
        number += 1
    return number


def _record(upload_id: UUID, number: int) -> bytes:
    return f"upload:{upload_id}:{number}".encode()


class StoredFile(io.RawIOBase):
    """A stored file, opened piece by piece as it is read; each read is a short transaction.

    Readers wrap it in :class:`io.BufferedReader`. It can be sought, as zip archives need.
    """

    def __init__(self, database: Database, sealer: Sealer, upload_id: UUID, size: int) -> None:
        super().__init__()
        self._database = database
        self._sealer = sealer
        self._upload_id = upload_id
        self._size = size
        self._position = 0
        self._number = -1
        self._piece = b""

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be sought."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set where the next read begins."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the beginning of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001 - WriteableBuffer is no run-time type
        """Fill a buffer from one piece; returns how much, 0 at the end."""
        if self._position >= self._size:
            return 0
        number, begin = divmod(self._position, CHUNK_BYTES)
        if number != self._number:
            self._piece = self._open(number)
            self._number = number
        found = self._piece[begin : begin + len(buffer)]
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _open(self, number: int) -> bytes:
        with self._database.transaction() as session:
            sealed = session.execute(
                select(models.upload_chunk.c.sealed).where(
                    models.upload_chunk.c.upload_id == self._upload_id,
                    models.upload_chunk.c.number == number,
                )
            ).scalar_one()
        return self._sealer.open(bytes(sealed), _record(self._upload_id, number))


def open_stored(
    database: Database, sealer: Sealer, upload_id: UUID, size: int
) -> io.BufferedReader:
    """Return a stored file for reading."""
    return io.BufferedReader(StoredFile(database, sealer, upload_id, size), 128 * 1024)
