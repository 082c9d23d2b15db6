"""Totals and content of runs of any size; limits, bands, authorities, calendars and holds."""

from pathlib import Path

from alembic import op

revision = "0014_controls"
down_revision = "0013_payee_master"
branch_labels = None
depends_on = None

_HERE = Path(__file__).parent


def upgrade() -> None:
    op.execute((_HERE / "0014_runs.sql").read_text())
    op.execute((_HERE / "0014_controls.sql").read_text())


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE body DROP COLUMN step_up;
        UPDATE programme SET release = 'by_hand' WHERE release = 'on_schedule';
        ALTER TABLE programme DROP COLUMN kind, DROP COLUMN rail, DROP COLUMN gl_code,
          DROP CONSTRAINT ck_programme_release,
          ADD CONSTRAINT ck_programme_release CHECK (release IN ('on_approval', 'by_hand'));
        DROP TABLE staff_seen, cut_off, closing_day, hold, control_rule;
        DROP FUNCTION keep_control_rule;
        """
    )
    op.execute(
        """
        DROP TRIGGER payment_counted_in ON payment;
        DROP TRIGGER payment_counted ON payment;
        DROP TRIGGER payment_counted_out ON payment;
        DROP TRIGGER payment_unsigned ON payment;
        DROP FUNCTION count_new_payments, count_moved_payments, count_gone_payments,
          unsign_payment;
        DROP TABLE run_part, run_total;
        DROP INDEX uq_payment_replaces;
        CREATE UNIQUE INDEX uq_payment_replaces ON payment (replaces)
          WHERE state NOT IN ('cancelled', 'recalled', 'invalid');
        ALTER TABLE payment DROP COLUMN replaced_live;
        ALTER TABLE payment RESET (fillfactor);
        DROP INDEX ix_run_event_shaping;
        ALTER TABLE run DROP COLUMN working, DROP COLUMN signed_count, DROP COLUMN signed_pence;
        """
    )
