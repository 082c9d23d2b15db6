"""Journals written by hand, VAT in the settings of exports, and the auditor's pack."""

from pathlib import Path

from alembic import op

revision = "0022_journals"
down_revision = "0021_ledger_figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE audit_pack_part, audit_pack, journal_line, journal;
        DROP FUNCTION check_journal_lines(), check_journal_move();
        ALTER TABLE gl_setting DROP COLUMN vat;
        """
    )
