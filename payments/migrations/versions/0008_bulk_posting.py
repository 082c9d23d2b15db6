"""Posting by shards, and what makes it fast."""

revision = "0008_bulk_posting"
down_revision = "0007_bulk"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
