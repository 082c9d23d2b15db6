"""Work of remittance advice: plan it for a run, send it many at a time."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from uuid import UUID

from payments.payees.bank_details import DetailsVault
from payments.reports.remittance.actions import Result, plan_advice, record_results
from payments.reports.remittance.queries import Advice, list_waiting
from payments.settings import get_settings
from shared.clients.notifications import NotificationsClient
from shared.crypto import Sealer
from shared.errors import Problem
from shared.money import format_pounds
from shared.outbox import Job, enqueue, handler
from shared.settings import ServiceSettings

_CLIENT_ID = "payments-service"
_TEMPLATE = "payments.remittance_advice"
_BUDGET_SECONDS = 20.0
_BUSY = 429

Send = Callable[[Advice], str]


@handler("payments.remittance.plan", lease_seconds=120)
def plan(job: Job) -> None:
    """Write the advice of a run; a second time finds it there."""
    with job.database.transaction() as session:
        plan_advice(session, UUID(job.text("run_id")), job.now())
        job.finish(session)


@handler("payments.remittance.send", lease_seconds=120)
def send(job: Job) -> None:
    """Send the advice of a run; what one job does not reach the next one does."""
    send_advice(job, _vault(job.settings), send_by_email)


def send_advice(job: Job, vault: DetailsVault, send_one: Send) -> None:
    """Read some, send them outside any transaction, record them; while the time lasts.

    The id of the advice is the key of its message, so that sending twice delivers once.
    """
    run_id, began, left = UUID(job.text("run_id")), time.monotonic(), True
    while left and time.monotonic() - began < _BUDGET_SECONDS:
        with job.database.transaction() as session:
            waiting = list_waiting(session, vault, run_id)
        left = bool(waiting)
        results: list[Result] = []
        try:
            # What was sent before one fails is in the list, and recorded.
            results.extend(_send(advice, send_one) for advice in waiting)
        finally:
            _record(job, results)
    with job.database.transaction() as session:
        if left:
            enqueue(session, "payments.remittance.send", {"run_id": str(run_id)})
        job.finish(session)


def _record(job: Job, results: Sequence[Result]) -> None:
    if results:
        with job.database.transaction() as session:
            record_results(session, results, job.now())


def _send(advice: Advice, send_one: Send) -> Result:
    if not advice.email:
        return Result(advice.id, "no_address")
    try:
        return Result(advice.id, "sent", send_one(advice))
    except Problem as problem:
        if problem.status == _BUSY:
            raise
        return Result(advice.id, "failed", problem=problem.code)


def send_by_email(advice: Advice) -> str:
    """Have an advice sent; returns the message's id. Raises what the client raises."""
    more = advice.payments - len(advice.references)
    references = ", ".join(advice.references) + (f" (+ {more})" if more > 0 else "")
    sent = _notifications().send_email(
        template=_TEMPLATE,
        to=advice.email,
        personalisation={
            "organisation": advice.organisation,
            "programme": advice.programme,
            "account": advice.account_tail,
            "total": format_pounds(advice.pence),
            "count": str(advice.payments),
            "references": references,
            "day": advice.day.strftime("%-d %B %Y"),
        },
        reference=f"remittance-{advice.id}",
        idempotency_key=f"remittance-{advice.id}",
    )
    return sent.id


@lru_cache(maxsize=1)
def _notifications() -> NotificationsClient:
    return NotificationsClient(get_settings(), _CLIENT_ID)


def _vault(settings: ServiceSettings) -> DetailsVault:
    return DetailsVault(Sealer(settings.encryption_key_file), settings.secret_key)
