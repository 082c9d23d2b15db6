"""Payees whose details change under control."""

revision = "0013_payee_master"
down_revision = "0012_screening"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
