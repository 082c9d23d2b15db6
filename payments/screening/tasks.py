"""Work of screening that follows a commit: a new list is compared with what is not paid yet."""

from uuid import UUID

from payments.bank.tasks import vault_of
from payments.screening.actions.rescreen import begin_rescreening, rescreen_run, screen_payment
from payments.settings import PaymentsSettings
from shared.outbox import Job, handler


@handler("payments.screening.rescreen")
def rescreen(job: Job) -> None:
    """Begin the new comparison."""
    with job.database.transaction() as session:
        begin_rescreening(session, UUID(job.text("list_id")))
        job.finish(session)


@handler("payments.screening.rescreen_run", lease_seconds=120)
def rescreen_part(job: Job) -> None:
    """Compare the next payments of a run."""
    with job.database.transaction() as session:
        rescreen_run(
            session,
            vault_of(job.settings),
            UUID(job.text("list_id")),
            UUID(job.text("run_id")),
            UUID(job.text("after")),
            _score(job),
            job.now(),
        )
        job.finish(session)


@handler("payments.screening.screen_payment")
def screen_one(job: Job) -> None:
    """Compare the payee of a payment that did not come in a file."""
    payment_id = UUID(job.text("payment_id"))
    with job.database.transaction() as session:
        screen_payment(session, vault_of(job.settings), payment_id, _score(job), job.now())
        job.finish(session)


def _score(job: Job) -> int:
    if not isinstance(job.settings, PaymentsSettings):
        raise TypeError("screening is a matter of the payments service")
    return job.settings.screening_score
