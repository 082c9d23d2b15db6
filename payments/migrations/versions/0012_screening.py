"""Sanctions lists, possible hits and the cases that clear them."""

revision = "0012_screening"
down_revision = "0011_uploads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
