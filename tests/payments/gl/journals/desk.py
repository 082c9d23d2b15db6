"""Journals as tests write and look at them."""

from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import text

from payments.gl.journals.actions import post_journal, submit_journal
from payments.gl.journals.queries import JournalView, get_journal
from payments.gl.journals.rules import JournalDraft, JournalLine
from payments.ledger.own.actions import open_own_account
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER
from shared import clock
from shared.db import Database
from shared.ids import new_id
from tests.payments.runs.world import BODY, staff

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
DAY = date(2026, 11, 20)
TODAY = clock.london_date(clock.now())
RITA, RORY, RHONA = (staff(name, RECONCILER) for name in ("Rita", "Rory", "Rhona"))
ADA, AUDRA = staff("Ada", ADMINISTRATOR), staff("Audra", AUDITOR)
LINES = (
    JournalLine("programme_expenditure", 12_345, "Heating of the hall"),
    JournalLine("own.fees", -12_345),
)


def draft(**changes: object) -> JournalDraft:
    values: dict[str, object] = {
        "effective_on": DAY,
        "description": "Fees of November",
        "reason": "They were charged to the wrong account",
        "lines": LINES,
    }
    return JournalDraft(**(values | changes))  # type: ignore[arg-type]  # members by name


def open_fees(database: Database) -> None:
    with database.transaction() as session:
        open_own_account(session, BODY, "own.fees", "expense", ADA, bounded=False)


def ask(database: Database, *, key: UUID | None = None, **changes: object) -> int:
    wanted = draft(**changes)
    # The pages know the real day only, the other tests one that never changes.
    now = clock.now() if wanted.effective_on == TODAY else NOW
    with database.transaction() as session:
        return submit_journal(session, BODY, wanted, key or new_id(), RITA, now)[0]


def post(database: Database, number: int) -> UUID:
    seen = look(database, number).content_sha256.hex()
    with database.transaction() as session:
        return post_journal(session, BODY, number, seen, RORY, NOW)


def look(database: Database, number: int) -> JournalView:
    with database.transaction() as session:
        return get_journal(session, BODY, number)


def snapshot(database: Database) -> list[object]:
    """Everything that a refusal must leave as it was."""
    with database.transaction() as session:
        return [
            session.execute(text(f"SELECT t::text FROM {table} t ORDER BY 1")).scalars().all()
            for table in ("journal", "journal_line", "entry", "posting", "audit_event", "period")
        ]
