"""Which entries wait for their seal, and the one statement that makes what a block of them holds.

Nothing of an entry travels: the database makes the canonical line, hashes it and keeps ids and
leaves in one row of ``entry_block``. Only the leaves come back, for the root above them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.seal.lines import PAIR, POSTINGS, YEAR, entry_line

_CLUSTER = text("SELECT system_identifier::text FROM pg_control_system()")
_WATERMARK = text(
    "SELECT cluster, sealed_below::text AS below FROM seal_watermark WHERE kind = 'entries'"
)
# Numbers of transactions come as text, because Python knows no xid8.
_SINCE, _BELOW = "cast(:since AS text)", "cast(:below AS text)"
_MOVE = text(
    f"""
    INSERT INTO seal_watermark (kind, cluster, sealed_below)
    VALUES ('entries', :cluster, {_BELOW}::xid8)
    ON CONFLICT (kind) DO UPDATE SET cluster = excluded.cluster,
           sealed_below = excluded.sealed_below
    """
)
_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
_BOUND = text(
    f"""
    SELECT xid::text FROM entry WHERE xid > {_SINCE}::xid8 AND xid < {_BELOW}::xid8
     ORDER BY entry.xid OFFSET :most LIMIT 1
    """
)
_OVERLAPS = text(
    f"""
    SELECT EXISTS (SELECT 1 FROM entry_block WHERE below_xid > {_SINCE}::bigint
                      AND from_xid < {_BELOW}::bigint)
    """
)
# A plan made while a table was small would scan it later, or read it once for each entry. Hash
# joins are for what is found by transaction; what lies close together comes in order of its ids.
_PLAN = text(
    """
    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_nestloop', 'off', true),
           set_config('enable_hashjoin', :hash, true), set_config('datestyle', 'ISO', true)
    """
)
_FREE = tuple(
    text(f"SET LOCAL enable_{name} TO DEFAULT") for name in ("seqscan", "nestloop", "hashjoin")
)
_WITHIN = f"e.xid >= {_SINCE}::xid8 AND e.xid < {_BELOW}::xid8"
# After a restore into another cluster the numbers of transactions begin anew, and blocks from
# before may name the same: their entries are left out.
_REST = f"""
    {_WITHIN} AND NOT EXISTS (SELECT 1 FROM (
      SELECT unnest(k.entry_ids) AS id FROM entry_block k
       WHERE k.below_xid > {_SINCE}::bigint AND k.from_xid < {_BELOW}::bigint) s
       WHERE s.id = e.id)
"""
_SOURCES = {"new": _WITHIN, "rest": _REST}
_GROUPS = {
    which: text(
        f"""
        SELECT e.body, {YEAR} AS year, sum(e.entries)::bigint AS entries, min(e.first) AS first,
               max(e.last) AS last, array_agg(p.id) AS periods,
               array_agg(to_char(p.starts_on, 'YYYY-MM-DD')) AS starts
          FROM (SELECT e.body, e.period_id, count(*) AS entries, min(e.id::text) AS first,
                       max(e.id::text) AS last FROM entry e WHERE {source} GROUP BY 1, 2) e
          JOIN period p ON p.id = e.period_id GROUP BY 1, 2 ORDER BY 1, 2
        """
    )
    for which, source in _SOURCES.items()
}
_NEARBY = text(
    """
    SELECT count(*) FROM (SELECT 1 FROM entry WHERE id BETWEEN cast(:first AS uuid)
      AND cast(:last AS uuid) LIMIT :limit) n
    """
)
_BETWEEN = "BETWEEN cast(:first AS uuid) AND cast(:last AS uuid)"
_OWN = "(e.body = :body) IS TRUE AND e.period_id = ANY(cast(:periods AS uuid[]))"
_STARTS_ON = "(cast(:starts AS text[]))[array_position(cast(:periods AS uuid[]), e.period_id)]"
# `IS TRUE` fences conditions off from their indexes: what is scattered is found by its transaction,
# and where ids lie close together the primary keys of entries and postings are read side by side.
_SCATTERED = f"FROM entry e WHERE {_OWN} AND %s"
_CLOSE = f"""
    FROM entry e
    LEFT JOIN posting a ON a.entry_id = e.id AND a.line_no = 1 AND a.entry_id {_BETWEEN}
    LEFT JOIN posting b ON b.entry_id = e.id AND b.line_no = 2 AND b.entry_id {_BETWEEN}
    WHERE e.id {_BETWEEN} AND {_OWN} AND ({_WITHIN}) IS TRUE
"""
_CLOSE_POSTINGS = f"CASE e.posting_count WHEN 2 THEN {PAIR} ELSE {POSTINGS} END"
_FILL = f"""
    INSERT INTO entry_block (block_id, body, year, cluster, from_xid, below_xid, entry_ids, leaves)
    SELECT :block, :body, :year, :cluster, {_SINCE}::bigint, {_BELOW}::bigint,
           array_agg(l.id ORDER BY l.id), string_agg(l.leaf, ''::bytea ORDER BY l.id)
      FROM (SELECT e.id, sha256('\\x00'::bytea || convert_to(%s, 'UTF8')) AS leaf %s
            OFFSET 0) l HAVING count(*) > 0
    RETURNING leaves
"""
_FILLS = {
    "close": text(_FILL % (entry_line(_CLOSE_POSTINGS, _STARTS_ON), _CLOSE)),
    **{
        which: text(_FILL % (entry_line(POSTINGS, _STARTS_ON), _SCATTERED % source))
        for which, source in _SOURCES.items()
    },
}
_FEW = 100  # for so few the question whether they lie close together is not worth asking
_NEW_CLUSTER = {"since": "0", "below": str(2**63 - 1)}


@dataclass(frozen=True)
class Group:
    """Entries of a body and a financial year that become one block."""

    body: str
    year: int
    fill: Literal["close", "new", "rest"]
    values: Mapping[str, object]


@dataclass(frozen=True)
class Waiting:
    """What one pass takes: its groups, where it ends, and whether more waits behind."""

    groups: tuple[Group, ...]
    cluster: str
    below: str
    more: bool


def find_waiting(session: Session, most: int) -> Waiting:
    """Return the next entries to seal, whole transactions, those of the oldest first.

    Only those of transactions that are older than every open one are taken, so that none can
    appear later before them.
    """
    horizon = session.execute(_HORIZON).scalar_one()
    cluster = session.execute(_CLUSTER).scalar_one()
    row = session.execute(_WATERMARK).one_or_none()
    restored = row is not None and row.cluster != cluster
    values = {"since": "0" if row is None else row.below, "below": horizon}
    bound = None
    if restored:
        values = dict(_NEW_CLUSTER)
    else:
        bound = session.execute(_BOUND, values | {"most": most}).scalar_one_or_none()
        values["below"] = bound or horizon
    overlaps = bool(session.execute(_OVERLAPS, values).scalar_one())
    which: Literal["new", "rest"] = "rest" if overlaps or restored else "new"
    session.execute(_PLAN, {"hash": "on"})
    groups = tuple(
        Group(
            found.body,
            found.year,
            "close" if which == "new" and _lie_close(session, found) else which,
            {
                **values,
                "cluster": None if which == "rest" else cluster,
                "first": found.first,
                "last": found.last,
                "periods": found.periods,
                "starts": found.starts,
            },
        )
        for found in session.execute(_GROUPS[which], values)
    )
    return Waiting(groups, cluster, horizon if restored else values["below"], bound is not None)


def fill_block(session: Session, group: Group, block: int) -> bytes:
    """Write what a block of this group holds; returns its leaves in their order, 32 bytes each."""
    session.execute(_PLAN, {"hash": "off" if group.fill == "close" else "on"})
    values = {**group.values, "block": block, "body": group.body, "year": group.year}
    return bytes(session.execute(_FILLS[group.fill], values).scalar_one())


def end_pass(session: Session, waiting: Waiting) -> None:
    """Move the watermark to the end of a pass, and plan as usual again."""
    session.execute(_MOVE, {"cluster": waiting.cluster, "below": waiting.below})
    for setting in _FREE:
        session.execute(setting)


def _lie_close(session: Session, found: object) -> bool:
    """Tell whether at least half of what lies between a group's ids is the group's.

    Then its entries and postings are read side by side in the order of their keys, which takes
    half the time of a probe for each; otherwise that would read what is not asked for.
    """
    entries = int(getattr(found, "entries", 0))
    if entries < _FEW:
        return False
    bounds = {"first": getattr(found, "first", ""), "last": getattr(found, "last", "")}
    nearby = session.execute(_NEARBY, {**bounds, "limit": 2 * entries + 1}).scalar_one()
    return int(nearby) <= 2 * entries
