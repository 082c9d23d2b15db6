"""Services, environments, invitations and staff sign-in."""

from alembic import op

revision = "0012_bodies"
down_revision = "0011_recovery"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE organisation
  ADD COLUMN kind text NOT NULL DEFAULT 'other',
  ADD COLUMN status text NOT NULL DEFAULT 'approved',
  ADD COLUMN status_reason text NOT NULL DEFAULT '',
  ADD COLUMN applied_by uuid,
  ADD CONSTRAINT fk_organisation_applied_by FOREIGN KEY (applied_by)
    REFERENCES account (id) ON DELETE SET NULL,
  ADD CONSTRAINT ck_organisation_status
    CHECK (status IN ('applied', 'approved', 'suspended', 'refused'));
CREATE INDEX ix_staff_member_organisation ON staff_member (organisation);

CREATE TABLE body_service (
  id uuid,
  organisation text NOT NULL,
  name text NOT NULL,
  purpose text NOT NULL,
  live_state text NOT NULL,
  live_requested_at timestamptz,
  live_requested_by uuid,
  live_note text NOT NULL,
  live_decided_at timestamptz,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_body_service PRIMARY KEY (id),
  CONSTRAINT fk_body_service_organisation FOREIGN KEY (organisation) REFERENCES organisation (slug),
  CONSTRAINT fk_body_service_live_requested_by FOREIGN KEY (live_requested_by)
    REFERENCES account (id) ON DELETE SET NULL,
  CONSTRAINT ck_body_service_live_state
    CHECK (live_state IN ('none', 'requested', 'approved', 'refused'))
);
CREATE INDEX ix_body_service_organisation ON body_service (organisation);

CREATE TABLE invitation (
  id uuid,
  organisation text NOT NULL,
  email_index bytea NOT NULL,
  email_sealed bytea NOT NULL,
  roles text[] NOT NULL,
  token_hash bytea NOT NULL,
  token_sealed bytea,
  sent_count integer NOT NULL,
  invited_by uuid,
  language text NOT NULL,
  created_at timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  withdrawn_at timestamptz,
  CONSTRAINT pk_invitation PRIMARY KEY (id),
  CONSTRAINT uq_invitation_token_hash UNIQUE (token_hash),
  CONSTRAINT fk_invitation_organisation FOREIGN KEY (organisation) REFERENCES organisation (slug),
  CONSTRAINT fk_invitation_invited_by FOREIGN KEY (invited_by)
    REFERENCES account (id) ON DELETE SET NULL
);
CREATE INDEX ix_invitation_expires_at ON invitation (expires_at);
CREATE INDEX ix_invitation_email_index ON invitation (email_index);
CREATE UNIQUE INDEX uq_invitation_open ON invitation (organisation, email_index)
  WHERE accepted_at IS NULL AND withdrawn_at IS NULL;

CREATE TABLE console_client (
  client_id text,
  service_id uuid NOT NULL,
  environment text NOT NULL,
  purposes jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_console_client PRIMARY KEY (client_id),
  CONSTRAINT fk_console_client_client_id FOREIGN KEY (client_id)
    REFERENCES relying_party (client_id) ON DELETE CASCADE,
  CONSTRAINT fk_console_client_service_id FOREIGN KEY (service_id) REFERENCES body_service (id)
);
CREATE INDEX ix_console_client_service_id ON console_client (service_id);
CREATE INDEX ix_relying_party_organisation ON relying_party (organisation);

CREATE TABLE client_draft (
  id uuid,
  service_id uuid NOT NULL,
  environment text NOT NULL,
  client_id text,
  answers jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  CONSTRAINT pk_client_draft PRIMARY KEY (id),
  CONSTRAINT fk_client_draft_service_id FOREIGN KEY (service_id)
    REFERENCES body_service (id) ON DELETE CASCADE,
  CONSTRAINT fk_client_draft_client_id FOREIGN KEY (client_id)
    REFERENCES relying_party (client_id) ON DELETE CASCADE
);
CREATE INDEX ix_client_draft_expires_at ON client_draft (expires_at);

CREATE TABLE client_trial (
  id uuid,
  client_id text NOT NULL,
  companion_id text NOT NULL,
  account_id uuid NOT NULL,
  state_hash bytea NOT NULL,
  secrets_sealed bytea NOT NULL,
  result_sealed bytea,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  CONSTRAINT pk_client_trial PRIMARY KEY (id),
  CONSTRAINT uq_client_trial_state_hash UNIQUE (state_hash),
  CONSTRAINT fk_client_trial_client_id FOREIGN KEY (client_id)
    REFERENCES relying_party (client_id) ON DELETE CASCADE,
  CONSTRAINT fk_client_trial_account_id FOREIGN KEY (account_id)
    REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX ix_client_trial_expires_at ON client_trial (expires_at);

CREATE TABLE client_refusal (
  client_id text,
  place smallint,
  number bigint NOT NULL,
  at timestamptz NOT NULL,
  endpoint text NOT NULL,
  error text NOT NULL,
  description text NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_client_refusal PRIMARY KEY (client_id, place),
  CONSTRAINT fk_client_refusal_client_id FOREIGN KEY (client_id)
    REFERENCES relying_party (client_id) ON DELETE CASCADE
);
CREATE INDEX ix_client_refusal_expires_at ON client_refusal (expires_at);

CREATE TABLE upstream (
  organisation text,
  shape text NOT NULL,
  issuer text NOT NULL,
  client_id text NOT NULL,
  auth_method text NOT NULL,
  credential_sealed bytea NOT NULL,
  tenant text NOT NULL,
  medium_values text[] NOT NULL,
  enabled boolean NOT NULL,
  enforced boolean NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT pk_upstream PRIMARY KEY (organisation),
  CONSTRAINT fk_upstream_organisation FOREIGN KEY (organisation) REFERENCES organisation (slug),
  CONSTRAINT ck_upstream_shape CHECK (shape IN ('entra', 'google', 'plain')),
  CONSTRAINT ck_upstream_auth_method CHECK (
    auth_method IN ('private_key_jwt', 'client_secret_post', 'client_secret_basic'))
);

CREATE TABLE staff_domain (
  organisation text,
  domain text,
  challenge text NOT NULL,
  created_at timestamptz NOT NULL,
  confirmed_at timestamptz,
  confirmed_by text,
  CONSTRAINT pk_staff_domain PRIMARY KEY (organisation, domain),
  CONSTRAINT fk_staff_domain_organisation FOREIGN KEY (organisation) REFERENCES organisation (slug)
);
CREATE UNIQUE INDEX uq_staff_domain_confirmed ON staff_domain (domain)
  WHERE confirmed_at IS NOT NULL;

CREATE TABLE upstream_attempt (
  state_hash bytea,
  organisation text NOT NULL,
  browser_hash bytea NOT NULL,
  secrets_sealed bytea NOT NULL,
  flow_id uuid,
  account_id uuid,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  consumed_at timestamptz,
  CONSTRAINT pk_upstream_attempt PRIMARY KEY (state_hash),
  CONSTRAINT fk_upstream_attempt_organisation FOREIGN KEY (organisation)
    REFERENCES upstream (organisation) ON DELETE CASCADE,
  CONSTRAINT fk_upstream_attempt_account_id FOREIGN KEY (account_id)
    REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX ix_upstream_attempt_expires_at ON upstream_attempt (expires_at);

CREATE TABLE upstream_link (
  issuer text,
  subject text,
  organisation text NOT NULL,
  account_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT pk_upstream_link PRIMARY KEY (issuer, subject),
  CONSTRAINT fk_upstream_link_organisation FOREIGN KEY (organisation)
    REFERENCES organisation (slug),
  CONSTRAINT fk_upstream_link_account_id FOREIGN KEY (account_id)
    REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX ix_upstream_link_account_id ON upstream_link (account_id);

CREATE TABLE upstream_session (
  session_id uuid,
  organisation text NOT NULL,
  authenticated_at timestamptz NOT NULL,
  CONSTRAINT pk_upstream_session PRIMARY KEY (session_id),
  CONSTRAINT fk_upstream_session_session_id FOREIGN KEY (session_id)
    REFERENCES sign_in_session (id) ON DELETE CASCADE,
  CONSTRAINT fk_upstream_session_organisation FOREIGN KEY (organisation)
    REFERENCES organisation (slug)
);
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE upstream_session, upstream_link, upstream_attempt, staff_domain, upstream,
                   client_refusal, client_trial, client_draft, console_client, invitation,
                   body_service;
        DROP INDEX ix_relying_party_organisation, ix_staff_member_organisation;
        ALTER TABLE organisation
          DROP COLUMN applied_by, DROP COLUMN status_reason, DROP COLUMN status, DROP COLUMN kind;
        """
    )
