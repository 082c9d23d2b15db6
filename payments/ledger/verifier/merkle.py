"""Hash trees of RFC 6962: roots, paths, and a log that grows."""

import hashlib
from collections.abc import Iterable, Sequence

EMPTY = hashlib.sha256(b"").digest()


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
    if not leaves:
        return EMPTY
    sha256, level = hashlib.sha256, list(leaves)
    while len(level) > 1:
        above = [
            sha256(b"\1" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


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
