"""Accounts, sign-in, organisations and their staff, verification, the safe."""

from alembic import op

revision = "0003_people"
down_revision = "0002_oidc"
branch_labels = None
depends_on = None

_UP = """
CREATE TABLE account (
  id uuid,
  email_index bytea NOT NULL,
  email_sealed bytea NOT NULL,
  email_confirmed_at timestamptz NOT NULL,
  email_check_id uuid NOT NULL,
  display_name_sealed bytea,
  password_hash text NOT NULL,
  password_changed_at timestamptz NOT NULL,
  language text NOT NULL,
  mailbox_id text,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_account PRIMARY KEY (id),
  CONSTRAINT uq_account_email_index UNIQUE (email_index)
);

CREATE TABLE lookup_key (
  id smallint,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_lookup_key PRIMARY KEY (id),
  CONSTRAINT ck_lookup_key_single CHECK (id = 1)
);
REVOKE UPDATE, DELETE, TRUNCATE ON lookup_key FROM identity;

CREATE TABLE rate_counter (
  key bytea,
  used integer NOT NULL,
  ends_at timestamptz NOT NULL,
  CONSTRAINT pk_rate_counter PRIMARY KEY (key)
);
CREATE INDEX ix_rate_counter_ends_at ON rate_counter (ends_at);

CREATE TABLE attempt (
  id uuid,
  purpose text NOT NULL,
  browser_hash bytea NOT NULL,
  account_id uuid,
  email_index bytea NOT NULL,
  email_sealed bytea NOT NULL,
  password_hash text,
  language text NOT NULL,
  code_hash bytea,
  code_sealed bytea,
  code_number smallint NOT NULL,
  code_expires_at timestamptz NOT NULL,
  tries smallint NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  CONSTRAINT pk_attempt PRIMARY KEY (id),
  CONSTRAINT fk_attempt_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT ck_attempt_purpose CHECK (purpose IN ('sign_up', 'sign_in', 'reset_password'))
);
CREATE INDEX ix_attempt_expires_at ON attempt (expires_at);
CREATE INDEX ix_attempt_account_id ON attempt (account_id);

CREATE TABLE sign_in_session (
  id uuid,
  cookie_hash bytea NOT NULL,
  account_id uuid NOT NULL,
  authenticated_at timestamptz NOT NULL,
  methods text[] NOT NULL,
  level text NOT NULL,
  level_policy text NOT NULL,
  device text NOT NULL,
  last_seen_at timestamptz NOT NULL,
  idle_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  ended_at timestamptz,
  CONSTRAINT pk_sign_in_session PRIMARY KEY (id),
  CONSTRAINT uq_sign_in_session_cookie_hash UNIQUE (cookie_hash),
  CONSTRAINT fk_sign_in_session_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX ix_sign_in_session_account_id ON sign_in_session (account_id);
CREATE INDEX ix_sign_in_session_ends_at ON sign_in_session (ends_at);

CREATE TABLE organisation (
  slug text,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_organisation PRIMARY KEY (slug)
);

CREATE TABLE staff_member (
  account_id uuid,
  organisation text,
  roles text[] NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_staff_member PRIMARY KEY (account_id, organisation),
  CONSTRAINT fk_staff_member_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT fk_staff_member_organisation FOREIGN KEY (organisation) REFERENCES organisation (slug)
);

CREATE TABLE verification (
  id uuid,
  account_id uuid NOT NULL,
  flow_id uuid NOT NULL,
  state text NOT NULL,
  claimed_sealed bytea,
  provider text NOT NULL,
  provider_reference text,
  capture_url text,
  claim_expires_at timestamptz,
  profile text,
  policy_version text,
  failure text,
  result_sealed bytea,
  created_at timestamptz NOT NULL,
  completed_at timestamptz,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_verification PRIMARY KEY (id),
  CONSTRAINT fk_verification_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT ck_verification_state CHECK (state IN ('starting', 'with_provider', 'collecting', 'verified', 'verified_with_warnings', 'failed', 'abandoned'))
);
CREATE INDEX ix_verification_account_id ON verification (account_id, created_at);
CREATE INDEX ix_verification_expires_at ON verification (expires_at);
CREATE UNIQUE INDEX uq_verification_open ON verification (account_id, flow_id) WHERE state IN ('starting', 'with_provider', 'collecting');

CREATE TABLE safe_item (
  id uuid,
  account_id uuid NOT NULL,
  flow_id uuid,
  scope text NOT NULL,
  is_verified boolean NOT NULL,
  sealed bytea NOT NULL,
  verified_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  CONSTRAINT pk_safe_item PRIMARY KEY (id),
  CONSTRAINT fk_safe_item_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_safe_item_stored ON safe_item (account_id, scope) WHERE flow_id IS NULL;
CREATE UNIQUE INDEX uq_safe_item_flow ON safe_item (account_id, flow_id, scope) WHERE flow_id IS NOT NULL;
CREATE INDEX ix_safe_item_expires_at ON safe_item (expires_at);

CREATE TABLE sharing_event (
  flow_id uuid,
  account_id uuid NOT NULL,
  client_name text NOT NULL,
  organisation text NOT NULL,
  scopes text[] NOT NULL,
  shared_at timestamptz NOT NULL,
  CONSTRAINT pk_sharing_event PRIMARY KEY (flow_id),
  CONSTRAINT fk_sharing_event_account_id FOREIGN KEY (account_id) REFERENCES account (id)
);
CREATE INDEX ix_sharing_event_account_id ON sharing_event (account_id, shared_at);
REVOKE UPDATE, DELETE, TRUNCATE ON sharing_event FROM identity;
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(
        "DROP TABLE sharing_event, safe_item, verification, staff_member, organisation,"
        " sign_in_session, attempt, rate_counter, lookup_key, account"
    )
