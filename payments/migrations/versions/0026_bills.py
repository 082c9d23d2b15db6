"""Bills that a body issues, what providers say was paid on them, and requests to pay."""

from pathlib import Path

from alembic import op

revision = "0026_bills"
down_revision = "0025_schedules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute("DROP FUNCTION forget_rehearsal_bills(text, text[])")
    op.execute("DROP TABLE bill_request, bill_transfer, bill_event, bill, bill_import")
