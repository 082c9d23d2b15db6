"""A payment can replace one that came back; only one living payment replaces another."""

from alembic import op

revision = "0005_reissues"
down_revision = "0004_runs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE payment ADD COLUMN replaces text,
          ADD CONSTRAINT fk_payment_replaces_payment
            FOREIGN KEY (replaces) REFERENCES payment (public_id);
        CREATE UNIQUE INDEX uq_payment_replaces ON payment (replaces)
          WHERE state NOT IN ('cancelled', 'recalled', 'invalid');
        """
    )


def downgrade() -> None:
    op.execute("ALTER TABLE payment DROP COLUMN replaces")
