"""Reserved: 0025_schedules."""

revision = "0025_schedules"
down_revision = "0024_exceptions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
