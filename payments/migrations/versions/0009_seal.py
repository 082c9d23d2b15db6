"""Gap-free numbers and the tamper-evident chain, given after the commit."""

revision = "0009_seal"
down_revision = "0008_bulk_posting"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
