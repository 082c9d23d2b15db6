"""Remittance advice, prompt payment and the month-end pack."""

revision = "0019_reports"
down_revision = "0018_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
