"""Payment orders and vouchers for people without a bank account."""

from pathlib import Path

from alembic import op

revision = "0017_vouchers"
down_revision = "0016_matching"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(
        "DROP TABLE govstack_callback, govstack_instruction, govstack_batch, govstack_beneficiary,"
        " govstack_building_block, voucher_event, voucher, voucher_settlement,"
        " voucher_batch_signature, voucher_batch, merchant, voucher_funding, voucher_group"
    )
