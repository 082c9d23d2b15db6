"""Reserved: 0023_matching."""

revision = "0023_matching"
down_revision = "0022_journals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
