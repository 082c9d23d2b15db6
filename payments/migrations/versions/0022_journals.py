"""Reserved: 0022_journals."""

revision = "0022_journals"
down_revision = "0021_ledger_figures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
