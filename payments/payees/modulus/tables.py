"""The licensed weight tables, read from the operator's files and never shipped with the product."""

import hashlib
import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from shared.errors import Problem
from shared.logs import get_logger

Method = Literal["MOD10", "MOD11", "DBLAL"]
_METHODS = ("MOD10", "MOD11", "DBLAL")
_WEIGHTS = 14
_COLUMNS = (_WEIGHTS + 3, _WEIGHTS + 4)
_MAXIMUM_FOUND = 20_000
_EXCEPTIONS = tuple(str(number) for number in range(1, 15))


class TableError(Problem):
    """A table file cannot be read; says which line and why. No number passes in the meantime."""

    status = 503

    def __init__(self, message: str) -> None:
        super().__init__(
            "weight_tables_unreadable",
            f"The modulus weight tables cannot be read: {message}",
            detail="Nothing was changed. Tell whoever operates this service.",
        )


@dataclass(frozen=True)
class WeightRow:
    """One row of ``VALACDOS``: an inclusive range of sort codes and how they are checked."""

    first: int
    last: int
    method: Method
    weights: tuple[int, ...]
    exception: str = ""


@dataclass(frozen=True)
class ModulusTables:
    """Both tables as loaded, with what tells one version of the files from another."""

    rows: tuple[WeightRow, ...]
    substitutions: dict[str, str]
    version: str
    _found: dict[str, tuple[WeightRow, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def rows_for(self, sort_code: str) -> tuple[WeightRow, ...]:
        """Return the rows that contain a sort code, in file order."""
        found = self._found.get(sort_code)
        if found is None:
            code = int(sort_code)
            # Rows are sorted by their first code; those of one range stand next to each other.
            end = bisect_right(self.rows, code, key=lambda row: row.first)
            found = tuple(row for row in self.rows[:end] if row.last >= code)
            # Files ask for the same few thousand sort codes again and again.
            if len(self._found) >= _MAXIMUM_FOUND:
                self._found.clear()
            self._found[sort_code] = found
        return found


def parse_weights(text: str) -> tuple[WeightRow, ...]:
    """Return the rows of a ``VALACDOS`` text; refuses a line of another shape (contract 4.2)."""
    rows = [
        _parse_row(line.split(), number)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    return tuple(sorted(rows, key=lambda row: row.first))


def _parse_row(parts: list[str], number: int) -> WeightRow:
    if len(parts) not in _COLUMNS or parts[2] not in _METHODS:
        raise TableError(f"line {number}: not a row of sort codes, method and 14 weights")
    try:
        first, last = int(parts[0]), int(parts[1])
        weights = tuple(int(part) for part in parts[3 : 3 + _WEIGHTS])
        exception = parts[3 + _WEIGHTS] if len(parts) == _COLUMNS[1] else ""
    except ValueError as error:
        raise TableError(f"line {number}: {error}") from error
    if first > last or (exception and exception not in _EXCEPTIONS):
        raise TableError(f"line {number}: range or exception number out of bounds")
    return WeightRow(first, last, cast("Method", parts[2]), weights, exception)


def parse_substitutions(text: str) -> dict[str, str]:
    """Return the pairs of a ``SCSUBTAB`` text; refuses a line that is not two sort codes."""
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        # Two sort codes of six digits: the row is described in the docstring above.
        if len(parts) != 2 or not all(len(p) == 6 and p.isdigit() for p in parts):  # noqa: PLR2004 - two sort codes of six digits
            raise TableError(f"line {number}: not two sort codes of six digits")
        pairs[parts[0]] = parts[1]
    return pairs


class TableFiles:
    """The operator's files, loaded when first needed and again when they change on disk."""

    def __init__(self, weights_file: Path | None, substitutions_file: Path | None) -> None:
        self._weights_file = weights_file
        self._substitutions_file = substitutions_file
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._tables: ModulusTables | None = None

    def load(self) -> ModulusTables | None:
        """Return the tables, None where the operator has given no files.

        New files that cannot be read leave the tables of before in force, and are logged.

        Raises:
            TableError: a file is there and cannot be read, and there are none of before.
        """
        if self._weights_file is None or not self._weights_file.is_file():
            return None
        files = [self._weights_file]
        if self._substitutions_file is not None and self._substitutions_file.is_file():
            files.append(self._substitutions_file)
        stamp = tuple(file.stat().st_mtime_ns for file in files)
        with self._lock:
            if stamp != self._seen or self._tables is None:
                try:
                    self._tables = _read(files)
                except TableError as error:
                    if self._tables is None:
                        raise
                    get_logger().error("modulus.reload_failed", reason=error.title)
                self._seen = stamp
            return self._tables


def _read(files: list[Path]) -> ModulusTables:
    texts = [file.read_text(encoding="ascii", errors="replace") for file in files]
    changed = datetime.fromtimestamp(files[0].stat().st_mtime, UTC).date().isoformat()
    digest = hashlib.sha256("\x00".join(texts).encode()).hexdigest()[:12]
    return ModulusTables(
        rows=parse_weights(texts[0]),
        substitutions=parse_substitutions(texts[1]) if len(texts) > 1 else {},
        version=f"{changed} {digest}",
    )
