"""Reserved: 0020_plans."""

revision = "0020_plans"
down_revision = "0019_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
