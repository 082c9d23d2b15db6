"""Optional members of clients and of what is issued to them; clients without a secret or key."""

from alembic import op

revision = "0004_options"
down_revision = "0003_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE relying_party
          ADD COLUMN options jsonb NOT NULL DEFAULT '{}',
          DROP CONSTRAINT ck_relying_party_auth_method,
          DROP CONSTRAINT ck_relying_party_secret,
          ADD CONSTRAINT ck_relying_party_secret
            CHECK ((auth_method LIKE 'client_secret_%') = (secret_hash IS NOT NULL));
        ALTER TABLE authorisation
          ADD COLUMN asked jsonb NOT NULL DEFAULT '{}',
          ADD COLUMN confirmation jsonb;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE authorisation DROP COLUMN confirmation, DROP COLUMN asked;
        ALTER TABLE relying_party
          DROP CONSTRAINT ck_relying_party_secret,
          DROP COLUMN options,
          ADD CONSTRAINT ck_relying_party_auth_method CHECK
            (auth_method IN ('private_key_jwt', 'client_secret_basic', 'client_secret_post')),
          ADD CONSTRAINT ck_relying_party_secret
            CHECK ((auth_method = 'private_key_jwt') = (secret_hash IS NULL));
        """
    )
