"""Sanctions lists, possible hits and the cases that clear them."""

from pathlib import Path

from alembic import op

revision = "0012_screening"
down_revision = "0011_uploads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    op.execute(
        "DROP TABLE screening_clearance, screening_case, screening, sanctions_name, sanctions_list"
    )
