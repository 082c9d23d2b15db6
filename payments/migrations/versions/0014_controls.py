"""Limits, bands, delegations, schedules and holds."""

revision = "0014_controls"
down_revision = "0013_payee_master"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
