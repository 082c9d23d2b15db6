"""Work on files of name checks that follows a commit."""

import time
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from payments.payees.actions import Checker, ask
from payments.payees.bulk.actions import close_if_done, start_batch, validate_shard
from payments.payees.bulk.lanes import Asking, Lane
from payments.payees.bulk.queries import get_batch_of_work
from payments.payees.bulk.rules import PAUSE_SECONDS
from payments.payees.confirmation.pace import reserve_turn
from payments.payees.making import make_checker
from payments.payees.provider import NameAnswer
from payments.settings import PaymentsSettings
from payments.stages.queries import get_stage
from shared.outbox import Job, enqueue, handler
from shared.settings import ServiceSettings

# Short, so that other work of the process gets its turn.
SLICE_SECONDS = 10.0


def _settings_of(settings: ServiceSettings) -> PaymentsSettings:
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("name checks are a matter of the payments service")
    return settings


@handler("payments.payees.validate_names", lease_seconds=120)
def validate(job: Job) -> None:
    """Look at one shard of a file."""
    checker = make_checker(job.database, job.settings)
    with job.database.transaction() as session:
        validate_shard(session, checker, UUID(job.text("stage_id")), int(job.text("number")))
        job.finish(session)


@handler("payments.payees.start_names", lease_seconds=120)
def start(job: Job) -> None:
    """Begin to ask once every row was looked at."""
    lanes = _settings_of(job.settings).name_check_batch_lanes
    with job.database.transaction() as session:
        batch_id = get_stage(session, UUID(job.text("stage_id"))).subject_id
        start_batch(session, batch_id, lanes, job.now())
        job.finish(session)


@handler("payments.payees.ask_names", lease_seconds=120)
def ask_names(job: Job) -> None:
    """Ask rows of a file for some seconds, then hand on; after silence only after a pause."""
    per_second = _settings_of(job.settings).name_check_batch_per_second
    run_lane(job, make_checker(job.database, job.settings), per_second)


def run_lane(job: Job, checker: Checker, per_second: float) -> None:
    """Do one slice of a lane: claim, commit, ask, record, again and again."""
    batch_id, number = UUID(job.text("batch_id")), int(job.text("lane"))
    with job.database.transaction() as session:
        lane = Lane(checker, get_batch_of_work(session, batch_id), number)
    end = time.monotonic() + SLICE_SECONDS
    answered: tuple[Asking, NameAnswer] | None = None
    while True:
        with job.database.transaction() as session:
            pause = _record(lane, session, answered)
            is_over = pause > 0 or time.monotonic() > end
            asking = None if is_over else lane.take(session)
            if asking is None:
                close_if_done(session, batch_id, job.now())
                if is_over:
                    _hand_on(job, session, pause)
                job.finish(session)
                return
            turn = reserve_turn(session, per_second)
        time.sleep(max(0.0, (turn - job.now()).total_seconds()))
        answered = asking, ask(checker, asking.request, asking.checked, asking.check_id)


def _record(lane: Lane, session: Session, answered: tuple[Asking, NameAnswer] | None) -> int:
    """Keep an answer; returns for how many seconds to pause because there was none."""
    if answered is None or lane.record(session, *answered):
        return 0
    return PAUSE_SECONDS * (answered[0].tries + 1)


def _hand_on(job: Job, session: Session, pause: int) -> None:
    number = int(job.text("slice")) + 1
    key = f"{job.text('batch_id')}/{job.text('lane')}/{number}"
    enqueue(
        session,
        "payments.payees.ask_names",
        {**job.payload, "slice": number},
        key=key,
        due_at=job.now() + timedelta(seconds=pause),
    )
