"""Journals for the finance system, and the close of a month."""

revision = "0010_gl_export"
down_revision = "0009_seal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
