"""Devices, decoupled sign-in and exchanged tokens."""

revision = "0006_grants"
down_revision = "0005_secured"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
