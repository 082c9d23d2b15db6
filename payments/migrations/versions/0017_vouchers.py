"""Payment orders and vouchers for people without a bank account."""

revision = "0017_vouchers"
down_revision = "0016_matching"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
