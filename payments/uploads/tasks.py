"""Work of uploads that follows a commit: read, validate, compare, create, each in stages."""

from functools import lru_cache
from pathlib import Path
from uuid import UUID

from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.screening.queries import find_current_list
from payments.settings import PaymentsSettings
from payments.uploads.actions.compare import compare_shard, finish_comparing
from payments.uploads.actions.create import create_shard, finish_creating
from payments.uploads.actions.read import read_upload
from payments.uploads.actions.validate import finish_validating, validate_shard
from payments.uploads.blocks import forget_rows
from shared.crypto import Sealer
from shared.outbox import Job, handler

_SHARD_SECONDS = 120


def _settings(job: Job) -> PaymentsSettings:
    if not isinstance(job.settings, PaymentsSettings):
        raise TypeError("uploads are a matter of the payments service")
    return job.settings


def _sealer(job: Job) -> Sealer:
    return Sealer(job.settings.encryption_key_file)


def _tables(job: Job) -> TableFiles:
    settings = _settings(job)
    return _open_tables(settings.modulus_weights_file, settings.modulus_substitutions_file)


@lru_cache(maxsize=4)
def _open_tables(weights_file: Path | None, substitutions_file: Path | None) -> TableFiles:
    return TableFiles(weights_file, substitutions_file)


def _place(job: Job) -> tuple[UUID, int]:
    return UUID(job.text("stage_id")), int(job.payload["number"])


@handler("payments.uploads.read", lease_seconds=600)
def read(job: Job) -> None:
    """Read a file; an interrupted reading goes on where it was."""
    read_upload(
        job.database,
        _sealer(job),
        UUID(job.text("upload_id")),
        int(job.payload["attempt"]),
        job.now(),
    )


@handler("payments.uploads.validate", lease_seconds=_SHARD_SECONDS)
def validate(job: Job) -> None:
    """Validate a shard of rows."""
    sealer = _sealer(job)
    vault = DetailsVault(sealer, job.settings.secret_key)
    with job.database.transaction() as session:
        validate_shard(session, sealer, vault, _tables(job), *_place(job), job.now())
        job.finish(session)


@handler("payments.uploads.validated")
def validated(job: Job) -> None:
    """Begin to compare."""
    with job.database.transaction() as session:
        finish_validating(session, UUID(job.text("stage_id")), job.now())
        job.finish(session)


@handler("payments.uploads.compare", lease_seconds=_SHARD_SECONDS)
def compare(job: Job) -> None:
    """Compare a shard of rows with the file, with history and with the sanctions list."""
    settings = _settings(job)
    vault = DetailsVault(_sealer(job), settings.secret_key)
    with job.database.transaction() as session:
        compare_shard(
            session,
            vault,
            *_place(job),
            job.now(),
            duplicate_days=settings.duplicate_days,
            score=settings.screening_score,
            hold_unscreened=settings.screening_without_list == "hold",
        )
        job.finish(session)


@handler("payments.uploads.compared")
def compared(job: Job) -> None:
    """Begin to make payments, or leave the errors to a person."""
    with job.database.transaction() as session:
        has_list = find_current_list(session) is not None
        finish_comparing(session, UUID(job.text("stage_id")), job.now(), has_list=has_list)
        job.finish(session)


@handler("payments.uploads.create", lease_seconds=_SHARD_SECONDS)
def create(job: Job) -> None:
    """Make the payments of a shard of rows."""
    with job.database.transaction() as session:
        create_shard(session, *_place(job), job.now())
        job.finish(session)


@handler("payments.uploads.created")
def created(job: Job) -> None:
    """Hand the run over to people."""
    with job.database.transaction() as session:
        finish_creating(session, UUID(job.text("stage_id")), job.now())
        job.finish(session)


@handler("payments.uploads.forget", lease_seconds=600)
def forget(job: Job) -> None:
    """Remove the rows of an upload that was refused or given up; its bytes are kept."""
    upload_id = UUID(job.text("upload_id"))
    more = True
    while more:
        with job.database.transaction() as session:
            more = forget_rows(session, upload_id)
