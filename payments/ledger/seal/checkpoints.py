"""Signed checkpoints of a body's logs, to be kept where the operator cannot change them."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.verifier.merkle import GrowingTree
from payments.ledger.verifier.notes import key_id
from shared.ids import new_id

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('payments.ledger.sign', 0))")
_DUE = text(
    """
    SELECT b.body, b.kind, max(b.height) + 1 AS size FROM seal_block b
     WHERE cast(:body AS text) IS NULL OR b.body = :body
     GROUP BY b.body, b.kind
    HAVING NOT EXISTS (SELECT 1 FROM seal_checkpoint c WHERE c.body = b.body AND c.kind = b.kind
              AND (c.size >= max(b.height) + 1 OR c.made_at > :before))
     ORDER BY 1, 2
    """
)
_HASHES = text("SELECT hash FROM seal_block WHERE body = :body AND kind = :kind ORDER BY height")
_KEEP = text(
    """
    INSERT INTO seal_checkpoint (id, body, kind, size, root, note, made_at)
    VALUES (:id, :body, :kind, :size, :root, :note, :now)
    """
)
_UNDELIVERED = text(
    "SELECT id, body, kind, size, note FROM seal_checkpoint WHERE delivered_at IS NULL ORDER BY id"
)
_DELIVERED = text("UPDATE seal_checkpoint SET delivered_at = :now WHERE id = ANY(:ids)")


class WeakKeyError(ValueError):
    """The file does not hold a private key of Ed25519."""


@dataclass(frozen=True)
class Signer:
    """A private key and the name under which auditors know it."""

    name: str
    key: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        """Return the 32 bytes with which anybody checks a signature."""
        return self.key.public_key().public_bytes_raw()

    def sign(self, origin: str, size: int, root: bytes) -> str:
        """Return a checkpoint as a signed note (C2SP tlog-checkpoint)."""
        body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = key_id(self.name, self.public_key) + self.key.sign(body.encode())
        return f"{body}\n\u2014 {self.name} {base64.b64encode(signature).decode()}\n"


def read_signer(name: str, key_file: Path) -> Signer:
    """Return the signer whose key is in a file; the key is never taken from the database.

    Raises:
        WeakKeyError: the file holds another kind of key.
    """
    key = load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise WeakKeyError(f"{key_file} does not hold an Ed25519 key")
    return Signer(name, key)


def make_checkpoints(
    session: Session,
    signer: Signer,
    now: datetime,
    every: timedelta = timedelta(0),
    body: str | None = None,
) -> int:
    """Sign the state of each log that has grown since its last checkpoint, which is so old.

    With a body, only its logs. Waits while another process signs.
    """
    session.execute(_LOCK)
    due = session.execute(_DUE, {"before": now - every, "body": body}).all()
    for log in due:
        chain = {"body": log.body, "kind": log.kind}
        tree = GrowingTree()
        for block_hash in session.execute(_HASHES, chain).scalars():
            tree.add(bytes(block_hash))
        root = tree.root()
        note = signer.sign(f"{signer.name}/{log.body or '-'}/{log.kind}", tree.size, root)
        session.execute(
            _KEEP,
            chain | {"id": new_id(), "size": tree.size, "root": root, "note": note, "now": now},
        )
    return len(due)


def list_undelivered(session: Session) -> list[tuple[UUID, str, str]]:
    """Return id, file name and note of checkpoints that are not in the folder yet."""
    return [
        (row.id, f"{row.body or '-'}-{row.kind}-{row.size:08d}.txt", row.note)
        for row in session.execute(_UNDELIVERED)
    ]


def mark_delivered(session: Session, ids: Sequence[UUID], now: datetime) -> None:
    """Record that checkpoints were written to the folder."""
    session.execute(_DELIVERED, {"ids": list(ids), "now": now})
