"""Remittance advice, prompt payment, the month-end pack, and indexes that find any payment."""

from alembic import op

revision = "0019_reports"
down_revision = "0018_webhooks"
branch_labels = None
depends_on = None

_FINDING = """
CREATE INDEX ix_payment_amount ON payment (organisation, amount_pence);
CREATE INDEX ix_payment_account_tail ON payment (organisation, account_tail);
-- No index may depend on the state itself: each move of a payment would write all of them.
ALTER TABLE payment ADD COLUMN rare_state text GENERATED ALWAYS AS (CASE WHEN state IN
  ('held', 'returned', 'scheme_rejected', 'recalled', 'invalid', 'rejected') THEN state END) STORED;
CREATE INDEX ix_payment_rare ON payment (organisation, id) WHERE rare_state IS NOT NULL;
CREATE INDEX ix_payment_invoice_received ON payment (run_id, invoice_received_on)
  WHERE invoice_received_on IS NOT NULL;
"""
_REMITTANCE = """
CREATE TABLE remittance_setting (
  programme_id uuid,
  send_when text NOT NULL,
  changed_by_name text NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_remittance_setting PRIMARY KEY (programme_id),
  CONSTRAINT fk_remittance_setting_programme_id_programme
    FOREIGN KEY (programme_id) REFERENCES programme (id),
  CONSTRAINT ck_remittance_setting_send_when CHECK (send_when IN ('never', 'sent', 'paid'))
);
CREATE TABLE remittance_advice (
  id uuid DEFAULT gen_random_uuid(),
  organisation text NOT NULL,
  run_id uuid NOT NULL,
  payee_id uuid NOT NULL,
  payments bigint NOT NULL,
  pence bigint NOT NULL,
  state text NOT NULL DEFAULT 'waiting',
  problem text NOT NULL DEFAULT '',
  message_id text,
  created_at timestamptz NOT NULL,
  done_at timestamptz,
  CONSTRAINT pk_remittance_advice PRIMARY KEY (id),
  CONSTRAINT uq_remittance_advice_run_id_payee_id UNIQUE (run_id, payee_id),
  CONSTRAINT fk_remittance_advice_run_id_run FOREIGN KEY (run_id) REFERENCES run (id),
  CONSTRAINT ck_remittance_advice_state
    CHECK (state IN ('waiting', 'sent', 'no_address', 'failed')),
  CONSTRAINT ck_remittance_advice_done CHECK ((done_at IS NULL) = (state = 'waiting')
    AND (message_id IS NULL OR state = 'sent'))
);
CREATE INDEX ix_remittance_advice_waiting ON remittance_advice (run_id, id)
  WHERE state = 'waiting';
REVOKE DELETE, TRUNCATE ON remittance_advice FROM payments;
"""


def upgrade() -> None:
    op.execute(_FINDING)
    op.execute(_REMITTANCE)


def downgrade() -> None:
    op.execute("DROP TABLE remittance_advice, remittance_setting")
    op.execute(
        "DROP INDEX ix_payment_invoice_received, ix_payment_rare, ix_payment_account_tail,"
        " ix_payment_amount"
    )
    op.execute("ALTER TABLE payment DROP COLUMN rare_state")
