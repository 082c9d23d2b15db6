"""Gap-free numbers and the tamper-evident chain, given after the commit."""

from pathlib import Path

from alembic import op

revision = "0009_seal"
down_revision = "0008_bulk_posting"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute((Path(__file__).parent / "0009_seal.sql").read_text())


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER audit_event_queue ON audit_event; DROP FUNCTION queue_control;"
        " DROP TABLE seal_checkpoint, control_queue, control_seal, entry_seal, seal_block,"
        " seal_watermark; DROP INDEX ix_entry_xid"
    )
