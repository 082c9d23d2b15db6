"""The sealer: numbers and hashes for what is committed, off the path of posting.

One works at a time (a lock that ends with its transaction). It takes rows of transactions that are
older than every open one, so none can appear later before those that it has numbered.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.seal.entries import end_pass, fill_block, find_waiting
from payments.ledger.seal.lines import COMMITMENT, CONTROL_LINE
from payments.ledger.verifier.blocks import Block
from payments.ledger.verifier.merkle import LEAF, leaf_hash, root_of_leaves

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST = 20_000
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('payments.ledger.seal', 0))")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('payments.ledger.seal', 0))")
# A plan made while a table was small would scan it later: allow index probes only.
_PROBES = tuple(
    text(f"SET LOCAL enable_{kind} = off") for kind in ("seqscan", "hashjoin", "mergejoin")
)
_FREE = tuple(
    text(f"SET LOCAL enable_{kind} TO DEFAULT") for kind in ("seqscan", "hashjoin", "mergejoin")
)
_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
_CONTROL_GROUPS = text(
    """
    SELECT DISTINCT coalesce(a.actor_organisation, '') AS body
      FROM control_queue q JOIN audit_event a ON a.id = q.event_id
     WHERE q.xid < cast(:below AS xid8) ORDER BY 1
    """
)
_SEAL_CONTROL = text(
    f"""
    WITH taken AS (
      DELETE FROM control_queue WHERE event_id IN (
        SELECT q.event_id FROM control_queue q JOIN audit_event a ON a.id = q.event_id
         WHERE q.xid < cast(:below AS xid8) AND coalesce(a.actor_organisation, '') = :body
         ORDER BY q.event_id LIMIT :most)
      RETURNING event_id, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS salt),
    hidden AS (
      SELECT a.*, t.salt, {COMMITMENT} AS commitment
        FROM taken t JOIN audit_event a ON a.id = t.event_id),
    made AS (
      INSERT INTO control_seal (block_id, leaf_index, event_id, salt, commitment, leaf)
      SELECT :block, row_number() OVER (ORDER BY a.id) - 1, a.id, a.salt, a.commitment,
             sha256('\\x00'::bytea || convert_to({CONTROL_LINE}, 'UTF8'))
        FROM hidden a
      RETURNING leaf_index, leaf)
    SELECT string_agg(leaf, ''::bytea ORDER BY leaf_index) FROM made
    """
)
_NEXT_BLOCK = text("SELECT nextval(pg_get_serial_sequence('seal_block', 'id'))")
_LAST = text(
    "SELECT height, hash FROM seal_block WHERE body = :body AND kind = :kind"
    " ORDER BY height DESC LIMIT 1"
)
_NUMBER = text(
    """
    SELECT coalesce(max(first_number + size), 1) FROM seal_block
     WHERE body = :body AND kind = :kind AND year = :year
    """
)
_BLOCK = text(
    """
    INSERT INTO seal_block (id, body, kind, height, year, first_number, size, root, previous, hash,
                            sealed_at)
    OVERRIDING SYSTEM VALUE
    VALUES (:block, :body, :kind, :height, :year, :number, :size, :root, :previous, :hash, :at)
    """
)


@dataclass(frozen=True)
class _Log:
    kind: str
    body: str
    year: int


@dataclass(frozen=True)
class Sealed:
    """What one pass did: how many leaves, and whether as much again may wait."""

    leaves: int
    more: bool


def seal(session: Session, now: datetime, *, most: int = _MOST, wait: bool = False) -> Sealed:
    """Seal what is committed and not sealed yet, entries and control events, at most so many.

    Does nothing while another sealer works, or waits until that has ended. A transaction is sealed
    whole, so a pass may take more than asked for by one transaction.
    """
    if wait:
        session.execute(_LOCK)
    elif not session.execute(_TRY_LOCK).scalar_one():
        return Sealed(0, more=False)
    control = _seal_control(session, now, most)
    entries, more = _seal_entries(session, now, most)
    return Sealed(entries + control, more=more or control >= most)


def _seal_entries(session: Session, now: datetime, most: int) -> tuple[int, bool]:
    waiting = find_waiting(session, most)
    sealed = 0
    for group in waiting.groups:
        block = _next_block(session)
        leaves = fill_block(session, group, block)
        _write_block(session, block, _Log("entries", group.body, group.year), leaves, now)
        sealed += len(leaves) // LEAF
    end_pass(session, waiting)
    return sealed, waiting.more


def _seal_control(session: Session, now: datetime, most: int) -> int:
    for setting in _PROBES:
        session.execute(setting)
    values = {"below": session.execute(_HORIZON).scalar_one(), "most": most}
    sealed = 0
    for group in session.execute(_CONTROL_GROUPS, values).all():
        block = _next_block(session)
        found = session.execute(_SEAL_CONTROL, {**values, "block": block, "body": group.body})
        leaves = bytes(found.scalar_one())
        _write_block(session, block, _Log("control", group.body, 0), leaves, now)
        sealed += len(leaves) // LEAF
    for setting in _FREE:
        session.execute(setting)
    return sealed


def _next_block(session: Session) -> int:
    return int(session.execute(_NEXT_BLOCK).scalar_one())


def _write_block(session: Session, block_id: int, log: _Log, leaves: bytes, now: datetime) -> None:
    chain = {"kind": log.kind, "body": log.body, "year": log.year}
    last = session.execute(_LAST, chain).one_or_none()
    number = session.execute(_NUMBER, chain).scalar_one()
    block = Block(
        log.kind,
        0 if last is None else last.height + 1,
        log.year,
        int(number),
        len(leaves) // LEAF,
        root_of_leaves(leaves).hex(),
        "0" * 64 if last is None else bytes(last.hash).hex(),
        (now - _EPOCH) // _MICROSECOND,
        "",
    )
    session.execute(
        _BLOCK,
        chain
        | {
            "block": block_id,
            "height": block.height,
            "number": block.first_number,
            "size": block.size,
            "root": bytes.fromhex(block.root),
            "previous": bytes.fromhex(block.previous),
            "hash": leaf_hash(block.header),
            "at": now,
        },
    )
