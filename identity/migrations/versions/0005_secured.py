"""Pushed requests, single use of DPoP proofs, and signing keys for PS256 and EdDSA."""

from alembic import op

revision = "0005_secured"
down_revision = "0004_options"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE pushed_request (
          request_hash bytea NOT NULL CONSTRAINT pk_pushed_request PRIMARY KEY,
          client_id text NOT NULL,
          profile text NOT NULL,
          request_sealed bytea NOT NULL,
          created_at timestamptz NOT NULL,
          valid_until timestamptz NOT NULL,
          expires_at timestamptz NOT NULL,
          consumed_at timestamptz
        );
        CREATE INDEX ix_pushed_request_expires_at ON pushed_request (expires_at);
        CREATE TABLE used_proof (
          proof_hash bytea NOT NULL CONSTRAINT pk_used_proof PRIMARY KEY,
          expires_at timestamptz NOT NULL
        );
        CREATE INDEX ix_used_proof_expires_at ON used_proof (expires_at);
        ALTER TABLE signing_key
          DROP CONSTRAINT ck_signing_key_algorithm,
          ADD CONSTRAINT ck_signing_key_algorithm
            CHECK (algorithm IN ('ES256', 'RS256', 'PS256', 'EdDSA'));
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DELETE FROM signing_key WHERE algorithm IN ('PS256', 'EdDSA');
        ALTER TABLE signing_key
          DROP CONSTRAINT ck_signing_key_algorithm,
          ADD CONSTRAINT ck_signing_key_algorithm CHECK (algorithm IN ('ES256', 'RS256'));
        DROP TABLE used_proof;
        DROP TABLE pushed_request;
        """
    )
