"""Passkeys, one-time-code apps and backup codes."""

from alembic import op

revision = "0010_factors"
down_revision = "0009_one_login"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE passkey (
          id uuid NOT NULL,
          account_id uuid NOT NULL,
          credential_id bytea NOT NULL,
          public_key bytea NOT NULL,
          sign_count bigint NOT NULL,
          aaguid text NOT NULL,
          transports text[] NOT NULL,
          can_sync boolean NOT NULL,
          is_backed_up boolean NOT NULL,
          name_sealed bytea NOT NULL,
          enrolled_level text NOT NULL,
          created_at timestamptz NOT NULL,
          last_used_at timestamptz,
          CONSTRAINT pk_passkey PRIMARY KEY (id),
          CONSTRAINT uq_passkey_credential_id UNIQUE (credential_id),
          CONSTRAINT fk_passkey_account_id_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
        );
        CREATE INDEX ix_passkey_account_id ON passkey (account_id);

        CREATE TABLE totp (
          account_id uuid NOT NULL,
          secret_sealed bytea NOT NULL,
          last_step bigint NOT NULL,
          enrolled_level text NOT NULL,
          created_at timestamptz NOT NULL,
          last_used_at timestamptz,
          CONSTRAINT pk_totp PRIMARY KEY (account_id),
          CONSTRAINT fk_totp_account_id_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
        );

        CREATE TABLE backup_code (
          account_id uuid NOT NULL,
          code_hash bytea NOT NULL,
          created_at timestamptz NOT NULL,
          used_at timestamptz,
          CONSTRAINT pk_backup_code PRIMARY KEY (account_id, code_hash),
          CONSTRAINT fk_backup_code_account_id_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
        );

        CREATE TABLE known_browser (
          account_id uuid NOT NULL,
          browser_hash bytea NOT NULL,
          factor text NOT NULL,
          expires_at timestamptz NOT NULL,
          CONSTRAINT pk_known_browser PRIMARY KEY (account_id, browser_hash),
          CONSTRAINT fk_known_browser_account_id_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
        );
        CREATE INDEX ix_known_browser_expires_at ON known_browser (expires_at);

        CREATE TABLE used_challenge (
          challenge_hash bytea NOT NULL,
          expires_at timestamptz NOT NULL,
          CONSTRAINT pk_used_challenge PRIMARY KEY (challenge_hash)
        );
        CREATE INDEX ix_used_challenge_expires_at ON used_challenge (expires_at);

        ALTER TABLE sign_in_session
          ADD COLUMN factors text[] NOT NULL DEFAULT '{}',
          ADD COLUMN started_at timestamptz NOT NULL DEFAULT now();
        UPDATE sign_in_session SET factors = ARRAY['password', 'email_code'] WHERE methods @> ARRAY['pwd', 'otp'];
        ALTER TABLE flow ADD COLUMN level_waived_at timestamptz;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE flow DROP COLUMN level_waived_at;
        ALTER TABLE sign_in_session DROP COLUMN started_at, DROP COLUMN factors;
        DROP TABLE used_challenge;
        DROP TABLE known_browser;
        DROP TABLE backup_code;
        DROP TABLE totp;
        DROP TABLE passkey;
        """
    )
