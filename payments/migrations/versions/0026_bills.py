"""Reserved: 0026_bills."""

revision = "0026_bills"
down_revision = "0025_schedules"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
