"""Files of payments, byte for byte, and what was found in each row."""

revision = "0011_uploads"
down_revision = "0010_gl_export"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
