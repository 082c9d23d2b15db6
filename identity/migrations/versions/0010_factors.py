"""Passkeys, one-time-code apps and backup codes."""

revision = "0010_factors"
down_revision = "0009_one_login"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
