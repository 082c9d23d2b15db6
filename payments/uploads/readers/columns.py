"""Which column of a table is which: our own heading, a saved mapping, or a person has to say."""

from collections.abc import Callable, Sequence

from payments.uploads.readers.base import MappingNeededError
from payments.uploads.rules import (
    COLUMNS,
    MAXIMUM_FIELD,
    NEEDED,
    PROBLEM,
    Mapping,
    ReadError,
    blank_fields,
    check_mapping,
    header_hash,
    plain_heading,
)

FindMapping = Callable[[bytes], Mapping | None]
PREVIEW_ROWS = 10
MAXIMUM_COLUMNS = 100


def choose_columns(
    rows: Sequence[list[str]], mapping: Mapping | None, find_mapping: FindMapping
) -> Mapping:
    """Return the mapping of a table by its first rows.

    Raises:
        MappingNeededError: the heading is not ours and nobody has mapped one like it.
        ReadError: a mapping that does not fit the table, or a table without rows.
    """
    if not rows:
        raise ReadError(1, "", "the file has no rows")
    first = rows[0]
    if len(first) > MAXIMUM_COLUMNS:
        raise ReadError(1, "", f"more than {MAXIMUM_COLUMNS} columns")
    if mapping is None:
        names = [plain_heading(name) for name in first]
        if set(NEEDED) <= set(names) <= set(COLUMNS) and len(set(names)) == len(names):
            return Mapping(tuple(names), has_header=True)
        mapping = find_mapping(header_hash(first)) or find_mapping(shape_hash(len(first)))
        if mapping is None:
            unknown = [name for name in first if plain_heading(name) not in COLUMNS]
            raise MappingNeededError([list(row) for row in rows[:PREVIEW_ROWS]], unknown)
    if faults := check_mapping(mapping):
        raise ReadError(1, "", "; ".join(faults), "mapping_wrong")
    if len(mapping.columns) != len(first):
        raise ReadError(
            1, "", f"the mapping has {len(mapping.columns)} columns, the file {len(first)}"
        )
    return mapping


def shape_hash(columns: int) -> bytes:
    """Return what recognises a table without a heading: its number of columns."""
    return header_hash([f"no heading, {columns} columns"])


class Picker:
    """Puts the cells of a row where they belong."""

    def __init__(self, mapping: Mapping) -> None:
        self._width = len(mapping.columns)
        self._pairs = [
            (COLUMNS.index(name), position) for position, name in enumerate(mapping.columns) if name
        ]

    def pick(self, cells: list[str]) -> list[str]:
        """Return the texts of a row; a row of another width carries that as its problem."""
        fields = blank_fields()
        if len(cells) != self._width:
            fields[PROBLEM] = f"has {len(cells)} columns, the heading has {self._width}"
        width = len(cells)
        for target, position in self._pairs:
            if position < width:
                text = cells[position].strip()
                if len(text) > MAXIMUM_FIELD:
                    fields[PROBLEM] = f"has a cell of more than {MAXIMUM_FIELD} characters"
                    text = text[:MAXIMUM_FIELD]
                fields[target] = text
        return fields
