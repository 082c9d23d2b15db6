"""The One Login profile, personas and consent by claim."""

from alembic import op

revision = "0009_one_login"
down_revision = "0008_registration"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE authorisation
  ADD COLUMN access_token_hash bytea,
  ADD COLUMN access_token_until timestamptz;
CREATE UNIQUE INDEX uq_authorisation_access_token_hash ON authorisation (access_token_hash)
  WHERE access_token_hash IS NOT NULL;

ALTER TABLE relying_party ADD COLUMN first_used_at timestamptz;

ALTER TABLE remembered_consent
  ADD COLUMN declined text[] NOT NULL DEFAULT '{}',
  ADD COLUMN attributes text[] NOT NULL DEFAULT '{}',
  ADD COLUMN since timestamptz,
  ADD COLUMN used_at timestamptz;
UPDATE remembered_consent SET since = updated_at, used_at = updated_at;
ALTER TABLE remembered_consent
  ALTER COLUMN since SET NOT NULL,
  ALTER COLUMN used_at SET NOT NULL;

ALTER TABLE sharing_event ADD COLUMN client_id text;

ALTER TABLE account
  ADD COLUMN persona text,
  ADD COLUMN sandbox_space text,
  ADD CONSTRAINT ck_account_persona CHECK ((persona IS NULL) = (sandbox_space IS NULL));
CREATE UNIQUE INDEX uq_account_persona ON account (sandbox_space, persona)
  WHERE persona IS NOT NULL;
ALTER TABLE sign_in_session ADD COLUMN sandbox_space text;

CREATE TABLE identity_key (
  kid text,
  state text NOT NULL,
  public_jwk jsonb NOT NULL,
  private_sealed bytea,
  created_at timestamptz NOT NULL,
  activated_at timestamptz,
  retiring_at timestamptz,
  CONSTRAINT pk_identity_key PRIMARY KEY (kid),
  CONSTRAINT ck_identity_key_state CHECK (state IN ('next', 'active', 'retiring')),
  CONSTRAINT ck_identity_key_sealed
    CHECK ((state IN ('next', 'active')) = (private_sealed IS NOT NULL))
);
CREATE UNIQUE INDEX uq_identity_key_state ON identity_key (state) WHERE state <> 'retiring';

CREATE TABLE sandbox_plan (
  id uuid,
  client_id text NOT NULL,
  state_hash bytea,
  persona text,
  faults text[] NOT NULL,
  uses_left integer NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_sandbox_plan PRIMARY KEY (id)
);
CREATE INDEX ix_sandbox_plan_client_id ON sandbox_plan (client_id, created_at);
CREATE INDEX ix_sandbox_plan_expires_at ON sandbox_plan (expires_at);

CREATE TABLE sandbox_wait (
  flow_id uuid,
  ready_at timestamptz,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_sandbox_wait PRIMARY KEY (flow_id)
);
CREATE INDEX ix_sandbox_wait_expires_at ON sandbox_wait (expires_at);
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE sandbox_wait, sandbox_plan, identity_key;
        ALTER TABLE sign_in_session DROP COLUMN sandbox_space;
        ALTER TABLE account DROP COLUMN sandbox_space, DROP COLUMN persona;
        ALTER TABLE sharing_event DROP COLUMN client_id;
        ALTER TABLE remembered_consent
          DROP COLUMN used_at, DROP COLUMN since, DROP COLUMN attributes, DROP COLUMN declined;
        ALTER TABLE relying_party DROP COLUMN first_used_at;
        ALTER TABLE authorisation DROP COLUMN access_token_until, DROP COLUMN access_token_hash;
        """
    )
