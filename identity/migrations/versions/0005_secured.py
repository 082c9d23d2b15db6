"""Pushed requests, DPoP nonces and certificates."""

revision = "0005_secured"
down_revision = "0004_options"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
