"""The proof that one entry is in the log, apart from all others."""

import json
from collections.abc import Sequence
from pathlib import Path

from payments.ledger.verifier.blocks import Block, blocks_of, read_blocks, read_lines
from payments.ledger.verifier.merkle import BrokenError, follow, leaf_hash, path_of, root_of
from payments.ledger.verifier.notes import check_note, read_note


def prove(folder: Path, event: str) -> dict[str, object]:
    """Return the proof that an event (a payment's id, or id/round) is in the log.

    Raises:
        BrokenError: no sealed entry is about it.
    """
    blocks = blocks_of(read_blocks(folder), "entries")
    start, wanted = 0, event.encode()
    for block in blocks:
        lines = read_lines(folder / "entries.tsv", start, block.length)
        start += block.length
        for index, line in enumerate(lines):
            if line.split(b"\t")[3].split(b"/")[0] == wanted or line.split(b"\t")[3] == wanted:
                return _proof(folder, blocks, block, lines, index)
    raise BrokenError(f"no sealed entry is about {event}")


def _proof(
    folder: Path, blocks: Sequence[Block], block: Block, lines: Sequence[bytes], index: int
) -> dict[str, object]:
    notes = list(json.loads((folder / "checkpoints.json").read_text()))
    covering = [one for one in notes if _covers(one, block)]
    size = read_note(covering[0]).size if covering else len(blocks)
    hashes = [bytes.fromhex(one.hash) for one in blocks[:size]]
    return {
        "entry": lines[index].decode(),
        "number": block.first_number + index,
        "year": block.year,
        "header": block.header.decode(),
        "path_in_block": path_of([leaf_hash(line) for line in lines], index),
        "path_in_log": path_of(hashes, block.height),
        "log_root": root_of(hashes).hex(),
        "checkpoint": covering[0] if covering else "",
    }


def _covers(content: str, block: Block) -> bool:
    note = read_note(content)
    return note.kind == block.kind and note.size > block.height


def check_proof(proof: dict[str, object], key: bytes | None = None) -> str:
    """Return what a proof proves.

    Raises:
        BrokenError: it does not lead to its root, or the checkpoint is another one.
    """
    header = str(proof["header"])
    in_block, in_log = proof["path_in_block"], proof["path_in_log"]
    if not isinstance(in_block, list) or not isinstance(in_log, list):
        raise BrokenError("this is not a proof")
    root = follow(leaf_hash(str(proof["entry"]).encode()), in_block)
    if root.hex() != header.split("\n")[6]:
        raise BrokenError("the entry does not lead to the root of its block")
    if follow(leaf_hash(header.encode()), in_log).hex() != proof["log_root"]:
        raise BrokenError("the block does not lead to the root of the log")
    if proof["checkpoint"]:
        note = read_note(str(proof["checkpoint"]))
        if note.root.hex() != proof["log_root"]:
            raise BrokenError("the checkpoint is of another log")
        if key is not None:
            check_note(note, key)
    elif key is not None:
        raise BrokenError("no signed checkpoint covers this entry yet")
    return f"number {proof['number']} of {proof['year']} is in the log"
