"""Where a posting goes: the accounts of a body, and the period of a day."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.rules import month_of
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

_ACCOUNTS = text("SELECT code, id FROM account WHERE body = :body AND code = ANY(:codes)")
_OPEN_PERIODS = text(
    """
    INSERT INTO period (id, body, starts_on, ends_before)
    SELECT u.id, :body, u.starts_on, u.ends_before
      FROM unnest(cast(:ids AS uuid[]), cast(:starts AS date[]), cast(:ends AS date[]))
           AS u(id, starts_on, ends_before)
    ON CONFLICT DO NOTHING
    """
)
_PERIODS = text(
    """
    SELECT d.day, (SELECT p.id FROM period p WHERE p.body = :body AND p.state = 'open'
                      AND p.ends_before > d.day ORDER BY p.starts_on LIMIT 1) AS id,
           EXISTS (SELECT 1 FROM period p WHERE p.body = :body AND p.starts_on <= d.day
                      AND p.ends_before > d.day) AS has_own
      FROM unnest(cast(:days AS date[])) AS d(day)
    """
)


def find_account_ids(session: Session, body: str, wanted: Iterable[str]) -> dict[str, UUID]:
    """Return the id of each account by its code; refuses codes that the body does not have.

    Raises:
        Invalid: ``no_such_account``, one fault for each.
    """
    codes = sorted(set(wanted))
    found = {row.code: row.id for row in session.execute(_ACCOUNTS, {"body": body, "codes": codes})}
    if missing := [code for code in codes if code not in found]:
        raise Invalid(
            *(FieldError(code, "is not an account of this body") for code in missing),
            code="no_such_account",
            title="The ledger does not know these accounts",
        )
    return found


def find_period_ids(session: Session, body: str, days: Iterable[date]) -> dict[date, UUID]:
    """Return the open period of each day; a day of a closed one goes to the next open one.

    Months are opened when they are first posted to; a closed month is never opened again.

    Raises:
        Conflict: ``period_closed``, nothing is open for a day or later.
    """
    values = {"body": body, "days": sorted(set(days))}
    rows = session.execute(_PERIODS, values).all()
    if months := {month_of(row.day) for row in rows if not row.has_own}:
        open_periods(session, body, months)
        rows = session.execute(_PERIODS, values).all()
    if closed := [row.day for row in rows if row.id is None]:
        raise Conflict("period_closed", f"No period is open for {closed[0].isoformat()} or later")
    return {row.day: row.id for row in rows}


def open_periods(session: Session, body: str, months: Iterable[tuple[date, date]]) -> None:
    """Open months, half open; those that are there stay as they are."""
    wanted = sorted(months)
    session.execute(
        _OPEN_PERIODS,
        {
            "body": body,
            "ids": [new_id() for _ in wanted],
            "starts": [month[0] for month in wanted],
            "ends": [month[1] for month in wanted],
        },
    )
