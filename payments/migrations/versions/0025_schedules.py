"""Recurring schedules, temporary delegation, emergency access, and the rail of a programme."""

from pathlib import Path

from alembic import op

revision = "0025_schedules"
down_revision = "0024_exceptions"
branch_labels = None
depends_on = None

_HERE = Path(__file__).parent


def upgrade() -> None:
    op.execute((_HERE / "0025_schedules.sql").read_text())


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE emergency_access, delegation;
        DROP TABLE schedule_event, schedule_occurrence, schedule_payment, schedule_version,
          schedule;
        UPDATE run SET source = 'journey' WHERE source = 'schedule';
        ALTER TABLE run DROP CONSTRAINT ck_run_source,
          ADD CONSTRAINT ck_run_source CHECK (source IN ('api', 'upload', 'journey', 'govstack'));
        ALTER TABLE programme DROP CONSTRAINT ck_programme_rail_reason, DROP COLUMN rail_reason;
        """
    )
