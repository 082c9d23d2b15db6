"""Work of the GovStack doors that follows a commit: batches become runs, callbacks are sent."""

from uuid import UUID

from payments.bank.tasks import vault_of
from payments.govstack.actions.batches import work_on
from payments.govstack.actions.callbacks import get_waiting, note_attempt, plan_callback, send
from payments.govstack.queries import list_failures
from payments.govstack.reports import report_of
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from payments.settings import PaymentsSettings
from shared.actors import Actor
from shared.guarded_http import GuardedHttp
from shared.outbox import Job, handler
from shared.settings import ServiceSettings
from shared.tokens import load_private_key

_ACTOR = Actor("system", "govstack", name="GovStack")
_TIMEOUT_SECONDS = 10.0


def _settings(settings: ServiceSettings) -> PaymentsSettings:
    if not isinstance(settings, PaymentsSettings):
        raise TypeError("GovStack is a matter of the payments service")
    return settings


@handler("payments.govstack.work", lease_seconds=300)
def work(job: Job) -> None:
    """Judge a batch, make its run, and plan the callback that tells the caller."""
    settings = _settings(job.settings)
    tables = TableFiles(settings.modulus_weights_file, settings.modulus_substitutions_file)
    desk = Desk(vault_of(settings), tables)
    with job.database.transaction() as session:
        row_id = UUID(job.text("batch_id"))
        batch = work_on(session, desk, row_id, job.text("programme"), _ACTOR, job.now())
        report = report_of(batch, list_failures(session, row_id), job.now())
        plan_callback(
            session,
            batch.organisation,
            batch.callback_url,
            report,
            job.now(),
            correlation=str(job.payload.get("correlation", "")),
        )
        job.finish(session)


@handler("payments.govstack.call_back", lease_seconds=60)
def call_back(job: Job) -> None:
    """Send one callback; a failed one is tried again later, eight times in all."""
    settings = _settings(job.settings)
    with job.database.transaction() as session:
        waiting = get_waiting(session, UUID(job.text("callback_id")))
    if waiting is None:
        return
    http = GuardedHttp(_TIMEOUT_SECONDS, allowed_hosts=frozenset(settings.outbound_allowed_hosts))
    key = load_private_key(settings.private_key_file) if settings.private_key_file else None
    fault = send(http, key, waiting, job.now())
    with job.database.transaction() as session:
        note_attempt(session, waiting, fault, job.now())
        job.finish(session)
