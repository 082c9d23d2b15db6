"""Indexes and storage of the hot tables."""

revision = "0013_hot_path"
down_revision = "0012_bodies"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
