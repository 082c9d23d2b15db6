"""Reserved: 0024_exceptions."""

revision = "0024_exceptions"
down_revision = "0023_matching"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
