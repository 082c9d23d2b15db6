"""Phones, recovery, changes and closure."""

from alembic import op

revision = "0011_recovery"
down_revision = "0010_factors"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE account ADD COLUMN closing_at timestamptz;
ALTER TABLE account ADD COLUMN closed_at timestamptz;
ALTER TABLE account ADD COLUMN recovered_until timestamptz;
ALTER TABLE account ADD COLUMN frozen_until timestamptz;
CREATE INDEX ix_account_closing_at ON account (closing_at)
  WHERE closing_at IS NOT NULL AND closed_at IS NULL;

CREATE TABLE phone (
  account_id uuid,
  number_index bytea NOT NULL,
  number_sealed bytea NOT NULL,
  kind text NOT NULL,
  confirmed_at timestamptz NOT NULL,
  check_id uuid NOT NULL,
  CONSTRAINT pk_phone PRIMARY KEY (account_id),
  CONSTRAINT fk_phone_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT ck_phone_kind CHECK (kind IN ('mobile', 'landline'))
);
CREATE INDEX ix_phone_number_index ON phone (number_index);

CREATE TABLE contact_check (
  id uuid,
  purpose text NOT NULL,
  account_id uuid NOT NULL,
  browser_hash bytea NOT NULL,
  subject_id uuid,
  channel text NOT NULL,
  target_index bytea NOT NULL,
  target_sealed bytea NOT NULL,
  language text NOT NULL,
  code_hash bytea NOT NULL,
  code_sealed bytea,
  code_number smallint NOT NULL,
  code_expires_at timestamptz NOT NULL,
  tries smallint NOT NULL,
  created_at timestamptz NOT NULL,
  consumed_at timestamptz,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_contact_check PRIMARY KEY (id),
  CONSTRAINT fk_contact_check_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT ck_contact_check_channel CHECK (channel IN ('email', 'sms', 'voice')),
  CONSTRAINT ck_contact_check_purpose CHECK (purpose IN ('confirm_phone', 'old_phone', 'phone_factor', 'change_email', 'recover_email', 'recover_now', 'not_me'))
);
CREATE INDEX ix_contact_check_expires_at ON contact_check (expires_at);
CREATE INDEX ix_contact_check_account_id ON contact_check (account_id, subject_id);

CREATE TABLE account_change (
  id uuid,
  account_id uuid NOT NULL,
  kind text NOT NULL,
  state text NOT NULL,
  before_index bytea,
  before_sealed bytea,
  before_kind text,
  after_index bytea,
  after_sealed bytea,
  happens_at timestamptz,
  undo_until timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_account_change PRIMARY KEY (id),
  CONSTRAINT fk_account_change_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT ck_account_change_kind CHECK (kind IN ('email', 'phone', 'phone_removed', 'password')),
  CONSTRAINT ck_account_change_state CHECK (state IN ('waiting', 'done', 'stopped', 'undone'))
);
CREATE INDEX ix_account_change_account_id ON account_change (account_id, created_at);
CREATE INDEX ix_account_change_before_index ON account_change (before_index);
CREATE INDEX ix_account_change_expires_at ON account_change (expires_at);
CREATE UNIQUE INDEX uq_account_change_waiting ON account_change (account_id, kind) WHERE state = 'waiting';

CREATE TABLE kept_evidence (
  id uuid,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_kept_evidence PRIMARY KEY (id)
);
CREATE INDEX ix_kept_evidence_expires_at ON kept_evidence (expires_at);
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE kept_evidence, account_change, contact_check, phone;
        ALTER TABLE account DROP COLUMN closing_at, DROP COLUMN closed_at,
          DROP COLUMN recovered_until, DROP COLUMN frozen_until;
        """
    )
