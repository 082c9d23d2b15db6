"""Payees whose details change under control; name checks by the file; holds that were let go."""

from pathlib import Path

from alembic import op

revision = "0013_payee_master"
down_revision = "0012_screening"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE name_pace, name_batch_count, name_batch_row, name_batch_part, name_batch,
          hold_override, payee_stop, payee_change, payee_import, payee;
        DROP INDEX ix_name_check_asked_of_account;
        ALTER TABLE name_check DROP COLUMN account_fingerprint, DROP COLUMN responder_rule;
        """
    )
