"""Texts and calls beside emails, and the provider's name for each."""

from alembic import op

revision = "0004_texts"
down_revision = "0003_mailbox"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE message ADD COLUMN provider_reference text;
        ALTER TABLE message DROP CONSTRAINT ck_message_channel;
        ALTER TABLE message DROP CONSTRAINT ck_message_state;
        ALTER TABLE message DROP CONSTRAINT ck_message_completed;
        ALTER TABLE message ADD CONSTRAINT ck_message_channel
          CHECK (channel IN ('email', 'sms', 'voice'));
        ALTER TABLE message ADD CONSTRAINT ck_message_state CHECK (state IN
          ('created', 'sending', 'sent', 'delivered', 'temporary-failure', 'permanent-failure'));
        ALTER TABLE message ADD CONSTRAINT ck_message_completed
          CHECK ((state IN ('created', 'sending', 'sent')) = (completed_at IS NULL));
        CREATE INDEX ix_message_sent ON message (channel, provider_reference)
          WHERE state = 'sent';
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DELETE FROM message_event USING message
         WHERE message.id = message_id AND channel <> 'email';
        DELETE FROM message WHERE channel <> 'email';
        ALTER TABLE message DROP CONSTRAINT ck_message_channel;
        ALTER TABLE message DROP CONSTRAINT ck_message_state;
        ALTER TABLE message DROP CONSTRAINT ck_message_completed;
        ALTER TABLE message ADD CONSTRAINT ck_message_channel CHECK (channel = 'email');
        ALTER TABLE message ADD CONSTRAINT ck_message_state CHECK (state IN
          ('created', 'sending', 'delivered', 'temporary-failure', 'permanent-failure'));
        ALTER TABLE message ADD CONSTRAINT ck_message_completed
          CHECK ((state IN ('created', 'sending')) = (completed_at IS NULL));
        DROP INDEX ix_message_sent;
        ALTER TABLE message DROP COLUMN provider_reference;
        """
    )
