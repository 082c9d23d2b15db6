"""Addresses that are told about payments, and every delivery."""

revision = "0018_webhooks"
down_revision = "0017_vouchers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
