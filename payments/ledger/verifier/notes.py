"""Checkpoints as signed notes (C2SP signed-note and tlog-checkpoint)."""

import base64
import hashlib
from dataclasses import dataclass

from payments.ledger.verifier.ed25519 import is_signed
from payments.ledger.verifier.merkle import BrokenError


@dataclass(frozen=True)
class Note:
    """A signed checkpoint: whose log, how many blocks, which root."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def kind(self) -> str:
        """Return which log of the body it is about."""
        return self.origin.rsplit("/", 1)[-1]


def read_note(content: str) -> Note:
    """Return a checkpoint as it was written; refuses anything else."""
    text, _, rest = content.partition("\n\n")
    try:
        origin, size, root = text.split("\n")[:3]
        signatures = []
        for line in rest.splitlines():
            mark, name, signature = line.split(" ")
            if mark == "\u2014":
                signatures.append((name, base64.b64decode(signature, validate=True)))
        return Note(origin, int(size), base64.b64decode(root), text + "\n", tuple(signatures))
    except ValueError as error:
        raise BrokenError(f"this is not a checkpoint: {content[:60]!r}") from error


def key_id(name: str, public_key: bytes) -> bytes:
    """Return the four bytes by which a note names its key."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public_key).digest()[:4]


def check_note(note: Note, public_key: bytes) -> None:
    """Refuse a note without a good signature of this key."""
    for name, signature in note.signatures:
        if signature[:4] == key_id(name, public_key) and is_signed(
            public_key, note.text.encode(), signature[4:]
        ):
            return
    raise BrokenError(f"checkpoint {note.origin} of {note.size} blocks: no good signature")
