"""Statements in every format, rules of matching and work on exceptions."""

revision = "0016_matching"
down_revision = "0015_rails"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
