"""All that is proved of an export."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from payments.ledger.verifier.blocks import Block, blocks_of, read_blocks, read_lines
from payments.ledger.verifier.merkle import EMPTY, BrokenError, GrowingTree, leaf_hash, root_of
from payments.ledger.verifier.notes import Note, check_note, read_note

_ENTRY_FIELDS = 13
_PER_POSTING = 3
_PIECE = 8  # blocks that one process takes at a time


def verify(
    folder: Path, *, key: bytes | None = None, kept: Sequence[str] = (), processes: int = 0
) -> dict[str, int]:
    """Prove an export; returns how much was proved.

    Raises:
        BrokenError: the first thing that is not as it was sealed.
    """
    blocks = read_blocks(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    notes = [read_note(one) for one in json.loads((folder / "checkpoints.json").read_text())]
    notes += [read_note(one) for one in kept]
    balances: dict[bytes, int] = {}
    counts = {"blocks": len(blocks), "checkpoints": len(notes)}
    work = []
    for kind in ("entries", "control"):
        own = blocks_of(blocks, kind)
        _check_chain(own)
        counts[kind] = sum(block.size for block in own)
        work += list(_pieces(own))
        _check_notes(own, [note for note in notes if note.kind == kind], key)
    for problem, part in _run(str(folder), work, processes or min(8, os.cpu_count() or 1)):
        if problem:
            raise BrokenError(problem)
        for account, pence in part.items():
            balances[account] = balances.get(account, 0) + pence
    for kind in ("entries", "control"):
        held = sum(block.length for block in blocks_of(blocks, kind))
        if (folder / f"{kind}.tsv").stat().st_size != held:
            raise BrokenError(f"{kind}: there is more or less than the blocks hold")
    waiting = (folder / "unsealed.tsv").read_bytes().splitlines()
    counts["unsealed"] = _add_entries(waiting, balances)
    _check_balances(folder, balances)
    if manifest["entries"] != counts["entries"] + counts["unsealed"]:
        raise BrokenError(f"the database has {manifest['entries']} entries, the export does not")
    return counts


def _run(
    folder: str, work: Sequence[Sequence[tuple[int, Block]]], processes: int
) -> Iterator[tuple[str, dict[bytes, int]]]:
    if processes == 1 or len(work) < 2:  # noqa: PLR2004 - one piece needs no second process
        yield from (_check_piece(folder, piece) for piece in work)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(_check_piece, [folder] * len(work), work)


def _check_balances(folder: Path, balances: dict[bytes, int]) -> None:
    if sum(balances.values()):
        raise BrokenError("the balances do not sum to zero")
    for line in (folder / "balances.tsv").read_text().splitlines():
        account, code, pence = line.split("\t")
        if balances.pop(account.encode(), 0) != int(pence):
            raise BrokenError(f"account {code}: its balance is not the sum of its postings")
    if balances:
        raise BrokenError(f"account {next(iter(balances)).decode()}: it has no balance")


def _check_chain(blocks: Sequence[Block]) -> GrowingTree:
    tree, previous = GrowingTree(), "0" * 64
    numbers: dict[int, int] = {}
    for height, block in enumerate(blocks):
        name = f"block {height} of {block.kind}"
        if block.height != height:
            raise BrokenError(f"{name}: its height is {block.height}")
        if block.previous != previous:
            raise BrokenError(f"{name}: it does not follow the block before it")
        previous = leaf_hash(block.header).hex()
        if block.hash != previous:
            raise BrokenError(f"{name}: its header was changed")
        expected = numbers.get(block.year, 1)
        if block.first_number != expected:
            raise BrokenError(f"{name}: it begins with number {block.first_number}, not {expected}")
        numbers[block.year] = expected + block.size
        tree.add(bytes.fromhex(previous))
    return tree


def _check_leaves(folder: str, start: int, block: Block) -> list[bytes]:
    """Return a block's lines; names the first that is not what was sealed."""
    lines = read_lines(Path(folder) / f"{block.kind}.tsv", start, block.length)
    sha256 = hashlib.sha256
    leaves = [sha256(b"\0" + line).digest() for line in lines]
    if len(lines) == block.size and root_of(leaves).hex() == block.root:
        return lines
    sealed = _sealed_leaves(Path(folder), block)
    for index, (leaf, expected) in enumerate(zip(leaves, sealed, strict=False)):
        if leaf != expected:
            what = lines[index].split(b"\t", 1)[0].decode(errors="replace")
            raise BrokenError(
                f"{block.kind} {what} (number {block.first_number + index} of {block.year}):"
                " it is not what was sealed"
            )
    first = block.first_number + min(len(leaves), len(sealed))
    raise BrokenError(
        f"block {block.height} of {block.kind}: {len(lines)} lines of {block.size} under another"
        f" root; number {first} of {block.year} is the first that is missing or added"
    )


def _sealed_leaves(folder: Path, block: Block) -> list[bytes]:
    start = sum(one.size for one in blocks_of(read_blocks(folder), block.kind)[: block.height]) * 32
    with (folder / f"{block.kind}.leaves").open("rb") as file:
        file.seek(start)
        content = file.read(block.size * 32)
    return [content[at : at + 32] for at in range(0, len(content), 32)]


def _add_entries(lines: Iterable[bytes], balances: dict[bytes, int]) -> int:
    """Add posted lines to the balances; refuses an entry that is not whole or not balanced."""
    count = 0
    for line in lines:
        count += 1
        fields = line.split(b"\t")
        words = fields[-1].split(b" ")
        total = pending = 0
        for at in range(0, len(words), _PER_POSTING):
            amount = int(words[at + 1])
            if words[at + 2] == b".":
                account = words[at]
                balances[account] = balances.get(account, 0) + amount
                total += amount
            else:
                pending += amount
        if total or pending or len(words) < 2 * _PER_POSTING or len(fields) != _ENTRY_FIELDS:
            raise BrokenError(f"entry {fields[0].decode()}: it is not whole or does not balance")
    return count


def _check_piece(folder: str, work: Sequence[tuple[int, Block]]) -> tuple[str, dict[bytes, int]]:
    balances: dict[bytes, int] = {}
    try:
        for start, block in work:
            lines = _check_leaves(folder, start, block)
            if block.kind == "entries":
                _add_entries(lines, balances)
    except (BrokenError, ValueError, IndexError) as error:
        return str(error) or repr(error), {}
    return "", balances


def _pieces(blocks: Sequence[Block]) -> Iterator[list[tuple[int, Block]]]:
    work, start = [], 0
    for block in blocks:
        work.append((start, block))
        start += block.length
        if len(work) == _PIECE:
            yield work
            work = []
    if work:
        yield work


def _check_notes(blocks: Sequence[Block], notes: Sequence[Note], key: bytes | None) -> None:
    wanted = {note.size for note in notes}
    tree, roots = GrowingTree(), {0: EMPTY}
    for block in blocks:
        tree.add(bytes.fromhex(block.hash))
        if tree.size in wanted:
            roots[tree.size] = tree.root()
    for note in notes:
        name = f"checkpoint {note.origin} of {note.size} blocks"
        if note.size not in roots:
            raise BrokenError(f"{name}: here are {len(blocks)} blocks only")
        if roots[note.size] != note.root:
            raise BrokenError(f"{name}: the log was rewritten")
    if key is not None and notes:
        # Each is bound to the log above; one signature over the longest covers them all.
        check_note(max(notes, key=lambda note: note.size), key)
