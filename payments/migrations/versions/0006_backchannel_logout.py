"""Sessions of the pages that the provider may end."""

from shared.migrate import add_backchannel_logout, remove_backchannel_logout

revision = "0006_backchannel_logout"
down_revision = "0005_reissues"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_backchannel_logout()


def downgrade() -> None:
    remove_backchannel_logout()
