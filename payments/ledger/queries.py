"""Reads of the ledger: balances, entries of an event, statement of an account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from payments.ledger.balances import AccountBalance, get_balance, list_drift, trial_balance

__all__ = [
    "AccountBalance",
    "EntryView",
    "PostingView",
    "account_statement",
    "find_entry",
    "find_open_reservation",
    "get_balance",
    "list_entries_of",
    "list_faults",
    "list_new_faults",
    "list_recent_entries",
    "trial_balance",
]


@dataclass(frozen=True)
class PostingView:
    """One posting with the code of its account."""

    account: str
    amount_pence: int
    pending: bool


@dataclass(frozen=True)
class EntryView:
    """An entry with its postings, as people read it."""

    id: UUID
    event_type: str
    event_id: str
    kind: str
    refers_to: UUID | None
    effective_on: date
    recorded_at: datetime
    currency: str
    purpose: str
    resolution: str | None
    postings: tuple[PostingView, ...]


_ENTRIES = """
    SELECT e.id, e.event_type, e.event_id, e.kind, e.refers_to, e.effective_on, e.recorded_at,
           e.currency, b.purpose, r.outcome AS resolution,
           (SELECT json_agg(json_build_array(a.code, p.amount, p.pending) ORDER BY p.line_no)
              FROM posting p JOIN account a ON a.id = p.account_id WHERE p.entry_id = e.id) AS lines
      FROM entry e JOIN posting_batch b ON b.id = e.batch_id
      LEFT JOIN pending_resolution r ON r.pending_entry_id = e.id
"""
# One probe of the index for each type, where DISTINCT would read every entry.
_EVENT_TYPES = text(
    """
    WITH RECURSIVE known AS (
      (SELECT event_type FROM entry WHERE body = :body ORDER BY event_type LIMIT 1)
      UNION ALL
      SELECT (SELECT e.event_type FROM entry e WHERE e.body = :body
                 AND e.event_type > known.event_type ORDER BY e.event_type LIMIT 1)
        FROM known WHERE known.event_type IS NOT NULL)
    SELECT event_type FROM known WHERE event_type IS NOT NULL
    """
)
_ENTRIES_OF = text(
    _ENTRIES + " WHERE e.body = :body AND e.event_type = ANY(:types)"
    " AND (e.event_id = :event_id OR e.event_id >= :event_id || '/' AND"
    " e.event_id < :event_id || '0') ORDER BY e.id"
)
_RECENT = text(_ENTRIES + " WHERE e.body = :body ORDER BY e.id DESC LIMIT :limit OFFSET :skip")
_ENTRY = text(_ENTRIES + " WHERE e.body = :body AND e.id = :id")
_STATEMENT = text(
    _ENTRIES + " WHERE e.id IN (SELECT q.entry_id FROM posting q WHERE q.account_id ="
    " (SELECT id FROM account WHERE body = :body AND code = :code) GROUP BY q.entry_id"
    " ORDER BY q.entry_id DESC LIMIT :limit OFFSET :skip) ORDER BY e.id DESC"
)
_OPEN_RESERVATION = text(
    """
    SELECT e.id, (SELECT sum(amount) FROM posting p WHERE p.entry_id = e.id AND amount > 0)::bigint
             AS amount_pence
      FROM entry e
     WHERE e.body = :body AND e.event_type = 'run.reserved' AND e.kind = 'pending'
       AND e.event_id >= :run_id || '/' AND e.event_id < :run_id || '0'
       AND NOT EXISTS (SELECT 1 FROM pending_resolution r WHERE r.pending_entry_id = e.id)
     ORDER BY e.id DESC LIMIT 1
    """
)
_UNBALANCED = text(
    """
    SELECT entry_id FROM posting p JOIN entry e ON e.id = p.entry_id WHERE e.body = :body
     GROUP BY entry_id, pending HAVING sum(amount) <> 0 ORDER BY 1 LIMIT 1
    """
)
# LIMIT keeps the planner at a probe for each entry; what is not sealed is little.
_UNBALANCED_NEW = text(
    """
    SELECT e.entry_id FROM unsealed_entries(:body) e CROSS JOIN LATERAL (
        SELECT 1 FROM posting p WHERE p.entry_id = e.entry_id
         GROUP BY p.pending HAVING sum(p.amount) <> 0 LIMIT 1) bad
     ORDER BY e.entry_id LIMIT 1
    """
)
_PROVEN = text(
    """
    SELECT a.code FROM balance b JOIN account a ON a.id = b.account_id
      LEFT JOIN posting p ON p.account_id = a.id AND NOT p.pending
     WHERE a.body = :body
     GROUP BY a.code, b.posted_debit, b.posted_credit
    HAVING b.posted_debit - b.posted_credit <> coalesce(sum(p.amount), 0) ORDER BY 1
    """
)


def list_entries_of(session: Session, body: str, event_id: str) -> list[EntryView]:
    """Return every entry about a payment, run or submission, oldest first."""
    types = list(session.execute(_EVENT_TYPES, {"body": body}).scalars())
    return _views(session, _ENTRIES_OF, {"body": body, "types": types, "event_id": event_id})


def list_recent_entries(
    session: Session, body: str, *, limit: int = 50, skip: int = 0
) -> list[EntryView]:
    """Return a body's entries, newest first."""
    return _views(session, _RECENT, {"body": body, "limit": limit, "skip": skip})


def find_entry(session: Session, body: str, entry_id: UUID) -> EntryView | None:
    """Return one entry of a body, or None."""
    found = _views(session, _ENTRY, {"body": body, "id": entry_id})
    return found[0] if found else None


def account_statement(
    session: Session, body: str, code: str, *, limit: int = 50, skip: int = 0
) -> list[EntryView]:
    """Return the entries that touch an account, newest first."""
    return _views(session, _STATEMENT, {"body": body, "code": code, "limit": limit, "skip": skip})


def find_open_reservation(session: Session, body: str, run_id: UUID) -> tuple[UUID, int] | None:
    """Return id and pence of a run's reservation that nothing has resolved yet, or None."""
    row = session.execute(_OPEN_RESERVATION, {"body": body, "run_id": str(run_id)}).one_or_none()
    return None if row is None else (row.id, int(row.amount_pence))


def list_new_faults(session: Session, body: str) -> list[str]:
    """Return the faults of what is not sealed yet, and of bounds: what a page can ask each time.

    Everything is proved once a day, and by the ``verify-ledger`` command.
    """
    unbalanced = session.execute(_UNBALANCED_NEW, {"body": body}).scalars()
    drifted = session.execute(_PROVEN, {"body": body}).scalars()
    return [
        *(f"entry {one} does not balance" for one in unbalanced),
        *(f"balance of {code} differs from its postings" for code in drifted),
    ]


def list_faults(session: Session, body: str) -> list[str]:
    """Return what contradicts the ledger's invariants: nothing, unless someone went round them."""
    unbalanced = session.execute(_UNBALANCED, {"body": body}).scalars()
    drifted = session.execute(_PROVEN, {"body": body}).scalars()
    return [
        *(f"entry {one} does not balance" for one in unbalanced),
        *(f"balance of {code} differs from its postings" for code in drifted),
        *(
            f"balance by day of {code} differs from its postings"
            for code in list_drift(session, body)
        ),
    ]


def _views(session: Session, statement: object, values: Mapping[str, object]) -> list[EntryView]:
    # SQLAlchemy types its parameters as a dict of Any, which a precise mapping is not.
    rows: Iterable[RowMapping] = session.execute(statement, values).mappings()  # type: ignore[call-overload]  # statements of both kinds take the same values
    return [
        EntryView(
            **{name: row[name] for name in row if name != "lines"},
            postings=tuple(PostingView(*line) for line in row["lines"]),
        )
        for row in rows
    ]
