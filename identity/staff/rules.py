"""How long invitations live; pure."""

from datetime import timedelta

INVITATION_DAYS = 7
INVITATION_LIFE = timedelta(days=INVITATION_DAYS)
# Until then an owner sees that an invitation ran out and can send it again.
INVITATION_KEPT = timedelta(days=30)
MOST_SENDS = 10
MOST_OPEN = 200
EMAIL_RECORD = "invitation.email"
TOKEN_RECORD = "invitation.token"  # noqa: S105 - the name of a record


def invitation_path(token: str) -> str:
    """Return where an invitation's link leads; it carries no right but to be shown there."""
    return f"/identity/console/invitation?token={token}"
