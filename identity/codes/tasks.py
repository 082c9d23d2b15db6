"""Sends codes; a code is sealed in its row and gone once it is on its way."""

from uuid import UUID

from sqlalchemy import text

from identity.accounts.tasks import notifications_of
from identity.accounts.vault import open_vault, sealer_of
from identity.codes.queries import CODE_RECORD, TARGET_RECORD
from identity.signin.rules import CODE_MINUTES
from shared.outbox import Job, handler

_READ = text(
    """
    SELECT channel, target_sealed, code_sealed, language FROM contact_check
     WHERE id = :id AND code_number = :number AND consumed_at IS NULL
       AND code_sealed IS NOT NULL AND code_expires_at > :now
    """
)
_FORGET_CODE = text(
    "UPDATE contact_check SET code_sealed = NULL WHERE id = :id AND code_number = :number"
)
_TEMPLATES = {
    "email": "identity.one_time_code",
    "sms": "identity.text_code",
    "voice": "identity.spoken_code",
}


@handler("identity.codes.send")
def send_code(job: Job) -> None:
    """Send the code of a check; one that is over, or whose code was replaced, sends nothing."""
    vault = open_vault(job.database, sealer_of(job.settings.encryption_key_file))
    check_id, number = UUID(job.text("check_id")), int(job.text("number"))
    key = {"id": check_id, "number": number}
    with job.database.transaction() as session:
        row = session.execute(_READ, {**key, "now": job.now()}).one_or_none()
    if row is None:
        return
    code = vault.open(bytes(row.code_sealed), CODE_RECORD, check_id)
    notifications_of(job.settings).send(
        channel=row.channel,
        template=_TEMPLATES[row.channel],
        to=vault.open(bytes(row.target_sealed), TARGET_RECORD, check_id),
        personalisation={"code": code, "minutes": str(CODE_MINUTES)},
        reference=str(check_id),
        idempotency_key=f"{check_id}:{number}",
        language=row.language,
    )
    with job.database.transaction() as session:
        session.execute(_FORGET_CODE, key)
        job.finish(session)
