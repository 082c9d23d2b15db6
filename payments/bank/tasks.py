"""Work of the bank that follows a commit: hand over, ask, fetch reports."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from payments.bank.attempts import (
    Claim,
    claim_attempt,
    open_silence,
    record_answer,
    record_doubt,
)
from payments.bank.content import SealedContent
from payments.bank.formats.profile import Channel
from payments.bank.intake import leave_report, take_report
from payments.bank.provider import Bank, FileTooLargeError, OutcomeUnknownError
from payments.bank.providers.https_bank import HttpsBank, bank_at
from payments.bank.providers.sftp_bank import SftpAccess, SftpBank
from payments.bank.queries import is_awaiting_report, list_known_reports
from payments.bank.reports import AS_PUBLISHED, Names, load_names
from payments.bank.submissions.begin import SEAL_TOPIC, WRITE_TOPIC
from payments.bank.submissions.parts import seal_file, write_part
from payments.payees.bank_details import DetailsVault
from payments.settings import PaymentsSettings
from payments.stages.queries import get_stage
from shared import outbox
from shared.crypto import Sealer
from shared.db import Database
from shared.outbox import Job, handler
from shared.settings import ServiceSettings

_REPORT_PAUSE = timedelta(seconds=30)
# A million payments take a while to be sent, and to be written down as sent.
_HAND_OVER_SECONDS = 900


def bank_of(settings: ServiceSettings) -> HttpsBank:
    """Return the sponsor bank that the settings name."""
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("the bank is a matter of the payments service")
    return bank_at(settings.bank_url)


def bank_for(settings: ServiceSettings, channel: Channel) -> Bank:
    """Return the sponsor bank as one channel reaches it.

    Raises:
        ValueError: the channel is SFTP and its settings are not complete.
    """
    if channel == "https" or not isinstance(settings, PaymentsSettings):
        return bank_of(settings)
    key, host_key = settings.bank_sftp_key_file, settings.bank_sftp_host_key_file
    if not settings.bank_sftp_host or key is None or host_key is None:
        raise ValueError("files go over SFTP, but PAYMENTS_BANK_SFTP_... are not set")
    return SftpBank(
        SftpAccess(
            settings.bank_sftp_host,
            settings.bank_sftp_port,
            settings.bank_sftp_username,
            key,
            host_key,
            receipts=settings.bank_sftp_receipts,
            receipt_seconds=settings.bank_sftp_receipt_seconds,
        )
    )


def reports_bank_of(settings: ServiceSettings) -> Bank | None:
    """Return the sponsor bank where its reports come through SFTP, None where not."""
    if isinstance(settings, PaymentsSettings) and settings.bank_reports_channel == "sftp":
        return bank_for(settings, "sftp")
    return None


def statements_bank_of(settings: ServiceSettings) -> Bank | None:
    """Return the sponsor bank where its statements come through SFTP, None where not."""
    if isinstance(settings, PaymentsSettings) and settings.bank_statements_channel == "sftp":
        return bank_for(settings, "sftp")
    return None


def vault_of(settings: ServiceSettings) -> DetailsVault:
    """Return the vault that seals and recognises bank details."""
    return DetailsVault(Sealer(settings.encryption_key_file), settings.secret_key)


@handler("payments.bank.submit", lease_seconds=_HAND_OVER_SECONDS)
def submit(job: Job) -> None:
    """Hand a sealed submission over; what an earlier run left open is asked about, never resent."""
    hand_over(job)


@handler("payments.bank.ask", lease_seconds=_HAND_OVER_SECONDS)
def ask(job: Job) -> None:
    """Ask the bank what became of a submission whose answer was lost."""
    hand_over(job)


def hand_over(job: Job, bank: Bank | None = None) -> None:
    """Claim, call, record: no transaction spans the call, and the file is never whole in memory.

    The bank is reached through the channel of the submission, unless one is given.
    """
    submission_id = UUID(job.text("submission_id"))
    with job.database.transaction() as session:
        claim = claim_attempt(session, submission_id, job.now())
    if claim is None:
        return
    bank = bank or bank_for(job.settings, claim.channel)
    call = bank.submit if claim.purpose == "send" else bank.ask
    try:
        answer = call(str(submission_id), content_of(job.database, vault_of(job.settings), claim))
    except OutcomeUnknownError:
        with job.database.transaction() as session:
            record_doubt(session, claim, job.now())
            job.finish(session)
        return
    with job.database.transaction() as session:
        record_answer(session, claim, answer, job.now())
        job.finish(session)


def content_of(database: Database, vault: DetailsVault, claim: Claim) -> SealedContent:
    """Return the bytes of a claimed attempt, to be read while they are sent."""
    return SealedContent(
        database,
        vault,
        claim.submission_id,
        size=claim.size,
        sha256=claim.sha256,
        payment_count=claim.payment_count,
        total_pence=claim.total_pence,
        suffix=_suffix(claim),
    )


def _suffix(claim: Claim) -> str:
    if claim.file_format != "standard18":
        return "xml"
    return "fps" if claim.rail == "faster_payments" else "txt"


@handler(WRITE_TOPIC, lease_seconds=120)
def write(job: Job) -> None:
    """Write one part of a bank file."""
    with job.database.transaction() as session:
        vault = vault_of(job.settings)
        write_part(session, vault, UUID(job.text("stage_id")), int(job.text("number")), job.now())
        job.finish(session)


@handler(SEAL_TOPIC, lease_seconds=120)
def seal(job: Job) -> None:
    """Seal a bank file whose parts are all written."""
    with job.database.transaction() as session:
        stage = get_stage(session, UUID(job.text("stage_id")))
        seal_file(session, vault_of(job.settings), stage.subject_id, job.now())
        job.finish(session)


@handler("payments.bank.fetch_reports", lease_seconds=120)
def fetch_after_submission(job: Job) -> None:
    """Fetch reports; while a submission has none yet, look again after a pause."""
    names = names_of(job.settings)
    bank = reports_bank_of(job.settings) or bank_of(job.settings)
    fetch_reports(job.database, bank, vault_of(job.settings), job.now, names)
    look_for_silence(job.database, UUID(job.text("submission_id")), job.now())
    with job.database.transaction() as session:
        if is_awaiting_report(session, UUID(job.text("submission_id"))):
            outbox.enqueue(
                session,
                "payments.bank.fetch_reports",
                {"submission_id": job.text("submission_id")},
                key=f"again/{job.id}",
                due_at=job.now() + _REPORT_PAUSE,
            )
        job.finish(session)


def look_for_silence(database: Database, submission_id: UUID, now: datetime) -> None:
    """Make work of a submission that the bank acknowledged and never reported on.

    A bank may acknowledge a file and lose it; nothing else would show that until a payee asks.
    """
    with database.transaction() as session:
        open_silence(session, submission_id, now)


def names_of(settings: ServiceSettings) -> Names:
    """Return the names that the bank's reports use in place of the published ones."""
    path = settings.bank_report_names_file if isinstance(settings, PaymentsSettings) else None
    return load_names(path)


def fetch_reports(
    database: Database,
    bank: Bank,
    vault: DetailsVault,
    now: Callable[[], datetime],
    names: Names = AS_PUBLISHED,
) -> int:
    """Take in every report that the bank has and we have not, each in its own transaction.

    One that is too large is written down as such, is asked for no more, and stops no other.
    """
    listed = bank.list_reports()
    with database.transaction() as session:
        known = list_known_reports(session, [one.id for one in listed])
    taken = 0
    for one in listed:
        if one.id in known:
            continue
        try:
            content = bank.get_report(one.id)
        except FileTooLargeError as error:
            with database.transaction() as session:
                taken += leave_report(session, vault, one.id, one.kind, str(error), now())
            continue
        with database.transaction() as session:
            taken += take_report(session, vault, one.id, one.kind, content, now(), names)
    return taken
