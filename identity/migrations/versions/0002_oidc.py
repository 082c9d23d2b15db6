"""Signing keys, relying parties, flows, authorisations and what is issued from them."""

from alembic import op

revision = "0002_oidc"
down_revision = "0001_floor"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE cache_version (
          name text,
          version bigint NOT NULL,
          CONSTRAINT pk_cache_version PRIMARY KEY (name)
        );

        CREATE TABLE signing_key (
          kid text,
          algorithm text NOT NULL,
          state text NOT NULL,
          public_jwk jsonb NOT NULL,
          private_sealed bytea,
          created_at timestamptz NOT NULL,
          activated_at timestamptz,
          retiring_at timestamptz,
          retired_at timestamptz,
          CONSTRAINT pk_signing_key PRIMARY KEY (kid),
          CONSTRAINT ck_signing_key_algorithm CHECK (algorithm IN ('ES256', 'RS256')),
          CONSTRAINT ck_signing_key_state
            CHECK (state IN ('next', 'active', 'retiring', 'retired')),
          CONSTRAINT ck_signing_key_sealed
            CHECK ((state IN ('next', 'active')) = (private_sealed IS NOT NULL))
        );
        CREATE UNIQUE INDEX uq_signing_key_active ON signing_key (algorithm)
          WHERE state = 'active';
        CREATE UNIQUE INDEX uq_signing_key_next ON signing_key (algorithm) WHERE state = 'next';

        CREATE TABLE subject_salt (
          id smallint,
          sealed bytea NOT NULL,
          created_at timestamptz NOT NULL,
          CONSTRAINT pk_subject_salt PRIMARY KEY (id),
          CONSTRAINT ck_subject_salt_single CHECK (id = 1)
        );

        CREATE TABLE relying_party (
          client_id text,
          name text NOT NULL,
          organisation text NOT NULL,
          profile text NOT NULL,
          first_party boolean NOT NULL,
          auth_method text NOT NULL,
          secret_hash bytea,
          jwks jsonb NOT NULL,
          redirect_uris text[] NOT NULL,
          post_logout_uris text[] NOT NULL,
          backchannel_logout_uri text,
          scopes text[] NOT NULL,
          grant_types text[] NOT NULL,
          subject_type text NOT NULL,
          sector text NOT NULL,
          pkce text NOT NULL,
          landing_page text NOT NULL,
          id_token_alg text NOT NULL,
          created_at timestamptz NOT NULL,
          updated_at timestamptz NOT NULL,
          CONSTRAINT pk_relying_party PRIMARY KEY (client_id),
          CONSTRAINT ck_relying_party_auth_method CHECK (
            auth_method IN ('private_key_jwt', 'client_secret_basic', 'client_secret_post')),
          CONSTRAINT ck_relying_party_secret CHECK (
            (auth_method = 'private_key_jwt') = (secret_hash IS NULL)),
          CONSTRAINT ck_relying_party_subject_type CHECK (subject_type IN ('pairwise', 'public')),
          CONSTRAINT ck_relying_party_pkce CHECK (pkce IN ('required', 'exempt'))
        );

        CREATE TABLE flow (
          id uuid,
          browser_hash bytea NOT NULL,
          client_id text NOT NULL,
          profile text NOT NULL,
          request jsonb NOT NULL,
          account_id uuid,
          session_id uuid,
          signed_in_at timestamptz,
          verified_at timestamptz,
          consented_at timestamptz,
          shared_scopes text[],
          error text,
          error_description text,
          created_at timestamptz NOT NULL,
          expires_at timestamptz NOT NULL,
          finished_at timestamptz,
          CONSTRAINT pk_flow PRIMARY KEY (id)
        );
        CREATE INDEX ix_flow_expires_at ON flow (expires_at);

        CREATE TABLE authorisation (
          id uuid,
          client_id text NOT NULL,
          profile text NOT NULL,
          account_id uuid NOT NULL,
          session_id uuid NOT NULL,
          flow_id uuid NOT NULL,
          subject text NOT NULL,
          scopes text[] NOT NULL,
          shared_scopes text[] NOT NULL,
          nonce text,
          redirect_uri text NOT NULL,
          code_hash bytea NOT NULL,
          code_challenge text,
          code_expires_at timestamptz NOT NULL,
          code_consumed_at timestamptz,
          authenticated_at timestamptz NOT NULL,
          methods text[] NOT NULL,
          level text NOT NULL,
          created_at timestamptz NOT NULL,
          expires_at timestamptz NOT NULL,
          revoked_at timestamptz,
          CONSTRAINT pk_authorisation PRIMARY KEY (id),
          CONSTRAINT uq_authorisation_code_hash UNIQUE (code_hash)
        );
        CREATE INDEX ix_authorisation_expires_at ON authorisation (expires_at);
        CREATE INDEX ix_authorisation_session_id ON authorisation (session_id);

        CREATE TABLE refresh_token (
          token_hash bytea,
          authorisation_id uuid NOT NULL,
          created_at timestamptz NOT NULL,
          expires_at timestamptz NOT NULL,
          consumed_at timestamptz,
          CONSTRAINT pk_refresh_token PRIMARY KEY (token_hash),
          CONSTRAINT fk_refresh_token_authorisation_id FOREIGN KEY (authorisation_id)
            REFERENCES authorisation (id) ON DELETE CASCADE
        );
        CREATE INDEX ix_refresh_token_authorisation_id ON refresh_token (authorisation_id);

        CREATE TABLE used_assertion (
          client_id text,
          jti_hash bytea,
          expires_at timestamptz NOT NULL,
          CONSTRAINT pk_used_assertion PRIMARY KEY (client_id, jti_hash)
        );
        CREATE INDEX ix_used_assertion_expires_at ON used_assertion (expires_at);

        CREATE TABLE revoked_access_token (
          jti text,
          expires_at timestamptz NOT NULL,
          CONSTRAINT pk_revoked_access_token PRIMARY KEY (jti)
        );
        CREATE INDEX ix_revoked_access_token_expires_at ON revoked_access_token (expires_at);

        CREATE TABLE remembered_consent (
          account_id uuid,
          client_id text,
          scopes text[] NOT NULL,
          updated_at timestamptz NOT NULL,
          CONSTRAINT pk_remembered_consent PRIMARY KEY (account_id, client_id)
        );
        """
    )


def downgrade() -> None:
    op.execute(
        "DROP TABLE remembered_consent, revoked_access_token, used_assertion, refresh_token,"
        " authorisation, flow, relying_party, subject_salt, signing_key, cache_version"
    )
