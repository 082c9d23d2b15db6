"""Files of payments, byte for byte, and what was found in each row."""

from pathlib import Path

from alembic import op

revision = "0011_uploads"
down_revision = "0010_gl_export"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("DROP INDEX ix_name_check_payee_fingerprint")
    op.execute(
        "DROP TABLE upload_fault, upload_row, upload_block, upload_end_to_end, upload_mapping,"
        " upload_event, upload_chunk, upload"
    )
