"""Work on payees that follows a commit: checking what was proposed."""

from uuid import UUID

from payments.payees.making import make_checker
from payments.payees.master.actions.check import check_change
from shared.outbox import Job, handler


@handler("payments.payees.check_change", lease_seconds=60)
def check(job: Job) -> None:
    """Check account and name of a proposal; what a person's page has checked is left alone."""
    checker = make_checker(job.database, job.settings)
    check_change(checker, job.text("organisation"), UUID(job.text("change_id")))
    with job.database.transaction() as session:
        job.finish(session)
