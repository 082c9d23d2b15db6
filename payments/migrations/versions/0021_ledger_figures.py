"""A block of entries is one row: what it holds is written once and by the block."""

from pathlib import Path

from alembic import op

revision = "0021_ledger_figures"
down_revision = "0020_plans"
branch_labels = None
depends_on = None

_HERE = Path(__file__).parent
_ROWS_AGAIN = """
    CREATE TABLE sealed_row (
      block_id bigint,
      leaf_index integer,
      entry_id uuid NOT NULL,
      leaf bytea NOT NULL,
      CONSTRAINT pk_entry_seal PRIMARY KEY (block_id, leaf_index),
      CONSTRAINT uq_entry_seal_entry_id UNIQUE (entry_id)
    );
    INSERT INTO sealed_row SELECT block_id, leaf_index, entry_id, leaf FROM entry_seal;
    DROP VIEW entry_seal;
    DROP FUNCTION unsealed_entries(text);
    DROP TABLE entry_block;
    ALTER TABLE sealed_row RENAME TO entry_seal;
    CREATE TRIGGER entry_seal_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON entry_seal
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    REVOKE UPDATE, DELETE, TRUNCATE ON entry_seal FROM payments;
    DELETE FROM seal_watermark WHERE kind = 'restored';
    INSERT INTO seal_watermark (kind, cluster, sealed_below)
    SELECT 'restored', cluster, '0' FROM seal_watermark WHERE kind = 'entries'
"""


def upgrade() -> None:
    op.execute((_HERE / "0021_ledger_figures.sql").read_text())


def downgrade() -> None:
    for function in ("post_singles", "check_entries", "check_postings", "lock_bounds"):
        op.execute(f"ALTER FUNCTION {function} RESET plan_cache_mode")
    op.execute("ALTER FUNCTION lock_bounds RESET enable_seqscan")
    op.execute("ALTER FUNCTION apply_bounds RESET ALL")
    op.execute("ALTER FUNCTION apply_bounds SET search_path = payments, pg_temp")
    op.execute(_ROWS_AGAIN)
    balances = (_HERE / "0010_balances.sql").read_text()
    part = balances[balances.index("CREATE FUNCTION ledger_balances") :]
    op.execute("CREATE OR REPLACE" + part[: part.index("$$;") + 3].removeprefix("CREATE"))
