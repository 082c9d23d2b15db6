"""Statements in every format, rules of matching and work on exceptions."""

from pathlib import Path

from alembic import op

revision = "0016_matching"
down_revision = "0015_rails"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute(
        """
        DROP TRIGGER match_counted ON match;
        DROP TRIGGER match_uncounted ON match;
        DROP FUNCTION count_matches();
        DROP FUNCTION uncount_matches();
        DROP FUNCTION match_id();
        ALTER TABLE statement_line ADD COLUMN allocated_pence bigint NOT NULL DEFAULT 0,
          ADD CONSTRAINT ck_statement_line_allocated
            CHECK (allocated_pence BETWEEN 0 AND abs(amount_pence));
        UPDATE statement_line l SET allocated_pence = a.allocated_pence
          FROM line_allocation a WHERE a.line_id = l.id;
        DROP TABLE line_allocation, expected_item, matching_rules, reconciliation_proposal,
          exception_note, csv_mapping, reconciliation_sign_off;
        DROP INDEX uq_statement_line_content, uq_statement_sequence, ix_match_undone,
          uq_reconciliation_exception_line, uq_reconciliation_exception_statement,
          ix_reconciliation_exception_open, ix_reconciliation_exception_account,
          ix_reconciliation_exception_line_id, ix_statement_line_bank_account_id;
        ALTER TABLE statement_line DROP COLUMN uetr, DROP COLUMN set_aside,
          ADD CONSTRAINT uq_statement_line_content
            UNIQUE (bank_account_id, content_hash, occurrence);
        CREATE UNIQUE INDEX uq_statement_sequence ON statement (bank_account_id, sequence)
          WHERE sequence IS NOT NULL;
        ALTER TABLE statement DROP COLUMN problem, DROP CONSTRAINT ck_statement_state,
          ADD CONSTRAINT ck_statement_state
            CHECK (state IN ('waiting','gap','mismatch','reconciled'));
        DELETE FROM match WHERE target_type NOT IN ('submission','returned_payment');
        ALTER TABLE match DROP CONSTRAINT ck_match_target_type, DROP CONSTRAINT ck_match_undone,
          DROP CONSTRAINT ck_match_amount, DROP COLUMN target_pence, DROP COLUMN run_id,
          DROP COLUMN undone_by, DROP COLUMN undone_at, DROP COLUMN undo_reason,
          ADD CONSTRAINT ck_match_target_type
            CHECK (target_type IN ('submission','returned_payment')),
          ADD CONSTRAINT fk_match_line_id FOREIGN KEY (line_id) REFERENCES statement_line (id);
        ALTER TABLE reconciliation_exception DROP COLUMN owner_name, DROP COLUMN resolution;
        CREATE UNIQUE INDEX uq_reconciliation_exception_line
          ON reconciliation_exception (line_id, code) WHERE line_id IS NOT NULL;
        CREATE UNIQUE INDEX uq_reconciliation_exception_statement
          ON reconciliation_exception (statement_id, code) WHERE line_id IS NULL;
        GRANT INSERT, UPDATE ON match_target, statement_line, match TO payments;
        """
    )
