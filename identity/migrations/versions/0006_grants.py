"""Devices, decoupled sign-in and exchanged tokens."""

from alembic import op

revision = "0006_grants"
down_revision = "0005_secured"
branch_labels = None
depends_on = None

_UP = """
-- What a device or a decoupled sign-in was allowed has no code and no address to go back to.
ALTER TABLE authorisation
  ALTER COLUMN redirect_uri DROP NOT NULL,
  ALTER COLUMN code_hash DROP NOT NULL,
  ALTER COLUMN code_expires_at DROP NOT NULL;
-- What lives apart from the browser's session is a session of its own, which its owner can end.
CREATE INDEX ix_authorisation_apart ON authorisation (account_id) WHERE session_id = id;

CREATE TABLE polled_request (
  id uuid,
  kind text NOT NULL,
  client_id text NOT NULL,
  profile text NOT NULL,
  secret_hash bytea NOT NULL,
  user_code_hash bytea,
  account_id uuid,
  scopes text[] NOT NULL,
  asked jsonb NOT NULL DEFAULT '{}',
  device text NOT NULL,
  message_sealed bytea,
  notification_sealed bytea,
  interval_seconds smallint NOT NULL,
  polled_at timestamptz,
  denied boolean,
  authorisation_id uuid,
  decided_at timestamptz,
  consumed_at timestamptz,
  created_at timestamptz NOT NULL,
  valid_until timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT pk_polled_request PRIMARY KEY (id),
  CONSTRAINT uq_polled_request_secret_hash UNIQUE (secret_hash),
  CONSTRAINT uq_polled_request_user_code_hash UNIQUE (user_code_hash),
  CONSTRAINT fk_polled_request_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT ck_polled_request_kind CHECK (kind IN ('device', 'ciba')),
  CONSTRAINT ck_polled_request_decided CHECK ((decided_at IS NULL) = (denied IS NULL)),
  CONSTRAINT ck_polled_request_approved CHECK ((authorisation_id IS NOT NULL) = (denied IS NOT NULL AND NOT denied))
);
CREATE INDEX ix_polled_request_expires_at ON polled_request (expires_at);
CREATE INDEX ix_polled_request_account_id ON polled_request (account_id);

CREATE TABLE known_subject (
  client_id text,
  subject text,
  account_id uuid NOT NULL,
  CONSTRAINT pk_known_subject PRIMARY KEY (client_id, subject),
  CONSTRAINT fk_known_subject_account_id FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX ix_known_subject_account_id ON known_subject (account_id);
"""


def upgrade() -> None:
    op.execute(_UP)


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE known_subject, polled_request;
        DROP INDEX ix_authorisation_apart;
        DELETE FROM authorisation
         WHERE redirect_uri IS NULL OR code_hash IS NULL OR code_expires_at IS NULL;
        ALTER TABLE authorisation
          ALTER COLUMN redirect_uri SET NOT NULL,
          ALTER COLUMN code_hash SET NOT NULL,
          ALTER COLUMN code_expires_at SET NOT NULL;
        """
    )
