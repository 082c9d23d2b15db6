"""The floor's tables: outbox, audit, idempotency keys, page sessions."""

from alembic import op

from shared.migrate import create_floor

revision = "0001_floor"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_floor("identity")


def downgrade() -> None:
    op.execute("DROP TABLE login_attempt, web_session, idempotency_key, audit_event, outbox")
