"""Matches are found by their target alone, by an index half as wide."""

from alembic import op

revision = "0023_matching"
down_revision = "0022_journals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index matches by target: ids say the type too, and who asks by target has the id only."""
    op.execute(
        """
        CREATE INDEX ix_match_target_id ON match (target_id);
        DROP INDEX ix_match_target_type_target_id;
        """
    )


def downgrade() -> None:
    """Index matches by type and target again."""
    op.execute(
        """
        CREATE INDEX ix_match_target_type_target_id ON match (target_type, target_id);
        DROP INDEX ix_match_target_id;
        """
    )
