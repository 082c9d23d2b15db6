"""Mailboxes, their letters, and what happened to each letter."""

from alembic import op

revision = "0003_mailbox"
down_revision = "0002_messages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE mailbox (
          id uuid,
          subject text NOT NULL,
          assurance text NOT NULL,
          verified_at timestamptz NOT NULL,
          language text NOT NULL,
          key_sealed bytea NOT NULL,
          email_sealed bytea NOT NULL,
          created_at timestamptz NOT NULL,
          CONSTRAINT pk_mailbox PRIMARY KEY (id),
          CONSTRAINT ck_mailbox_assurance CHECK (assurance IN ('medium', 'high'))
        );
        CREATE UNIQUE INDEX uq_mailbox_subject ON mailbox (subject);

        CREATE TABLE mailbox_message (
          id uuid,
          mailbox_id uuid NOT NULL,
          client_id text NOT NULL,
          sender text NOT NULL,
          language text NOT NULL,
          state text NOT NULL,
          tell_opened boolean NOT NULL,
          head_sealed bytea NOT NULL,
          content_sealed bytea NOT NULL,
          letter_sealed bytea,
          letter_sha256 bytea,
          unread boolean NOT NULL DEFAULT true,
          created_at timestamptz NOT NULL,
          published_at timestamptz,
          opened_at timestamptz,
          archived_at timestamptz,
          CONSTRAINT pk_mailbox_message PRIMARY KEY (id),
          CONSTRAINT fk_mailbox_message_mailbox_id FOREIGN KEY (mailbox_id) REFERENCES mailbox (id),
          CONSTRAINT ck_mailbox_message_state CHECK (state IN ('initialized', 'published')),
          CONSTRAINT ck_mailbox_message_published CHECK
            ((state = 'published') = (published_at IS NOT NULL)
             AND (state = 'published') = (letter_sealed IS NOT NULL)),
          CONSTRAINT ck_mailbox_message_opened CHECK (opened_at IS NULL OR state = 'published')
        );
        CREATE INDEX ix_mailbox_message_mailbox ON mailbox_message (mailbox_id, published_at, id);

        CREATE TABLE mailbox_event (
          id bigint GENERATED ALWAYS AS IDENTITY,
          message_id uuid NOT NULL,
          event text NOT NULL,
          actor_kind text NOT NULL,
          actor_id text NOT NULL,
          event_time timestamptz NOT NULL,
          recorded_time timestamptz NOT NULL DEFAULT now(),
          CONSTRAINT pk_mailbox_event PRIMARY KEY (id),
          CONSTRAINT fk_mailbox_event_message_id FOREIGN KEY (message_id)
            REFERENCES mailbox_message (id)
        );
        CREATE INDEX ix_mailbox_event_message_id ON mailbox_event (message_id, id);
        REVOKE UPDATE, DELETE, TRUNCATE ON mailbox_event FROM notifications;
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE mailbox_event, mailbox_message, mailbox")
