"""A set of bank lines with ground truth, made from a seed: what each line is, and nothing guessed.

The same seed and size give the same set byte for byte, wherever it is made; ``digest`` proves it.
The seeds, shares and digests of published sets are in ``sets/matching.json``.
"""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

SETS = Path(__file__).parent / "sets" / "matching.json"
DAY = date(2026, 11, 23)
# How many of ten thousand lines are of which kind.
SHARES = {
    "exact": 8_600,
    "mangled": 900,
    "batch": 40,
    "return": 300,
    "none": 60,
    "duplicate": 30,
    "partial": 40,
    "charge": 30,
}
# Lines of these kinds have one provable target; of the others nothing may be decided.
AUTOMATIC = ("exact", "mangled", "batch", "return")


@dataclass(frozen=True)
class Item:
    """What is expected: signed pence, as the bank's line will be."""

    number: int
    pence: int
    due_on: date
    end_to_end_id: str
    reference: str
    account: int
    group: str = ""


@dataclass(frozen=True)
class Row:
    """A line of the statement with its kind and the numbers of its true items."""

    kind: str
    pence: int
    line_kind: str
    end_to_end_id: str
    batch_ref: str
    reference: str
    account: int
    truth: tuple[int, ...]


def make_set(seed: int, size: int) -> tuple[list[Item], list[Row]]:
    """Return what is expected and about ``size`` lines of a statement in the order of a bank."""
    chance = random.Random(seed)  # noqa: S311 - a set is to be the same for everybody
    items: list[Item] = []
    rows: list[Row] = []
    kinds, weights = list(SHARES), list(SHARES.values())
    for kind in chance.choices(kinds, weights, k=size):
        rows.extend(_make(kind, chance, items))
    chance.shuffle(rows)
    return items, rows


def digest(items: list[Item], rows: list[Row]) -> str:
    """Return the SHA-256 of a set with its truth."""
    found = hashlib.sha256()
    for one in (*items, *rows):
        found.update(json.dumps([str(value) for value in one.__dict__.values()]).encode())
    return found.hexdigest()


def _item(
    chance: random.Random, items: list[Item], *, sign: int = -1, days: int = 0, group: str = ""
) -> Item:
    number = len(items)
    pence = sign * chance.choice((5_000, 7_500, 12_000, chance.randrange(100, 5_000_000)))
    letters = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=3))
    item = Item(
        number,
        pence,
        DAY - timedelta(days=days),
        f"e{number:025d}",
        f"{letters}{number:08d}",
        chance.randrange(10**8),
        group,
    )
    items.append(item)
    return item


def _mangle(reference: str, chance: random.Random) -> str:
    cut = chance.randrange(1, len(reference))
    spoiled = reference[:cut] + chance.choice((" ", "-", "/", ". ")) + reference[cut:]
    return chance.choice((spoiled.lower(), "000" + spoiled, spoiled + " ", spoiled))


def _make(kind: str, chance: random.Random, items: list[Item]) -> Iterator[Row]:
    if kind == "charge":
        # A bank's charge, often of a round amount that some payment has too.
        pence = -chance.choice((35, 2_500, 5_000, 7_500))
        yield Row(kind, pence, "debit", "", "", "CHARGES", -1, ())
        return
    if kind == "batch":
        group = f"PAYOUT{len(items):09d}"
        parts = [_item(chance, items, sign=1, group=group) for _ in range(chance.randint(2, 9))]
        total = sum(one.pence for one in parts)
        truth = tuple(one.number for one in parts)
        yield Row(kind, total, "credit", "", group, "", -1, truth)
        return
    if kind == "return":
        item = _item(chance, items, days=chance.randint(2, 7))
        yield Row(kind, -item.pence, "return", "", "", item.reference, item.account, (item.number,))
        return
    item = _item(chance, items, sign=chance.choice((-1, -1, -1, 1)))
    side = "debit" if item.pence < 0 else "credit"
    if kind == "partial":
        paid = item.pence * chance.randint(30, 90) // 100
        yield Row(kind, paid, side, item.end_to_end_id, "", item.reference, item.account, ())
    elif kind == "mangled":
        text = _mangle(item.reference, chance)
        yield Row(kind, item.pence, side, "", "", text, item.account, (item.number,))
    elif kind == "none":
        yield Row(kind, item.pence, side, "", "", "", item.account, (item.number,))
    elif kind == "duplicate":
        for _ in range(2):
            yield Row(kind, item.pence, side, item.end_to_end_id, "", "", item.account, ())
    else:
        yield Row(
            kind,
            item.pence,
            side,
            item.end_to_end_id,
            "",
            item.reference,
            item.account,
            (item.number,),
        )


def write_sets() -> None:
    """Write the published seeds with the figures that prove a set made elsewhere is the same."""
    found = []
    for seed, size in ((1, 10_000), (2, 10_000), (3, 100_000)):
        items, rows = make_set(seed, size)
        kinds = {kind: sum(row.kind == kind for row in rows) for kind in SHARES}
        found.append(
            {
                "seed": seed,
                "size": size,
                "items": len(items),
                "lines": len(rows),
                "kinds": kinds,
                "sha256": digest(items, rows),
            }
        )
    SETS.write_text(json.dumps({"shares": SHARES, "sets": found}, indent=1) + "\n")


if __name__ == "__main__":
    write_sets()
