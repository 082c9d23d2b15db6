"""Rails beside Bacs, files in parts, verdicts of two people, work that the bank's answers make."""

from pathlib import Path

from alembic import op

revision = "0015_rails"
down_revision = "0014_controls"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    """Go back; refuses while there are files that were written in several parts."""
    op.execute(
        """
        DROP TABLE work_note, work_item, attempt_verdict;
        ALTER TABLE attempt ADD COLUMN content_sealed bytea, DROP CONSTRAINT ck_attempt_sealed;
        ALTER TABLE attempt DISABLE TRIGGER attempt_moves;
        UPDATE attempt a SET content_sealed = p.content_sealed FROM submission_part p
         WHERE p.submission_id = a.submission_id AND p.number = 0
           AND NOT EXISTS (SELECT FROM submission_part o
                            WHERE o.submission_id = p.submission_id AND o.number > 0);
        ALTER TABLE attempt ENABLE TRIGGER attempt_moves;
        ALTER TABLE attempt ALTER COLUMN content_sealed SET NOT NULL,
          ALTER COLUMN content_sha256 SET NOT NULL, ALTER COLUMN content_bytes SET NOT NULL,
          ALTER COLUMN sealed_at SET NOT NULL;
        CREATE OR REPLACE FUNCTION check_attempt() RETURNS trigger LANGUAGE plpgsql
        SET search_path = payments, pg_temp AS $$
        BEGIN
          IF TG_OP = 'INSERT' THEN
            IF NEW.state NOT IN ('prepared', 'sealed') THEN
              RAISE EXCEPTION 'attempt %: it cannot begin as %', NEW.id, NEW.state
                USING ERRCODE = 'LG020';
            END IF;
            RETURN NEW;
          END IF;
          IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
              ('prepared', 'sealed'), ('prepared', 'sending'), ('sealed', 'sending'),
              ('sealed', 'abandoned'), ('sending', 'acknowledged'), ('sending', 'refused'),
              ('sending', 'unknown'), ('unknown', 'acknowledged'), ('unknown', 'refused')) THEN
            RAISE EXCEPTION 'attempt %: % cannot become %', NEW.id, OLD.state, NEW.state
              USING ERRCODE = 'LG020';
          END IF;
          IF OLD.state <> 'prepared' AND (NEW.content_sealed, NEW.content_sha256,
              NEW.content_bytes, NEW.payment_count, NEW.total_pence, NEW.submission_id)
              IS DISTINCT FROM (OLD.content_sealed, OLD.content_sha256, OLD.content_bytes,
              OLD.payment_count, OLD.total_pence, OLD.submission_id) THEN
            RAISE EXCEPTION 'attempt %: its content is sealed', NEW.id USING ERRCODE = 'LG021';
          END IF;
          RETURN NEW;
        END $$;
        DROP TABLE submission_part;
        DROP FUNCTION check_submission_part;
        DROP INDEX ix_submission_item_end_to_end_id, ix_submission_body_id;
        ALTER TABLE submission_item DROP COLUMN end_to_end_id;
        ALTER TABLE submission DROP CONSTRAINT ck_submission_approved,
          DROP CONSTRAINT ck_submission_acknowledged, DROP COLUMN rail, DROP COLUMN file_format,
          DROP COLUMN channel, DROP COLUMN profile, DROP COLUMN stage_id,
          DROP COLUMN approved_count, DROP COLUMN approved_pence, DROP COLUMN recalled_count,
          DROP COLUMN recalled_pence, DROP COLUMN acknowledged_count,
          DROP COLUMN acknowledged_pence;
        DROP TABLE bank_route;
        """
    )
