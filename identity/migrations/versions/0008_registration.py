"""Registration by API, logout deliveries, key rotation."""

revision = "0008_registration"
down_revision = "0007_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
