"""Sends one-time codes; the code is sealed in its row and gone once it is on its way."""

from uuid import UUID

from sqlalchemy import text

from identity.accounts.tasks import notifications_of
from identity.accounts.vault import open_vault, sealer_of
from identity.signin.attempts import CODE_RECORD, EMAIL_RECORD
from identity.signin.rules import CODE_MINUTES
from shared.outbox import Job, handler

_ACCOUNT_EXISTS = (
    "Somebody tried to create an account with this email address. You have one already: sign in"
    " with it, or set a new password if you have forgotten yours."
)
_READ = text(
    """
    SELECT a.purpose, a.account_id, a.email_sealed, a.code_sealed, a.language FROM attempt a
     WHERE a.id = :id AND a.code_number = :number AND a.consumed_at IS NULL
       AND a.code_expires_at > :now
    """
)
_FORGET_CODE = text(
    "UPDATE attempt SET code_sealed = NULL WHERE id = :id AND code_number = :number"
)


@handler("identity.signin.send_code")
def send_code(job: Job) -> None:
    """Send the code of an attempt, or say that the address has an account already.

    An attempt that is over, or whose code was replaced, sends nothing; nor does a new password
    that was asked for an address without an account.
    """
    vault = open_vault(job.database, sealer_of(job.settings.encryption_key_file))
    attempt_id, number = UUID(job.text("attempt_id")), int(job.text("number"))
    key = {"id": attempt_id, "number": number}
    with job.database.transaction() as session:
        row = session.execute(_READ, {**key, "now": job.now()}).one_or_none()
    if row is None:
        return
    email = vault.open(bytes(row.email_sealed), EMAIL_RECORD, attempt_id)
    if row.code_sealed is not None:
        template = "identity.one_time_code"
        code = vault.open(bytes(row.code_sealed), CODE_RECORD, attempt_id)
        words = {"code": code, "minutes": str(CODE_MINUTES)}
    elif row.purpose == "sign_up" and row.account_id is not None:
        template, words = "identity.account_changed", {"what": _ACCOUNT_EXISTS}
    else:
        return
    notifications_of(job.settings).send_email(
        template=template,
        to=email,
        personalisation=words,
        reference=str(attempt_id),
        idempotency_key=f"{attempt_id}:{number}",
        language=row.language,
    )
    with job.database.transaction() as session:
        session.execute(_FORGET_CODE, key)
        job.finish(session)
