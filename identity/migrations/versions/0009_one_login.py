"""The One Login profile, personas and consent by claim."""

revision = "0009_one_login"
down_revision = "0008_registration"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
