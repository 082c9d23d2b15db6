"""Notices to owners, waiting changes that happen, and the reminder before they do."""

from dataclasses import dataclass
from uuid import UUID, uuid5

from identity.accounts.queries import get_profile
from identity.accounts.tasks import notifications_of
from identity.accounts.vault import Vault, open_vault, sealer_of
from identity.codes.rules import Target
from identity.phones.queries import get_phone
from identity.phones.rules import Number, kind_of
from identity.recovery.actions import APPLY_TOPIC, REMIND_TOPIC, apply_change
from identity.recovery.notices import SENTENCES, TELL_TOPIC, tell_everywhere
from identity.recovery.queries import ChangeView, get_change
from shared.outbox import Job, handler

NOT_ME_PATH = "/identity/not-me"


@dataclass(frozen=True)
class _Told:
    """Where a notice goes; ``place`` makes its key differ from those to other places."""

    place: str
    target: Target


@handler(TELL_TOPIC, lease_seconds=60)
def tell(job: Job) -> None:
    """Send a notice to every address and number of the owner, present and just replaced.

    Each place has its own key, so what was sent before a failure is not sent again.
    """
    vault = vault_of(job)
    account_id, notice_id = UUID(job.text("account_id")), UUID(job.text("notice_id"))
    with job.database.transaction() as session:
        profile = get_profile(session, account_id, vault.sealer)
        phone = get_phone(session, account_id, vault.sealer)
        change_id = job.payload.get("change_id")
        change = get_change(session, vault, UUID(str(change_id))) if change_id else None
    if profile is None:
        return
    places = [_Told("email", Target("email", profile.email))]
    if phone is not None:
        places.append(_Told("phone", phone.target))
    places += _before(change)
    what = SENTENCES[job.text("what")][profile.language]
    link = f"{job.settings.public_url}{NOT_ME_PATH}"
    for place in places:
        is_email = place.target.channel == "email"
        key = str(uuid5(notice_id, place.place))
        notifications_of(job.settings).send(
            channel=place.target.channel,
            template="identity.account_notice" if is_email else "identity.phone_notice",
            to=place.target.address,
            personalisation={"what": what, "link": link} if is_email else {"what": what},
            reference=str(notice_id),
            idempotency_key=key,
            language=profile.language,
        )


def _before(change: ChangeView | None) -> list[_Told]:
    if change is None or not change.before:
        return []
    if change.kind == "email":
        return [_Told("email before", Target("email", change.before))]
    return [_Told("phone before", Number(change.before, kind_of(change.before_kind)).target)]


@handler(APPLY_TOPIC)
def apply(job: Job) -> None:
    """Let a change happen whose time of notices is over; one that was stopped does nothing."""
    apply_change(job.database, vault_of(job), UUID(job.text("change_id")), job.now())


@handler(REMIND_TOPIC)
def remind(job: Job) -> None:
    """Tell the owner once more before a waiting change happens."""
    with job.database.transaction() as session:
        change = get_change(session, vault_of(job), UUID(job.text("change_id")))
        if change is not None and change.state == "waiting":
            tell_everywhere(session, change.account_id, "soon", change_id=change.id)
        job.finish(session)


def vault_of(job: Job) -> Vault:
    """Return the vault of the database that a job works on."""
    return open_vault(job.database, sealer_of(job.settings.encryption_key_file))
