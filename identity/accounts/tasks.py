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
    "new_device": (
        "Somebody signed in to your account on a device it was not used on before: {device}."
        " If that was not you, set a new password now and sign out everywhere."
    ),
    "passkey_added": (
        "A passkey was added to your account. If that was not you, remove it and set a new"
        " password now."
    ),
    "passkey_removed": "A passkey was removed from your account.",
    "passkey_copied": (
        "Somebody used an old copy of one of your passkeys. We did not let them in. Remove the"
        " passkey from your account and add a new one."
    ),
    "totp_added": (
        "An authenticator app was added to your account. If that was not you, set a new password"
        " now and remove the app."
    ),
    "totp_removed": (
        "The authenticator app was removed from your account. If that was not you, set a new"
        " password now."
    ),
    "backup_codes_added": (
        "New backup codes were made for your account. The codes before them no longer work."
    ),
    "backup_code_used": (
        "One of your backup codes was used to sign in. If that was not you, set a new password now."
    ),
    "confirming_paused": (
        "In a browser in which you are signed in, somebody entered five wrong passwords. If that"
        " was not you, sign out everywhere and set a new password now."
    ),
    "codes_paused": (
        "Somebody who knows your password entered five wrong codes to sign in. If that was not"
        " you, set a new password now."
    ),
}
_NO_DEVICE = "a device that we could not name"


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
        personalisation={"what": _sentence(job)},
        reference=job.text("notice_id"),
        idempotency_key=job.text("notice_id"),
        language=profile.language,
    )


def _sentence(job: Job) -> str:
    """Return what happened, with the name of the device where one matters."""
    device = job.text("device") if "device" in job.payload else ""
    return _SENTENCES[job.text("what")].format(device=device or _NO_DEVICE)
