"""How rows are cut into shards."""

SHARD_ITEMS = 10_000


def cut(items: int, size: int = SHARD_ITEMS) -> list[tuple[int, int]]:
    """Return (first, last) of each shard of rows numbered from 1; every row is in exactly one.

    Raises:
        ValueError: there is nothing to cut, or the size is not positive.
    """
    if items < 1 or size < 1:
        raise ValueError("a stage has at least one row, and a shard too")
    return [(first, min(first + size - 1, items)) for first in range(1, items + 1, size)]
