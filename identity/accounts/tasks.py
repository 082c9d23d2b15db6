"""Emails to the owner of an account, through the notifications service."""

from uuid import UUID

from identity.accounts.queries import get_profile
from identity.accounts.vault import sealer_of
from shared.clients.notifications import NotificationsClient
from shared.outbox import Job, handler
from shared.settings import ServiceSettings

CLIENT_ID = "identity-service"
_SENTENCES = {
    "password_changed": "Your password was changed. If that was not you, set a new password now.",
    "sign_in_paused": (
        "Signing in with your password is paused for 30 minutes after five wrong passwords."
        " If you do not want to wait, set a new password."
    ),
}


# One client per settings of this process, so that access tokens are used again.
_CLIENTS: dict[int, NotificationsClient] = {}


def notifications_of(settings: ServiceSettings) -> NotificationsClient:
    """Return this process's client of the notifications service."""
    if id(settings) not in _CLIENTS:
        _CLIENTS[id(settings)] = NotificationsClient(settings, CLIENT_ID)
    return _CLIENTS[id(settings)]


@handler("identity.accounts.tell_owner")
def tell_owner(job: Job) -> None:
    """Send a notice about the account; an account that is gone gets none."""
    sealer = sealer_of(job.settings.encryption_key_file)
    account_id = UUID(job.text("account_id"))
    with job.database.transaction() as session:
        profile = get_profile(session, account_id, sealer)
    if profile is None:
        return
    notifications_of(job.settings).send_email(
        template="identity.account_changed",
        to=profile.email,
        personalisation={"what": _SENTENCES[job.text("what")]},
        reference=job.text("notice_id"),
        idempotency_key=job.text("notice_id"),
        language=profile.language,
    )
