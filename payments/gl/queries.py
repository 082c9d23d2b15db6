"""Reads of journals: settings, exports, and the lines of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.gl.rules import GlSettings, JournalLine, read_settings
from shared.errors import NotFound

_SETTINGS = text("SELECT * FROM gl_setting WHERE body = :body")
_EXPORTS = """
    SELECT id, body, number, year, first_number, last_number, settings, lines, debit_pence,
           encode(content_sha256, 'hex') AS sha256, made_by_name, made_at, ready_at,
           acknowledged_at, acknowledged_by_name, acknowledgement FROM gl_export
"""
_LIST = text(f"{_EXPORTS} WHERE body = :body ORDER BY number DESC LIMIT :limit OFFSET :skip")
_ONE = text(f"{_EXPORTS} WHERE body = :body AND number = :number")
_BY_ID = text(f"{_EXPORTS} WHERE id = :id")
_WAITING = text(
    """
    SELECT s.year, coalesce(x.upto, 0) + 1 AS first_number, s.upto AS last_number
      FROM (SELECT year, max(first_number + size) - 1 AS upto FROM seal_block
             WHERE body = :body AND kind = 'entries' GROUP BY year) s
      LEFT JOIN (SELECT year, max(last_number) AS upto FROM gl_export WHERE body = :body
                  GROUP BY year) x ON x.year = s.year
     WHERE s.upto > coalesce(x.upto, 0) ORDER BY s.year LIMIT 1
    """
)
_USED_ACCOUNTS = text(
    "SELECT a.code FROM account a WHERE a.body = :body"
    " AND EXISTS (SELECT 1 FROM posting p WHERE p.account_id = a.id) ORDER BY a.code"
)
_ACCOUNTS = text("SELECT code FROM account WHERE body = :body ORDER BY code")
# LIMIT 1 keeps the planner at an index probe for each entry, however it sees the tables.
# The code of a payment is for what it costs; the accounts of the balance sheet have their own.
_SOURCE = """
      FROM seal_block b JOIN entry_seal s ON s.block_id = b.id
      CROSS JOIN LATERAL (SELECT * FROM entry k WHERE k.id = s.entry_id LIMIT 1) e
      JOIN period p ON p.id = e.period_id JOIN posting o ON o.entry_id = e.id AND NOT o.pending
      JOIN account a ON a.id = o.account_id
      LEFT JOIN payment y ON y.id = CASE WHEN e.event_type LIKE 'payment.%'
       AND a.type IN ('expense', 'income') THEN split_part(e.event_id, '/', 1)::uuid END
      LEFT JOIN run r ON r.id = y.run_id LEFT JOIN programme g ON g.id = r.programme_id
      LEFT JOIN journal j ON j.id = CASE WHEN e.event_type IN ('journal.posted', 'journal.reversed')
       THEN e.event_id::uuid END
      LEFT JOIN journal_line l ON l.journal_id = j.id AND l.line_no = o.line_no
     WHERE b.body = :body AND b.kind = 'entries' AND b.year = :year
       AND b.first_number <= :last AND b.first_number + b.size > :first
       AND b.first_number + s.leaf_index BETWEEN :first AND :last
"""
_POSTINGS = text(
    f"""
    SELECT b.year || '/' || (b.first_number + s.leaf_index) AS entry, p.starts_on AS period,
           e.effective_on AS day, a.code AS account, coalesce(y.gl_code, '') AS code,
           e.event_type AS category,
           CASE WHEN j.id IS NULL THEN e.event_type || ' ' || e.event_id
                ELSE 'Journal ' || j.number || ': ' || j.description
                     || CASE WHEN l.note <> '' THEN ', ' || l.note ELSE '' END END AS description,
           o.amount AS amount_pence, coalesce(g.slug, '') AS programme
    {_SOURCE} ORDER BY b.first_number + s.leaf_index, o.line_no
    """
)
# Totals are apart by programme only where VAT is: what was exported before stays as it was.
_PROGRAMME = "CASE WHEN cast(:by_programme AS boolean) THEN coalesce(g.slug, '') ELSE '' END"
_TOTALS = text(
    f"""
    SELECT :year || '/' || :first || '-' || :last AS entry, p.starts_on AS period,
           max(e.effective_on) AS day, a.code AS account, coalesce(y.gl_code, '') AS code,
           e.event_type AS category, e.event_type || ', ' || count(*) || ' entries' AS description,
           sum(o.amount)::bigint AS amount_pence, {_PROGRAMME} AS programme
    {_SOURCE} GROUP BY p.starts_on, a.code, coalesce(y.gl_code, ''), {_PROGRAMME}, e.event_type,
                       o.amount > 0
     ORDER BY p.starts_on, a.code, coalesce(y.gl_code, ''), {_PROGRAMME}, e.event_type, o.amount > 0
    """
)
_PAYMENT_CODES = text(f"SELECT DISTINCT y.gl_code {_SOURCE} AND y.gl_code <> '' ORDER BY 1")
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Export:
    """A journal that went, or goes, to the finance system; amounts are pence."""

    id: UUID
    body: str
    number: int
    year: int
    first_number: int
    last_number: int
    settings: GlSettings
    lines: int | None
    debit_pence: int | None
    sha256: str | None
    made_by_name: str
    made_at: datetime
    ready_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by_name: str | None
    acknowledgement: str


def get_settings(session: Session, body: str) -> GlSettings | None:
    """Return how a body's journals look; None before anybody has said."""
    row = session.execute(_SETTINGS, {"body": body}).mappings().one_or_none()
    return None if row is None else read_settings(dict(row))


def list_accounts(session: Session, body: str) -> list[str]:
    """Return the codes of a body's accounts."""
    return list(session.execute(_ACCOUNTS, {"body": body}).scalars())


def list_used_accounts(session: Session, body: str) -> list[str]:
    """Return the codes of the accounts that have a posting."""
    return list(session.execute(_USED_ACCOUNTS, {"body": body}).scalars())


def find_waiting(session: Session, body: str) -> tuple[int, int, int] | None:
    """Return year, first and last number of what is sealed and in no export; None when nothing."""
    row = session.execute(_WAITING, {"body": body}).one_or_none()
    return None if row is None else (row.year, row.first_number, row.last_number)


def list_payment_codes(
    session: Session, body: str, year: int, first_number: int, last_number: int
) -> list[str]:
    """Return the codes that payments carry among the entries between two numbers."""
    values = {"body": body, "year": year, "first": first_number, "last": last_number}
    session.execute(text("SET LOCAL statement_timeout = 0"))
    return list(session.execute(_PAYMENT_CODES, values).scalars())


def list_exports(session: Session, body: str, *, limit: int = 50, skip: int = 0) -> list[Export]:
    """Return a body's exports, newest first."""
    rows = session.execute(_LIST, {"body": body, "limit": limit, "skip": skip}).mappings()
    return [Export(**{**row, "settings": read_settings(row["settings"])}) for row in rows]


def get_export(session: Session, body: str, number: int) -> Export:
    """Return one export of a body.

    Raises:
        NotFound: there is none of this number.
    """
    row = session.execute(_ONE, {"body": body, "number": number}).mappings().one_or_none()
    if row is None:
        raise NotFound("no_such_export", "There is no such export")
    return Export(**{**row, "settings": read_settings(row["settings"])})


def get_export_by_id(session: Session, export_id: UUID) -> Export:
    """Return one export, for work that follows a commit."""
    row = session.execute(_BY_ID, {"id": export_id}).mappings().one()
    return Export(**{**row, "settings": read_settings(row["settings"])})


def read_lines(session: Session, export: Export) -> Iterator[JournalLine]:
    """Yield an export's lines in their order, the same every time, a few thousand in memory."""
    session.execute(text("SET LOCAL statement_timeout = 0"))
    statement = _POSTINGS if export.settings.detail == "postings" else _TOTALS
    values = {
        "body": export.body,
        "year": export.year,
        "first": export.first_number,
        "last": export.last_number,
        "by_programme": bool(export.settings.vat.programmes),
    }
    options = {"yield_per": _AT_ONCE}
    for row in session.execute(statement, values, execution_options=options).mappings():
        yield JournalLine(**row)
