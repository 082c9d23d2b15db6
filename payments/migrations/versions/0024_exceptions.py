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
-- Whoever matches, and however: what was awaited is not any more. Where nothing is late it costs one
-- look. It is planned anew each time and by indexes, because a plan that a session kept from when
-- there was little would be a loop over all when there is much.
CREATE FUNCTION close_awaited() RETURNS trigger LANGUAGE plpgsql
SET search_path = payments, pg_temp SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM reconciliation_exception
    WHERE code = 'UNMATCHED_PAYMENT' AND state = 'open' LIMIT 1;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  EXECUTE $update$
    WITH whole AS MATERIALIZED (
      SELECT t.target_id FROM fresh f
        JOIN match_target t ON t.target_type = f.target_type AND t.target_id = f.target_id
       WHERE f.target_type IN ('payment','submission') AND t.allocated_pence >= t.amount_pence)
    UPDATE reconciliation_exception e
       SET state = 'closed', closed_at = now(), resolution = 'matched'
     WHERE e.code = 'UNMATCHED_PAYMENT' AND e.state = 'open'
       AND (e.target_id IN (SELECT target_id FROM whole)
            OR e.submission_id IN (SELECT target_id FROM whole))
  $update$;
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


_UP_FETCHED = """
CREATE TABLE statement_fetch (
  bank_account_id uuid,
  name text,
  state text NOT NULL,
  problem text NOT NULL DEFAULT '',
  content_sha256 bytea,
  file_id uuid,
  tried_at timestamptz NOT NULL,
  CONSTRAINT pk_statement_fetch PRIMARY KEY (bank_account_id, name),
  CONSTRAINT fk_statement_fetch_bank_account_id FOREIGN KEY (bank_account_id)
    REFERENCES bank_account (id),
  CONSTRAINT ck_statement_fetch_state CHECK (state IN ('taken','known','refused')),
  CONSTRAINT ck_statement_fetch_problem CHECK ((state = 'refused') = (problem <> ''))
);
REVOKE DELETE, TRUNCATE ON statement_fetch FROM payments;
INSERT INTO statement_fetch (bank_account_id, name, state, content_sha256, file_id, tried_at)
SELECT bank_account_id, bank_statement_id, 'taken', content_sha256, id, received_at
  FROM statement_file WHERE bank_statement_id IS NOT NULL;
ALTER TABLE work_item DROP CONSTRAINT ck_work_item_kind,
  ADD CONSTRAINT ck_work_item_kind CHECK (kind IN ('returned','rejected','amended','file_refused',
    'file_stopped','totals_differ','outcome_unknown','report_unread','report_contradicts',
    'statement_unread'));
"""
_DOWN_FETCHED = """
DROP TABLE statement_fetch;
DELETE FROM work_note n USING work_item w WHERE w.id = n.item_id AND w.kind = 'statement_unread';
DELETE FROM work_item WHERE kind = 'statement_unread';
ALTER TABLE work_item DROP CONSTRAINT ck_work_item_kind,
  ADD CONSTRAINT ck_work_item_kind CHECK (kind IN ('returned','rejected','amended','file_refused',
    'file_stopped','totals_differ','outcome_unknown','report_unread','report_contradicts'));
"""


def upgrade() -> None:
    """Let a payment be paid, not paid after all, and paid again; know which wait too long."""
    op.execute(_UP)
    op.execute(_UP_AWAITED)
    op.execute(_UP_FETCHED)


def downgrade() -> None:
    """Forget what was taken back, and what waited."""
    op.execute(_DOWN_FETCHED)
    op.execute(_DOWN_AWAITED)
    op.execute(_DOWN)
