"""What the core keeps for hybrid answers and claims."""

revision = "0007_core"
down_revision = "0006_grants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
