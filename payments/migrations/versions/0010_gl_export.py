"""Journals for the finance system, balances by day, and the close of a month."""

from pathlib import Path

from alembic import op

revision = "0010_gl_export"
down_revision = "0009_seal"
branch_labels = None
depends_on = None

_HERE = Path(__file__).parent


def upgrade() -> None:
    op.execute((_HERE / "0010_balances.sql").read_text())
    op.execute((_HERE / "0010_singles.sql").read_text())
    op.execute((_HERE / "0010_gl.sql").read_text())


def downgrade() -> None:
    op.execute(
        "DROP TABLE gl_export, gl_setting, period_close, balance_fold;"
        " DROP FUNCTION post_singles, hold_period, lock_bounds, ledger_balances; DROP INDEX ix_entry_pending; DELETE FROM balance_day"
    )
