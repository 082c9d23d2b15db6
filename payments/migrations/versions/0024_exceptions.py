"""What the bank said can be taken back and said again: a payment is unpaid when a match is undone."""

from alembic import op

revision = "0024_exceptions"
down_revision = "0023_matching"
branch_labels = None
depends_on = None

_UP = """
ALTER TABLE bank_outcome
  ADD COLUMN round smallint NOT NULL DEFAULT 1,
  DROP CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id,
  DROP CONSTRAINT ck_bank_outcome_kind,
  ADD CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id_round
    UNIQUE (payment_id, kind, submission_id, round),
  ADD CONSTRAINT ck_bank_outcome_kind CHECK (kind IN
    ('submitted','refused','accepted','rejected','paid','unpaid','returned')),
  ADD CONSTRAINT ck_bank_outcome_round
    CHECK (round = 1 OR round > 1 AND kind IN ('paid','unpaid')),
  ADD CONSTRAINT ck_bank_outcome_unpaid
    CHECK (kind <> 'unpaid' OR reason_code IN ('submitted','accepted'));
"""
_DOWN = """
ALTER TABLE bank_outcome
  DROP CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id_round,
  DROP CONSTRAINT ck_bank_outcome_kind,
  DROP CONSTRAINT ck_bank_outcome_round,
  DROP CONSTRAINT ck_bank_outcome_unpaid;
DELETE FROM bank_outcome WHERE kind = 'unpaid' OR round > 1;
ALTER TABLE bank_outcome
  DROP COLUMN round,
  ADD CONSTRAINT uq_bank_outcome_payment_id_kind_submission_id
    UNIQUE (payment_id, kind, submission_id),
  ADD CONSTRAINT ck_bank_outcome_kind CHECK (kind IN
    ('submitted','refused','accepted','rejected','paid','returned'));
"""


def upgrade() -> None:
    """Let a payment be paid, not paid after all, and paid again."""
    op.execute(_UP)


def downgrade() -> None:
    """Forget what was taken back."""
    op.execute(_DOWN)
