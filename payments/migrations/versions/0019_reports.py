"""Remittance advice, prompt payment, the month-end pack, and indexes that find any payment."""

from alembic import op

revision = "0019_reports"
down_revision = "0018_webhooks"
branch_labels = None
depends_on = None

_FINDING = """
CREATE INDEX ix_payment_amount ON payment (organisation, amount_pence);
CREATE INDEX ix_payment_account_tail ON payment (organisation, account_tail);
CREATE INDEX ix_payment_rare ON payment (organisation, id) WHERE state IN
  ('held', 'returned', 'scheme_rejected', 'recalled', 'invalid', 'rejected');
CREATE INDEX ix_payment_invoice_received ON payment (run_id, invoice_received_on)
  WHERE invoice_received_on IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(_FINDING)


def downgrade() -> None:
    op.execute(
        "DROP INDEX ix_payment_invoice_received, ix_payment_rare, ix_payment_account_tail,"
        " ix_payment_amount"
    )
