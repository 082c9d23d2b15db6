"""Indexes that begin with what tells rows apart, so that no plan rests on what statistics say.

One that begins with an upload or a body is as good to the planner as any other of that upload or
body, as long as it believes that there are few rows of it.
"""

from alembic import op

revision = "0020_plans"
down_revision = "0019_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Put the telling column first."""
    op.execute(
        """
        DROP INDEX ix_upload_row_account;
        CREATE INDEX ix_upload_row_account ON upload_row (account_fingerprint);
        DROP INDEX ix_upload_row_end_to_end;
        CREATE INDEX ix_upload_row_end_to_end ON upload_row (end_to_end_id)
         WHERE end_to_end_id <> '';
        DROP INDEX ix_payment_account_fingerprint;
        CREATE INDEX ix_payment_account_fingerprint ON payment (account_fingerprint);
        DROP INDEX ix_payment_invoice;
        CREATE INDEX ix_payment_invoice ON payment (invoice_reference, organisation)
         WHERE invoice_reference <> '';
        DROP INDEX ix_name_check_payee_fingerprint;
        CREATE INDEX ix_name_check_payee_fingerprint ON name_check (payee_fingerprint);
        -- Room for a second version of each payment with what its approval signs: at 55 a third
        -- of a run left its page when it was put forward, and all indexes were written again.
        ALTER TABLE payment SET (fillfactor = 45);
        """
    )


def downgrade() -> None:
    """Put the upload and the body first again."""
    op.execute(
        """
        DROP INDEX ix_upload_row_account;
        CREATE INDEX ix_upload_row_account ON upload_row (upload_id, account_fingerprint);
        DROP INDEX ix_upload_row_end_to_end;
        CREATE INDEX ix_upload_row_end_to_end ON upload_row (upload_id, end_to_end_id)
         WHERE end_to_end_id <> '';
        DROP INDEX ix_payment_account_fingerprint;
        CREATE INDEX ix_payment_account_fingerprint ON payment (organisation, account_fingerprint);
        DROP INDEX ix_payment_invoice;
        CREATE INDEX ix_payment_invoice ON payment (organisation, invoice_reference)
         WHERE invoice_reference <> '';
        DROP INDEX ix_name_check_payee_fingerprint;
        CREATE INDEX ix_name_check_payee_fingerprint
            ON name_check (organisation, payee_fingerprint);
        ALTER TABLE payment SET (fillfactor = 55);
        """
    )
