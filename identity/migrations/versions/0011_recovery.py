"""Phones, recovery, changes and closure."""

revision = "0011_recovery"
down_revision = "0010_factors"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
