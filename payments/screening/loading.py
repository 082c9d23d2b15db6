"""Reading a sanctions list from CSV: which column is what is configuration, never a guess."""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from payments.screening.rules import ListedName

_HEADING_WITHIN = 5
_MAXIMUM_LINE = 200_000
MAXIMUM_BYTES = 200_000_000


class ListUnreadableError(ValueError):
    """A list that cannot be read as its mapping says; nothing of it is used."""


@dataclass(frozen=True)
class ListMapping:
    """The headings of a list: what identifies an entry, the parts of a name, and its kinds."""

    entry_id: str
    name: tuple[str, ...]
    kind: str
    name_type: str

    @classmethod
    def from_json(cls, given: Mapping[str, object]) -> "ListMapping":
        """Return a mapping as an operator wrote it.

        Raises:
            ListUnreadableError: a member is missing, of another type or unknown.
        """
        name = given.get("name")
        parts = [name] if isinstance(name, str) else name
        rest = [given.get(key, "") for key in ("entry_id", "kind", "name_type")]
        if set(given) - {"entry_id", "name", "kind", "name_type"}:
            raise ListUnreadableError("a mapping has entry_id, name, kind and name_type only")
        if not isinstance(parts, list) or not parts or not rest[0]:
            raise ListUnreadableError("a mapping needs entry_id and the columns of the name")
        if not all(isinstance(one, str) for one in (*parts, *rest)):
            raise ListUnreadableError("the members of a mapping are names of columns")
        return cls(str(rest[0]), tuple(str(one) for one in parts), str(rest[1]), str(rest[2]))

    def as_json(self) -> dict[str, object]:
        """Return what is kept of it."""
        return {**self.__dict__, "name": list(self.name)}


# The UK Sanctions List as its publisher describes it; the present heading was not confirmed.
UK_SANCTIONS_LIST = ListMapping(
    entry_id="Unique ID",
    name=("Name 1", "Name 2", "Name 3", "Name 4", "Name 5", "Name 6"),
    kind="Individual, Entity, Ship",
    name_type="Name type",
)


@dataclass(frozen=True)
class ReadList:
    """The names of a list with their types, its hash, and how many entries it has."""

    names: tuple[tuple[ListedName, str], ...]
    sha256: bytes
    entries: int


def read_list(file: BinaryIO, mapping: ListMapping) -> ReadList:
    """Return the names of a list; any change of an entry's line changes the entry's hash.

    Raises:
        ListUnreadableError: too large, not a CSV text, or a mapped column is not in the heading.
    """
    file.seek(0)
    content = file.read(MAXIMUM_BYTES + 1)
    if len(content) > MAXIMUM_BYTES:
        raise ListUnreadableError("larger than 200 MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    found: list[tuple[str, str, str, str]] = []
    digests: dict[str, hashlib._Hash] = {}
    for row in _rows(text, mapping):
        entry = row[mapping.entry_id].strip()
        name = " ".join(part for column in mapping.name if (part := " ".join(row[column].split())))
        if not entry or not name:
            continue
        digests.setdefault(entry, hashlib.sha256()).update(repr(sorted(row.items())).encode())
        kind = row[mapping.kind].strip() if mapping.kind else ""
        name_type = row[mapping.name_type].strip() if mapping.name_type else ""
        found.append((entry, name, kind, name_type))
    if not found:
        raise ListUnreadableError("the list has no names")
    hashes = {entry: digest.digest() for entry, digest in digests.items()}
    return ReadList(
        tuple(
            (ListedName(entry, hashes[entry], name, kind), name_type)
            for entry, name, kind, name_type in found
        ),
        hashlib.sha256(content).digest(),
        len(hashes),
    )


def _rows(text: str, mapping: ListMapping) -> Iterator[dict[str, str]]:
    needed = [mapping.entry_id, *mapping.name, mapping.kind, mapping.name_type]
    reader = csv.reader(io.StringIO(text, newline=""))
    missing: list[str] = []
    try:
        # The publisher puts the date of the list above the heading.
        for _ in range(_HEADING_WITHIN):
            heading = [cell.strip() for cell in next(reader, [])]
            missing = [column for column in needed if column and column not in heading]
            if not missing:
                break
        if missing:
            raise ListUnreadableError(f"the heading has no {', '.join(missing)}")
        for cells in reader:
            blank = [""] * (len(heading) - len(cells))
            yield dict(zip(heading, [*cells[: len(heading)], *blank], strict=True))
    except csv.Error as error:
        raise ListUnreadableError(f"line {reader.line_num}: {error}") from error
