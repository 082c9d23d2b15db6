"""Takes the companion of a test sign-in away when its half hour is over."""

from identity.client_console.trials import END_TOPIC, end_companion
from shared.outbox import Job, handler


@handler(END_TOPIC)
def end_trial(job: Job) -> None:
    """Delete the companion; one that is gone already stays so."""
    with job.database.transaction() as session:
        end_companion(session, job.text("companion_id"))
        job.finish(session)
