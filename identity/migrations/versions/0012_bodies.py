"""Services, environments, invitations and staff sign-in."""

revision = "0012_bodies"
down_revision = "0011_recovery"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
