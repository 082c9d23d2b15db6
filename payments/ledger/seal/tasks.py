"""Periodic work of the ledger's log: seal, sign, deliver."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.seal.checkpoints import (
    list_undelivered,
    make_checkpoints,
    mark_delivered,
    read_signer,
)
from payments.ledger.seal.requests import TOPIC, is_sealed
from payments.ledger.seal.sealing import seal
from payments.ledger.upkeep import fold_all
from payments.settings import PaymentsSettings
from shared import outbox
from shared.db import Database
from shared.logs import get_logger
from shared.outbox import Job, handler
from shared.settings import ServiceSettings

_TOPIC = "payments.ledger.seal"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_PASSES = 50
_LATE_SECONDS = 60
_ASK_AGAIN = timedelta(seconds=1)
_ASKED_OFTEN = 60
_LAG = text(
    """
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(
             (SELECT e.recorded_at FROM entry e WHERE e.id = u.entry_id))), 0)::int
      FROM unsealed_entries(NULL) u
    """
)


def plan_sealing(session: Session, settings: ServiceSettings, now: datetime) -> None:
    """Have the log brought up to date at the next full period; the same period is one work."""
    period = timedelta(seconds=_ours(settings).ledger_seal_seconds)
    due_at = _EPOCH + ((now - _EPOCH) // period + 1) * period
    outbox.enqueue(session, _TOPIC, {}, key=due_at.isoformat(), due_at=due_at)


@handler(_TOPIC, lease_seconds=120)
def keep_log(job: Job) -> None:
    """Plan the next time, seal what waits, sign what is due and write it to the folder."""
    settings = _ours(job.settings)
    with job.database.transaction() as session:
        plan_sealing(session, settings, job.now())
    seal_all(job.database, job.now)
    fold_all(job.database)
    every = timedelta(minutes=settings.ledger_checkpoint_minutes)
    sign_and_deliver(job.database, settings, job.now(), every)


@handler(TOPIC, lease_seconds=120)
def sign_log(job: Job) -> None:
    """Seal and sign what a deed booked, once every older transaction has ended.

    While one of them lasts it asks again every second; after a minute the timer has to do.
    """
    settings = _ours(job.settings)
    seal_all(job.database, job.now, wait=True)
    asked = int(job.payload.get("asked", 0)) + 1
    with job.database.transaction() as session:
        if not is_sealed(session, job.text("transaction")) and asked < _ASKED_OFTEN:
            again = {**job.payload, "asked": asked}
            outbox.enqueue(session, TOPIC, again, due_at=job.now() + _ASK_AGAIN)
            job.finish(session)
            return
    sign_and_deliver(job.database, settings, job.now(), timedelta(0), job.text("body"))


def seal_all(database: Database, now: Callable[[], datetime], *, wait: bool = False) -> int:
    """Seal in passes, a transaction each, until nothing waits; returns how many leaves.

    While another sealer works there is nothing to do, unless it is asked to ``wait`` for that.
    What waits for more than a minute is logged: a long transaction holds the log back.
    """
    leaves = 0
    for _ in range(_PASSES):
        with database.transaction() as session:
            sealed = seal(session, now(), wait=wait)
        leaves += sealed.leaves
        if not sealed.more:
            break
    with database.transaction() as session:
        lag = session.execute(_LAG).scalar_one()
    if lag > _LATE_SECONDS:
        get_logger().warning("ledger.sealing_is_late", seconds=lag)
    return leaves


def sign_and_deliver(
    database: Database,
    settings: PaymentsSettings,
    now: datetime,
    every: timedelta,
    body: str | None = None,
) -> int:
    """Sign each log whose last checkpoint is so old, and write what is not delivered yet.

    With a body, only its logs.

    Returns how many were signed. Without a key nothing is; the daily upkeep says so.
    """
    signed = 0
    if settings.ledger_seal_key_file is not None:
        signer = read_signer(settings.ledger_seal_name, settings.ledger_seal_key_file)
        with database.transaction() as session:
            signed = make_checkpoints(session, signer, now, every, body)
    if settings.ledger_checkpoint_folder is not None:
        _deliver(database, settings.ledger_checkpoint_folder, now)
    return signed


def _deliver(database: Database, folder: Path, now: datetime) -> None:
    with database.transaction() as session:
        waiting = list_undelivered(session)
    if not waiting:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for _, name, note in waiting:
        fresh = folder / f".{name}"
        fresh.write_text(note)
        fresh.replace(folder / name)
    with database.transaction() as session:
        mark_delivered(session, [one for one, _, _ in waiting], now)


def _ours(settings: ServiceSettings) -> PaymentsSettings:
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("the ledger is a matter of the payments service")
    return settings
