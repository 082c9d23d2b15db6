"""Work of auditors' packs that follows a commit: make one, remove one after its time."""

from datetime import date
from functools import partial
from tempfile import TemporaryFile
from uuid import UUID

from sqlalchemy import text

from payments.ledger.seal.checkpoints import read_signer
from payments.reports.auditor.actions import (
    MAKE_TOPIC,
    REMOVE_TOPIC,
    begin_making,
    finish_making,
    remove_bytes,
    store_parts,
    tell_step,
)
from payments.reports.auditor.packing import PackPlan, write_auditor_pack
from payments.settings import PaymentsSettings
from shared.crypto import Sealer
from shared.db import Database
from shared.outbox import Job, handler
from shared.settings import ServiceSettings

_MAKING_SECONDS = 1_800


@handler(MAKE_TOPIC, lease_seconds=_MAKING_SECONDS)
def make_pack(job: Job) -> None:
    """Make a pack from one state of the database, keep it sealed, give it out."""
    pack_id = UUID(job.text("pack_id"))
    with job.database.transaction() as session:
        begun = begin_making(session, pack_id)
    if begun is None:
        with job.database.transaction() as session:
            job.finish(session)
        return
    body, first, last, attempt = begun
    tell = partial(_tell, job.database, pack_id, attempt)
    with TemporaryFile() as target:
        with job.database.transaction() as reading:
            reading.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            plan = plan_pack(job.settings, body, first, last)
            packed = write_auditor_pack(reading, plan, target, tell)
        tell("store")
        sealer = Sealer(job.settings.encryption_key_file)
        store_parts(job.database, sealer, pack_id, attempt, target)
    with job.database.transaction() as session:
        finish_making(session, body, pack_id, attempt, packed, job.now())
        job.finish(session)


@handler(REMOVE_TOPIC)
def remove_pack(job: Job) -> None:
    """Remove a pack's bytes after their time."""
    with job.database.transaction() as session:
        remove_bytes(session, UUID(job.text("pack_id")), job.now())
        job.finish(session)


def plan_pack(settings: ServiceSettings, body: str, first: date, last: date) -> PackPlan:
    """Return which pack to make, with the key of the checkpoints where there is one."""
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("packs are a matter of the payments service")
    key = None
    if settings.ledger_seal_key_file is not None:
        key = read_signer(settings.ledger_seal_name, settings.ledger_seal_key_file).public_key
    return PackPlan(body, first, last, settings.prompt_payment_calendar, key)


def _tell(database: Database, pack_id: UUID, attempt: int, step: str) -> None:
    with database.transaction() as session:
        tell_step(session, pack_id, attempt, step)
