"""Messages, what became of them, and the key of the blind indexes."""

from alembic import op

revision = "0002_messages"
down_revision = "0001_floor"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE lookup_key (
          id smallint,
          sealed bytea NOT NULL,
          created_at timestamptz NOT NULL DEFAULT now(),
          CONSTRAINT pk_lookup_key PRIMARY KEY (id),
          CONSTRAINT ck_lookup_key_single CHECK (id = 1)
        );

        CREATE TABLE message (
          id uuid,
          client_id text NOT NULL,
          channel text NOT NULL,
          template text NOT NULL,
          language text NOT NULL,
          state text NOT NULL,
          recipient_index bytea NOT NULL,
          recipient_sealed bytea NOT NULL,
          personalisation_sealed bytea,
          reference_index bytea,
          reference_sealed bytea,
          in_flight boolean NOT NULL DEFAULT false,
          possible_duplicate boolean NOT NULL DEFAULT false,
          attempt_count integer NOT NULL DEFAULT 0,
          created_at timestamptz NOT NULL,
          completed_at timestamptz,
          CONSTRAINT pk_message PRIMARY KEY (id),
          CONSTRAINT ck_message_channel CHECK (channel = 'email'),
          CONSTRAINT ck_message_state CHECK (state IN
            ('created', 'sending', 'delivered', 'temporary-failure', 'permanent-failure')),
          CONSTRAINT ck_message_completed CHECK
            ((state IN ('created', 'sending')) = (completed_at IS NULL))
        );
        CREATE INDEX ix_message_recipient_index ON message (recipient_index);
        CREATE INDEX ix_message_reference_index ON message (client_id, reference_index);

        CREATE TABLE message_event (
          id bigint GENERATED ALWAYS AS IDENTITY,
          message_id uuid NOT NULL,
          event text NOT NULL,
          code text NOT NULL,
          event_time timestamptz NOT NULL,
          recorded_time timestamptz NOT NULL DEFAULT now(),
          CONSTRAINT pk_message_event PRIMARY KEY (id),
          CONSTRAINT fk_message_event_message_id FOREIGN KEY (message_id) REFERENCES message (id)
        );
        CREATE INDEX ix_message_event_message_id ON message_event (message_id, id);
        REVOKE UPDATE, DELETE, TRUNCATE ON message_event FROM notifications;
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE message_event, message, lookup_key")
