"""Reserved: 0021_ledger_figures."""

revision = "0021_ledger_figures"
down_revision = "0020_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
