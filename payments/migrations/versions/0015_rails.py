"""Rails beside Bacs, advices of the bank and the work they make."""

revision = "0015_rails"
down_revision = "0014_controls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
