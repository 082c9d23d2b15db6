"""Payments by the million: what an order from a file carries, and stages of work in shards."""

from alembic import op

revision = "0007_bulk"
down_revision = "0006_backchannel_logout"
branch_labels = None
depends_on = None

_ORDERS = """
ALTER TABLE run
  ADD COLUMN rail text NOT NULL DEFAULT 'bacs',
  ADD COLUMN rail_reason text NOT NULL DEFAULT '',
  ADD COLUMN source text NOT NULL DEFAULT 'api',
  ADD COLUMN upload_id uuid,
  ADD COLUMN entry_on date,
  ADD COLUMN declared_count bigint,
  ADD COLUMN declared_pence bigint,
  ADD CONSTRAINT ck_run_rail
    CHECK (rail IN ('bacs', 'faster_payments', 'chaps', 'payment_order')),
  ADD CONSTRAINT ck_run_source CHECK (source IN ('api', 'upload', 'journey', 'govstack')),
  ADD CONSTRAINT ck_run_declared CHECK ((declared_count IS NULL) = (declared_pence IS NULL)),
  DROP CONSTRAINT ck_run_state,
  ADD CONSTRAINT ck_run_state CHECK (state IN ('preparing', 'collecting', 'correcting',
    'putting_forward', 'awaiting_approval', 'approving', 'approved', 'released', 'submitted',
    'closed', 'cancelled')),
  DROP CONSTRAINT ck_run_content_hash,
  ADD CONSTRAINT ck_run_content_hash CHECK (content_hash IS NOT NULL
    OR state IN ('preparing', 'collecting', 'correcting', 'putting_forward', 'cancelled'));
DROP INDEX uq_run_collecting;
CREATE UNIQUE INDEX uq_run_collecting ON run (programme_id, run_date)
  WHERE state = 'collecting' AND upload_id IS NULL;
CREATE UNIQUE INDEX uq_run_upload_id ON run (upload_id) WHERE state <> 'cancelled';
ALTER TABLE payment
  ADD COLUMN payee_id uuid,
  ADD COLUMN upload_row integer,
  ADD COLUMN gl_code text NOT NULL DEFAULT '',
  ADD COLUMN invoice_reference text NOT NULL DEFAULT '',
  ADD COLUMN invoice_received_on date,
  ADD COLUMN content_sha256 bytea;
CREATE INDEX ix_payment_payee_id ON payment (payee_id, id) WHERE payee_id IS NOT NULL;
CREATE INDEX ix_payment_invoice ON payment (organisation, invoice_reference)
  WHERE invoice_reference <> '';
"""
_STAGES = """
CREATE TABLE stage (
  id uuid,
  organisation text NOT NULL,
  subject_id uuid NOT NULL,
  name text NOT NULL,
  finish_topic text NOT NULL,
  shards integer NOT NULL,
  items bigint NOT NULL,
  shards_done integer NOT NULL DEFAULT 0,
  items_done bigint NOT NULL DEFAULT 0,
  pence_done bigint NOT NULL DEFAULT 0,
  begun_at timestamptz NOT NULL,
  finished_at timestamptz,
  CONSTRAINT pk_stage PRIMARY KEY (id),
  CONSTRAINT ck_stage_progress CHECK (shards_done <= shards
    AND (finished_at IS NULL OR shards_done = shards))
);
CREATE INDEX ix_stage_subject_id ON stage (subject_id, begun_at);
CREATE TABLE stage_shard (
  stage_id uuid,
  number integer,
  first bigint NOT NULL,
  last bigint NOT NULL,
  items bigint,
  pence bigint,
  done_at timestamptz,
  CONSTRAINT pk_stage_shard PRIMARY KEY (stage_id, number),
  CONSTRAINT fk_stage_shard_stage_id_stage FOREIGN KEY (stage_id) REFERENCES stage (id),
  CONSTRAINT ck_stage_shard_range CHECK (first <= last),
  CONSTRAINT ck_stage_shard_done CHECK ((done_at IS NULL) = (items IS NULL)
    AND (items IS NULL) = (pence IS NULL))
);
"""


def upgrade() -> None:
    op.execute(_ORDERS)
    op.execute(_STAGES)


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE stage_shard, stage;
        DROP INDEX uq_run_upload_id, uq_run_collecting, ix_payment_payee_id, ix_payment_invoice;
        ALTER TABLE payment DROP COLUMN payee_id, DROP COLUMN upload_row, DROP COLUMN gl_code,
          DROP COLUMN invoice_reference, DROP COLUMN invoice_received_on,
          DROP COLUMN content_sha256;
        ALTER TABLE run DROP COLUMN rail, DROP COLUMN rail_reason, DROP COLUMN source,
          DROP COLUMN upload_id, DROP COLUMN entry_on, DROP COLUMN declared_count,
          DROP COLUMN declared_pence, DROP CONSTRAINT ck_run_state,
          ADD CONSTRAINT ck_run_state CHECK (state IN ('collecting', 'correcting',
            'awaiting_approval', 'approved', 'released', 'submitted', 'closed')),
          DROP CONSTRAINT ck_run_content_hash,
          ADD CONSTRAINT ck_run_content_hash CHECK (
            content_hash IS NOT NULL OR state IN ('collecting', 'correcting'));
        CREATE UNIQUE INDEX uq_run_collecting ON run (programme_id, run_date)
          WHERE state = 'collecting';
        """
    )
