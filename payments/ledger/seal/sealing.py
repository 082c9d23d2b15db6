"""The sealer: numbers and hashes for what is committed, off the path of posting.

One works at a time (a lock that ends with its transaction). It takes rows of transactions that are
older than every open one, so none can appear later before those that it has numbered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.seal.lines import COMMITMENT, CONTROL_LINE, ENTRY_LINE, YEAR
from payments.ledger.verifier.blocks import Block
from payments.ledger.verifier.merkle import leaf_hash, root_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAF = 32
_MOST = 20_000
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('payments.ledger.seal', 0))")
# A plan made while a table was small would scan it later: allow index probes only.
_PROBES = tuple(
    text(f"SET LOCAL enable_{kind} = off") for kind in ("seqscan", "hashjoin", "mergejoin")
)
_CLUSTER = text("SELECT system_identifier::text FROM pg_control_system()")
_WATERMARK = text(
    "SELECT cluster, sealed_below::text AS below FROM seal_watermark WHERE kind = :kind"
)
_MOVE = text(
    """
    INSERT INTO seal_watermark (kind, cluster, sealed_below)
    VALUES (:kind, :cluster, cast(:below AS xid8))
    ON CONFLICT (kind) DO UPDATE SET cluster = excluded.cluster,
           sealed_below = excluded.sealed_below
    """
)
_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
_BOUND = text(
    """
    SELECT xid::text FROM entry WHERE xid > cast(:since AS xid8) AND xid < cast(:below AS xid8)
     ORDER BY entry.xid OFFSET :most LIMIT 1
    """
)
# The watermark alone says what is unsealed. After a restore into another cluster the numbers of
# transactions begin anew: what is unsealed then is found by that, and from then on both are asked.
_UNSEALED = "NOT EXISTS (SELECT 1 FROM entry_seal s WHERE s.entry_id = e.id)"
_WITHIN = "e.xid >= cast(:since AS xid8) AND e.xid < cast(:below AS xid8)"
_ENTRIES = "entry e JOIN period p ON p.id = e.period_id WHERE"
_SOURCES = {
    "new": f"{_ENTRIES} {_WITHIN}",
    "new_and_unsealed": f"{_ENTRIES} {_WITHIN} AND {_UNSEALED}",
    "unsealed": f"{_ENTRIES} {_UNSEALED}",
}
_ENTRY_GROUPS = {
    which: text(f"SELECT DISTINCT e.body, {YEAR} AS year FROM {source} ORDER BY 1, 2")
    for which, source in _SOURCES.items()
}
_SEAL_ENTRIES = {
    which: text(
        f"""
        WITH made AS (
          INSERT INTO entry_seal (block_id, leaf_index, entry_id, leaf)
          SELECT :block, row_number() OVER (ORDER BY e.id) - 1, e.id,
                 sha256('\\x00'::bytea || convert_to({ENTRY_LINE}, 'UTF8'))
            FROM {source} AND e.body = :body AND {YEAR} = :year
          RETURNING leaf_index, leaf)
        SELECT string_agg(leaf, ''::bytea ORDER BY leaf_index) FROM made
        """
    )
    for which, source in _SOURCES.items()
}
_CONTROL_GROUPS = text(
    """
    SELECT DISTINCT coalesce(a.actor_organisation, '') AS body, cast(0 AS smallint) AS year
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
class Sealed:
    """What one pass did: how many leaves, and whether as much again may wait."""

    leaves: int
    more: bool


def seal(session: Session, now: datetime, *, most: int = _MOST) -> Sealed:
    """Seal what is committed and not sealed yet, entries and control events, at most so many.

    Does nothing while another sealer works. A transaction is sealed whole, so a pass may take
    more than asked for by one transaction.
    """
    if not session.execute(_LOCK).scalar_one():
        return Sealed(0, more=False)
    for setting in _PROBES:
        session.execute(setting)
    below = session.execute(_HORIZON).scalar_one()
    entries, more = _seal_entries(session, below, now, most)
    control = _seal_control(session, below, now, most)
    return Sealed(entries + control, more=more or control >= most)


def _seal_entries(session: Session, below: str, now: datetime, most: int) -> tuple[int, bool]:
    cluster = session.execute(_CLUSTER).scalar_one()
    row = session.execute(_WATERMARK, {"kind": "entries"}).one_or_none()
    restored = session.execute(_WATERMARK, {"kind": "restored"}).one_or_none() is not None
    which = "new_and_unsealed" if restored else "new"
    values: dict[str, object] = {"since": "0" if row is None else row.below, "below": below}
    bound = None
    if row is not None and row.cluster != cluster:
        which = "unsealed"
        session.execute(_MOVE, {"kind": "restored", "cluster": cluster, "below": row.below})
    else:
        bound = session.execute(_BOUND, values | {"most": most}).scalar_one_or_none()
        values["below"] = bound or below
    sealed = 0
    for group in session.execute(_ENTRY_GROUPS[which], values).all():
        chain = {"kind": "entries", "body": group.body, "year": group.year}
        sealed += _seal_group(session, _SEAL_ENTRIES[which], values | chain, now)
    session.execute(_MOVE, {"kind": "entries", "cluster": cluster, "below": values["below"]})
    return sealed, bound is not None


def _seal_control(session: Session, below: str, now: datetime, most: int) -> int:
    values: dict[str, object] = {"below": below, "most": most}
    sealed = 0
    for group in session.execute(_CONTROL_GROUPS, values).all():
        chain = {"kind": "control", "body": group.body, "year": group.year}
        sealed += _seal_group(session, _SEAL_CONTROL, values | chain, now)
    return sealed


def _seal_group(
    session: Session, statement: object, values: Mapping[str, object], now: datetime
) -> int:
    block = session.execute(_NEXT_BLOCK).scalar_one()
    # SQLAlchemy types its parameters as a dict of Any, which a precise mapping is not.
    found = session.execute(statement, {**values, "block": block})  # type: ignore[call-overload]  # statements of both kinds take the same values
    content = found.scalar_one()
    if content is None:
        return 0
    leaves = [bytes(content[at : at + _LEAF]) for at in range(0, len(content), _LEAF)]
    _write_block(session, int(block), values, leaves, now)
    return len(leaves)


def _write_block(
    session: Session,
    block_id: int,
    values: Mapping[str, object],
    leaves: Sequence[bytes],
    now: datetime,
) -> None:
    kind, year = str(values["kind"]), int(str(values["year"]))
    last = session.execute(_LAST, dict(values)).one_or_none()
    number = session.execute(_NUMBER, dict(values)).scalar_one()
    block = Block(
        kind,
        0 if last is None else last.height + 1,
        year,
        int(number),
        len(leaves),
        root_of(leaves).hex(),
        "0" * 64 if last is None else bytes(last.hash).hex(),
        (now - _EPOCH) // _MICROSECOND,
        "",
    )
    session.execute(
        _BLOCK,
        {
            "block": block_id,
            "body": values["body"],
            "kind": kind,
            "height": block.height,
            "year": year,
            "number": block.first_number,
            "size": block.size,
            "root": bytes.fromhex(block.root),
            "previous": bytes.fromhex(block.previous),
            "hash": leaf_hash(block.header),
            "at": now,
        },
    )
