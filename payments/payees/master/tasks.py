"""Work on payees that follows a commit: checking what was proposed."""

import time
from uuid import UUID

from sqlalchemy import select

from payments.payees.confirmation.pace import reserve_turn
from payments.payees.making import make_checker
from payments.payees.master.actions.check import check_change
from payments.payees.master.models import payee_change
from payments.settings import PaymentsSettings
from shared.outbox import Job, enqueue, handler

_SLICE_SECONDS = 15.0


@handler("payments.payees.check_change", lease_seconds=60)
def check(job: Job) -> None:
    """Check account and name of a proposal; what a person's page has checked is left alone."""
    checker = make_checker(job.database, job.settings)
    check_change(checker, job.text("organisation"), UUID(job.text("change_id")))
    with job.database.transaction() as session:
        job.finish(session)


@handler("payments.payees.check_import", lease_seconds=120)
def check_file(job: Job) -> None:
    """Check the proposals of a file for some seconds, then hand on to the next slice."""
    settings = job.settings
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("payees are a matter of the payments service")
    checker = make_checker(job.database, settings)
    organisation, import_id = job.text("organisation"), UUID(job.text("import_id"))
    end = time.monotonic() + _SLICE_SECONDS
    while (change_id := _next_to_check(job, import_id)) is not None:
        if time.monotonic() > end:
            break
        with job.database.transaction() as session:
            turn = reserve_turn(session, settings.name_check_batch_per_second)
        time.sleep(max(0.0, (turn - job.now()).total_seconds()))
        check_change(checker, organisation, change_id)
    with job.database.transaction() as session:
        if change_id is not None:
            number = int(job.text("slice")) + 1
            payload: dict[str, str | int] = {**job.payload, "slice": number}
            enqueue(session, "payments.payees.check_import", payload, key=f"{import_id}/{number}")
        job.finish(session)


def _next_to_check(job: Job, import_id: UUID) -> UUID | None:
    with job.database.transaction() as session:
        found: UUID | None = session.execute(
            select(payee_change.c.id)
            .where(payee_change.c.import_id == import_id, payee_change.c.state == "checking")
            .order_by(payee_change.c.id)
            .limit(1)
        ).scalar_one_or_none()
    return found
