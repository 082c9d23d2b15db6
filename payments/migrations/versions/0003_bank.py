"""Bank accounts, submissions and their attempts, reports, statements and reconciliation.

LG020 a move of an attempt that the table of moves does not have, LG021 a change of sealed content.
"""

from pathlib import Path

from alembic import op

revision = "0003_bank"
down_revision = "0002_ledger"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(
        "DROP TABLE reconciliation_exception, match, match_target, statement_line, statement,"
        " statement_file, bank_outcome, bank_report, attempt, submission_item, submission,"
        " volume_serial, bank_account"
    )
    op.execute("DROP FUNCTION check_attempt")
