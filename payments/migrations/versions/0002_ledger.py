"""The ledger: tables, and triggers that hold every invariant against the application itself.

Each refusal has its own SQLSTATE of class LG and names the first offending row:

LG001 no open batch of this transaction     LG010 what an entry refers to does not fit
LG002 a batch is not whole                  LG011 a reversal does not mirror its original
LG003 number of postings or line numbers    LG012 a pending entry is resolved already
LG004 does not sum to zero                  LG013 more posted than reserved, or not all taken off
LG005 no such account                       LG014 the bound of an account
LG006 the account is closed                 LG015 nothing is changed or deleted
LG007 account or batch of another body      LG016 pending lines do not fit the kind of entry
LG008 another currency                      LG017 postings without their entry
LG009 the period is closed or does not fit  LG018 a period cannot be closed so
"""

from pathlib import Path

from alembic import op

revision = "0002_ledger"
down_revision = "0001_floor"
branch_labels = None
depends_on = None

_HERE = Path(__file__).parent


def upgrade() -> None:
    op.execute((_HERE / "0002_ledger_tables.sql").read_text())
    op.execute((_HERE / "0002_ledger_checks.sql").read_text())


def downgrade() -> None:
    op.execute(
        "DROP TABLE balance_day, balance, pending_resolution, posting, entry, posting_batch,"
        " period, account CASCADE"
    )
    op.execute(
        "DROP FUNCTION check_entries, check_postings, check_reversals, resolve_pending,"
        " apply_bounds, check_batch, refuse_change, open_balance, close_period"
    )
