"""Registration by API, logos of clients, logout deliveries, back-channel logout of our pages."""

from alembic import op

from shared.migrate import add_backchannel_logout, remove_backchannel_logout

revision = "0008_registration"
down_revision = "0006_grants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE initial_access_token (
          id uuid,
          token_hash bytea NOT NULL,
          label text NOT NULL,
          organisation text NOT NULL,
          certification boolean NOT NULL,
          uses_left integer NOT NULL,
          created_at timestamptz NOT NULL,
          expires_at timestamptz NOT NULL,
          CONSTRAINT pk_initial_access_token PRIMARY KEY (id),
          CONSTRAINT uq_initial_access_token_token_hash UNIQUE (token_hash),
          CONSTRAINT ck_initial_access_token_uses_left CHECK (uses_left >= 0)
        );
        CREATE INDEX ix_initial_access_token_expires_at ON initial_access_token (expires_at);

        CREATE TABLE registration_access_token (
          client_id text,
          token_hash bytea NOT NULL,
          certification boolean NOT NULL,
          created_at timestamptz NOT NULL,
          CONSTRAINT pk_registration_access_token PRIMARY KEY (client_id),
          CONSTRAINT fk_registration_access_token_client_id FOREIGN KEY (client_id)
            REFERENCES relying_party (client_id) ON DELETE CASCADE
        );

        CREATE TABLE client_logo (
          client_id text,
          logo_uri text NOT NULL,
          media_type text NOT NULL,
          content bytea NOT NULL,
          fetched_at timestamptz NOT NULL,
          CONSTRAINT pk_client_logo PRIMARY KEY (client_id),
          CONSTRAINT fk_client_logo_client_id FOREIGN KEY (client_id)
            REFERENCES relying_party (client_id) ON DELETE CASCADE
        );

        CREATE TABLE logout_delivery (
          id uuid,
          client_id text NOT NULL,
          reason text NOT NULL,
          created_at timestamptz NOT NULL,
          tries smallint NOT NULL DEFAULT 0,
          tried_at timestamptz,
          delivered_at timestamptz,
          given_up_at timestamptz,
          last_error text,
          expires_at timestamptz NOT NULL,
          CONSTRAINT pk_logout_delivery PRIMARY KEY (id)
        );
        CREATE INDEX ix_logout_delivery_client_id_id ON logout_delivery (client_id, id);
        CREATE INDEX ix_logout_delivery_expires_at ON logout_delivery (expires_at);
        """
    )
    add_backchannel_logout()


def downgrade() -> None:
    remove_backchannel_logout()
    op.execute(
        "DROP TABLE logout_delivery, client_logo, registration_access_token, initial_access_token"
    )
