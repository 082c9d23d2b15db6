"""Posting by shards, and what makes it fast: ids made in SQL, checks with fewer passes."""

from pathlib import Path

from alembic import op

revision = "0008_bulk_posting"
down_revision = "0007_bulk"
branch_labels = None
depends_on = None

_HERE = Path(__file__).parent


def upgrade() -> None:
    op.execute((_HERE / "0008_ledger_ids.sql").read_text())
    op.execute((_HERE / "0008_ledger_checks.sql").read_text())


def downgrade() -> None:
    op.execute("DROP FUNCTION ledger_id(bigint, bigint, uuid)")
    before = (_HERE / "0002_ledger_checks.sql").read_text().split(";\nCREATE TRIGGER")
    for part in before:
        for name in ("check_entries", "check_postings"):
            if (found := part.find(f"CREATE FUNCTION {name}() ")) >= 0:
                op.execute("CREATE OR REPLACE" + part[found + len("CREATE") :])
