"""Hash trees of RFC 6962: roots, paths, and a log that grows."""

import hashlib
from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256(b"").digest()
LEAF = 32  # bytes of a hash


class BrokenError(Exception):
    """The export is not what was sealed; says where."""


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves, level by level; an odd one goes up as it is."""
    return root_of_leaves(b"".join(leaves))


def root_of_leaves(level: bytes) -> bytes:
    """Return the root over the hashes of leaves that follow one another in one piece."""
    sha256, pair = hashlib.sha256, 2 * LEAF
    while len(level) > LEAF:
        even = len(level) - len(level) % pair
        above = [sha256(b"\1" + level[at : at + pair]).digest() for at in range(0, even, pair)]
        above.append(level[even:])
        level = b"".join(above)
    return level or EMPTY


def path_of(leaves: Sequence[bytes], index: int) -> list[tuple[str, str]]:
    """Return the hashes that lead from a leaf to the root, each with its side."""
    path, level = [], list(leaves)
    while len(level) > 1:
        beside = index ^ 1
        if beside < len(level):
            path.append(("left" if beside < index else "right", level[beside].hex()))
        level = [root_of(level[at : at + 2]) for at in range(0, len(level), 2)]
        index //= 2
    return path


def follow(leaf: bytes, path: Iterable[tuple[str, str]]) -> bytes:
    """Return the root to which a path leads."""
    for side, other in path:
        known = bytes.fromhex(other)
        leaf = node_hash(known, leaf) if side == "left" else node_hash(leaf, known)
    return leaf


class GrowingTree:
    """The root of a log at every size, one leaf at a time."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Append a leaf."""
        self.size += 1
        size = self.size
        while size % 2 == 0:
            leaf = node_hash(self._peaks.pop(), leaf)
            size //= 2
        self._peaks.append(leaf)

    def root(self) -> bytes:
        """Return the root over what is there."""
        if not self._peaks:
            return EMPTY
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root
