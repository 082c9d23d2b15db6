"""Reads of journals that people write."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.gl.journals.rules import JournalLine
from shared.errors import NotFound

_COLUMNS = """
    j.id, j.number, j.state, j.effective_on, j.description, j.reason, j.reverses, j.line_count,
    j.total_pence, j.content_sha256, j.entry_id, j.made_by_id, j.made_by_name, j.made_at,
    j.decided_by_id, j.decided_by_name, j.decided_at, j.decision_reason,
    o.number AS reverses_number, r.number AS reversed_by, r.state AS reversal_state,
    n.year || '/' || n.number AS ledger_number, n.sealed_at, x.number AS export_number
"""
# The number of a journal's entry: its place in the one block that took its transaction.
NUMBERED = """
      LEFT JOIN LATERAL (
        SELECT b.year, b.first_number + array_position(k.entry_ids, e.id) - 1 AS number, b.sealed_at
          FROM entry e JOIN entry_block k ON k.body = e.body
           AND int8range(k.from_xid, k.below_xid) @> e.xid::text::bigint AND e.id = ANY(k.entry_ids)
          JOIN seal_block b ON b.id = k.block_id
         WHERE e.id = j.entry_id LIMIT 1) n ON true
"""
_JOINS = f"""
      FROM journal j LEFT JOIN journal o ON o.id = j.reverses
      LEFT JOIN journal r ON r.reverses = j.id AND r.state IN ('waiting', 'posted')
      {NUMBERED}
      LEFT JOIN gl_export x ON x.body = j.body AND x.year = n.year
       AND n.number BETWEEN x.first_number AND x.last_number
"""
_WANTED = r"""
     WHERE j.body = :body AND (:state = '' OR j.state = :state) AND (:search = ''
        OR j.number::text = :search OR j.description ILIKE :like OR j.reason ILIKE :like
        OR j.made_by_name ILIKE :like OR j.decided_by_name ILIKE :like
        OR EXISTS (SELECT FROM journal_line l WHERE l.journal_id = j.id
                      AND (l.account ILIKE :like OR l.note ILIKE :like)))
"""
_LIST = text(
    f"SELECT {_COLUMNS} {_JOINS} {_WANTED} ORDER BY j.number DESC LIMIT :limit OFFSET :skip"
)
_COUNT = text(f"SELECT count(*) FROM journal j {_WANTED}")
_ONE = text(f"SELECT {_COLUMNS} {_JOINS} WHERE j.body = :body AND j.number = :number")
_LINES = text(
    "SELECT account, amount_pence, note FROM journal_line WHERE journal_id = :id ORDER BY line_no"
)
_ROWS = text(
    f"""
    SELECT j.number, j.state, j.effective_on, j.description, j.reason, o.number AS reverses,
           n.year || '/' || n.number AS ledger_number, j.made_by_name,
           j.made_at, j.decided_by_name, j.decided_at, l.line_no, l.account, l.amount_pence, l.note
      FROM journal j JOIN journal_line l ON l.journal_id = j.id
      LEFT JOIN journal o ON o.id = j.reverses
      {NUMBERED} {_WANTED} AND (:number = 0 OR j.number = :number) ORDER BY j.number, l.line_no
    """
)
_ACCOUNTS = text(
    "SELECT code, type FROM account WHERE body = :body AND closed_at IS NULL ORDER BY code"
)
_CLOSED_MONTH = text(
    """
    SELECT max(starts_on) FROM period WHERE body = :body AND state <> 'open'
       AND ends_before > :day
       AND (starts_on <= :day OR NOT EXISTS (SELECT FROM period o WHERE o.body = :body
             AND o.starts_on <= :day AND o.ends_before > :day AND o.state = 'open'))
    """
)
_AT_ONCE = 2_000


@dataclass(frozen=True)
class JournalView:
    """A journal as people see it; ``ledger_number`` follows some seconds after the posting."""

    id: UUID
    number: int
    state: str
    effective_on: date
    description: str
    reason: str
    reverses: UUID | None
    line_count: int
    total_pence: int
    content_sha256: bytes
    entry_id: UUID | None
    made_by_id: str
    made_by_name: str
    made_at: datetime
    decided_by_id: str | None
    decided_by_name: str | None
    decided_at: datetime | None
    decision_reason: str
    reverses_number: int | None
    reversed_by: int | None
    reversal_state: str | None
    ledger_number: str | None
    sealed_at: datetime | None
    export_number: int | None


def list_journals(
    session: Session, body: str, *, state: str = "", search: str = "", limit: int, skip: int = 0
) -> tuple[list[JournalView], int]:
    """Return a body's journals, newest first, and how many there are."""
    values: dict[str, object] = _wanted(body, state, search)
    rows = session.execute(_LIST, values | {"limit": limit, "skip": skip}).mappings()
    found = [JournalView(**row) for row in rows]
    return found, int(session.execute(_COUNT, values).scalar_one())


def get_journal(session: Session, body: str, number: int) -> JournalView:
    """Return one journal of a body.

    Raises:
        NotFound: there is none of this number.
    """
    row = session.execute(_ONE, {"body": body, "number": number}).mappings().one_or_none()
    if row is None:
        raise NotFound("no_such_journal", "There is no such journal")
    return JournalView(**row)


def list_lines(session: Session, journal_id: UUID) -> list[JournalLine]:
    """Return the lines of a journal in their order."""
    return [JournalLine(*row) for row in session.execute(_LINES, {"id": journal_id})]


def read_rows(
    session: Session, body: str, *, state: str = "", search: str = "", number: int = 0
) -> Iterator[list[object]]:
    """Yield the lines of journals as the columns of ``write_csv``; amounts in pounds."""
    values = _wanted(body, state, search) | {"number": number}
    for row in session.execute(_ROWS, values, execution_options={"yield_per": _AT_ONCE}):
        *facts, pence, note = row
        pounds = f"{abs(pence) // 100}.{abs(pence) % 100:02d}"
        sides = [pounds, ""] if pence > 0 else ["", pounds]
        yield [_plain(fact) for fact in facts] + sides + [note]


def list_open_accounts(session: Session, body: str) -> dict[str, str]:
    """Return the code and type of each account of a body that is not closed."""
    return {row.code: row.type for row in session.execute(_ACCOUNTS, {"body": body})}


def find_closed_month(session: Session, body: str, day: date) -> date | None:
    """Return the month that keeps a day from being posted to its own month; None when it is free.

    That is the month of the day itself, or a later one where the day has no open month.
    """
    found: date | None = session.execute(_CLOSED_MONTH, {"body": body, "day": day}).scalar_one()
    return found


def _wanted(body: str, state: str, search: str) -> dict[str, object]:
    plain = search.replace("\0", "").strip()
    escaped = plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"body": body, "state": state, "search": plain, "like": f"%{escaped}%"}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value
