"""The blocks of a log, as an export has them in files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Block:
    """One sealing: so many leaves under one root, chained to the block before it."""

    kind: str
    height: int
    year: int
    first_number: int
    size: int
    root: str
    previous: str
    sealed_at: int
    hash: str
    length: int = 0

    @property
    def header(self) -> bytes:
        """Return what is hashed of a block; a leaf of the log of blocks."""
        parts = (
            "clachan-block-1",
            self.kind,
            self.height,
            self.year,
            self.first_number,
            self.size,
            self.root,
            self.previous,
            self.sealed_at,
        )
        return "\n".join(str(part) for part in parts).encode()


def read_blocks(folder: Path) -> list[Block]:
    """Return the blocks of an export in their order."""
    blocks = []
    for line in (folder / "blocks.tsv").read_text().splitlines():
        kind, *rest = line.split("\t")
        height, year, number, size, root, previous, at, digest, length = rest
        numbers = (int(height), int(year), int(number), int(size))
        blocks.append(Block(kind, *numbers, root, previous, int(at), digest, int(length)))
    return blocks


def blocks_of(blocks: Iterable[Block], kind: str) -> list[Block]:
    """Return the blocks of one log."""
    return [block for block in blocks if block.kind == kind]


def read_lines(path: Path, start: int, length: int) -> list[bytes]:
    """Return the lines of a part of a file."""
    with path.open("rb") as file:
        file.seek(start)
        content = file.read(length)
    return content[:-1].split(b"\n") if content else []
