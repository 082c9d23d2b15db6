"""What the bank said can be taken back and said again; payments that wait too long are exceptions."""

from alembic import op

revision = "0024_exceptions"
down_revision = "0023_matching"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE bank_outcome
  ADD COLUMN round smallint NOT NULL DEFAULT 1,
  DROP CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id,
  DROP CONSTRAINT ck_bank_outcome_kind,
  ADD CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id_round
    UNIQUE (payment_id, kind, submission_id, round),
  ADD CONSTRAINT ck_bank_outcome_kind CHECK (kind IN
    ('submitted','refused','accepted','rejected','paid','unpaid','returned')),
  ADD CONSTRAINT ck_bank_outcome_round
    CHECK (round = 1 OR round > 1 AND kind IN ('paid','unpaid')),
  ADD CONSTRAINT ck_bank_outcome_unpaid
    CHECK (kind <> 'unpaid' OR reason_code IN ('submitted','accepted'));
"""
_UP_AWAITED = """
CREATE TABLE reconciliation_setting (
  body text,
  unmatched_days smallint NOT NULL,
  changed_by text NOT NULL,
  changed_name text NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT pk_reconciliation_setting PRIMARY KEY (body),
  CONSTRAINT ck_reconciliation_setting_days CHECK (unmatched_days BETWEEN 1 AND 30)
);
REVOKE DELETE, TRUNCATE ON reconciliation_setting FROM payments;
CREATE INDEX ix_submission_awaited ON submission (body, bank_account_id)
  WHERE state IN ('acknowledged','reported');
ALTER TABLE reconciliation_exception
  ALTER COLUMN statement_id DROP NOT NULL,
  ADD COLUMN submission_id uuid,
  ADD COLUMN target_id uuid,
  ADD CONSTRAINT ck_reconciliation_exception_awaited
    CHECK ((code = 'UNMATCHED_PAYMENT') = (statement_id IS NULL)
       AND (code = 'UNMATCHED_PAYMENT') = (target_id IS NOT NULL AND submission_id IS NOT NULL));
CREATE UNIQUE INDEX uq_reconciliation_exception_awaited ON reconciliation_exception (target_id)
  WHERE code = 'UNMATCHED_PAYMENT' AND state = 'open';
-- Whoever matches, and however: what was awaited is not any more. The exceptions lead, so that
-- a million matches cost nothing where nothing is late.
CREATE FUNCTION close_awaited() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp AS $$
BEGIN
  UPDATE reconciliation_exception e
     SET state = 'closed', closed_at = now(), resolution = 'matched'
   WHERE e.code = 'UNMATCHED_PAYMENT' AND e.state = 'open'
     AND (e.target_id IN (SELECT target_id FROM fresh)
          OR e.submission_id IN (SELECT target_id FROM fresh))
     AND EXISTS (SELECT 1 FROM match_target t
                  WHERE t.target_type IN ('payment','submission')
                    AND t.target_id IN (e.target_id, e.submission_id)
                    AND t.allocated_pence >= t.amount_pence);
  RETURN NULL;
END $$;
CREATE TRIGGER match_explained AFTER INSERT ON match REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION close_awaited();
"""
_DOWN_AWAITED = """
DROP TRIGGER match_explained ON match;
DROP FUNCTION close_awaited();
DROP INDEX uq_reconciliation_exception_awaited, ix_submission_awaited;
DELETE FROM exception_note n USING reconciliation_exception e
 WHERE e.id = n.exception_id AND e.code = 'UNMATCHED_PAYMENT';
DELETE FROM reconciliation_exception WHERE code = 'UNMATCHED_PAYMENT';
ALTER TABLE reconciliation_exception
  DROP CONSTRAINT ck_reconciliation_exception_awaited,
  DROP COLUMN submission_id,
  DROP COLUMN target_id,
  ALTER COLUMN statement_id SET NOT NULL;
DROP TABLE reconciliation_setting;
"""
_DOWN = """
ALTER TABLE bank_outcome
  DROP CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id_round,
  DROP CONSTRAINT ck_bank_outcome_kind,
  DROP CONSTRAINT ck_bank_outcome_round,
  DROP CONSTRAINT ck_bank_outcome_unpaid;
DELETE FROM bank_outcome WHERE kind = 'unpaid' OR round > 1;
ALTER TABLE bank_outcome
  DROP COLUMN round,
  ADD CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id
    UNIQUE (payment_id, kind, submission_id),
  ADD CONSTRAINT ck_bank_outcome_kind CHECK (kind IN
    ('submitted','refused','accepted','rejected','paid','returned'));
"""


def upgrade() -> None:
    """Let a payment be paid, not paid after all, and paid again; know which wait too long."""
    op.execute(_UP)
    op.execute(_UP_AWAITED)


def downgrade() -> None:
    """Forget what was taken back, and what waited."""
    op.execute(_DOWN_AWAITED)
    op.execute(_DOWN)
