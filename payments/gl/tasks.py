"""Work of journals that follows a commit."""

from uuid import UUID

from payments.gl.actions import COMPUTE_TOPIC, compute_export
from shared.outbox import Job, handler


@handler(COMPUTE_TOPIC, lease_seconds=600)
def compute(job: Job) -> None:
    """Fix an export's totals and hash."""
    with job.database.transaction() as session:
        compute_export(session, UUID(job.text("export_id")), job.now())
        job.finish(session)
