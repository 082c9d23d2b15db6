"""Work that follows a commit: the bank's answers, and news for the cases behind payments."""

from functools import lru_cache
from uuid import UUID

from payments.bank.tasks import vault_of
from payments.runs.actions.background import do_part, finish_work
from payments.runs.actions.outcomes import apply_outcome_part, apply_outcomes, finish_outcomes
from payments.runs.actions.parts import take_part
from payments.runs.actions.schedule import release_scheduled
from payments.runs.queries.payments import get_payment
from payments.settings import get_settings
from payments.stages.queries import get_stage
from shared.clients.gateway import GatewayClient
from shared.outbox import Job, handler

CLIENT_ID = "payments-service"


@handler("payments.runs.apply_outcomes")
def apply(job: Job) -> None:
    """Move payments as a batch of the bank's answers says."""
    with job.database.transaction() as session:
        apply_outcomes(session, UUID(job.text("outcome_batch_id")), job.now())
        job.finish(session)


@handler("payments.runs.apply_outcome_part", lease_seconds=120)
def apply_part(job: Job) -> None:
    """Apply one shard of a big batch of the bank's answers."""
    with job.database.transaction() as session:
        apply_outcome_part(session, UUID(job.text("stage_id")), int(job.text("number")), job.now())
        job.finish(session)


@handler("payments.runs.finish_outcomes")
def end_outcomes(job: Job) -> None:
    """Move the runs of a big batch on."""
    with job.database.transaction() as session:
        batch_id = get_stage(session, UUID(job.text("stage_id"))).subject_id
        finish_outcomes(session, batch_id, job.now())
        job.finish(session)


@handler("payments.runs.work_part", lease_seconds=120)
def work_part(job: Job) -> None:
    """Do one part of what a person asked of a big run."""
    with job.database.transaction() as session:
        part = take_part(session, UUID(job.text("stage_id")), int(job.text("number")))
        if part is not None:
            do_part(session, vault_of(job.settings), part, job.now())
        job.finish(session)


@handler("payments.runs.finish_work", lease_seconds=120)
def end_work(job: Job) -> None:
    """End what a person asked of a big run, all of whose parts are done."""
    with job.database.transaction() as session:
        stage = get_stage(session, UUID(job.text("stage_id")))
        finish_work(session, stage, job.now())
        job.finish(session)


@handler("payments.runs.release_scheduled")
def release_planned(job: Job) -> None:
    """Release an approved run in the morning of its input day."""
    with job.database.transaction() as session:
        run_id, round_ = UUID(job.text("run_id")), int(job.text("round"))
        release_scheduled(session, job.text("organisation"), run_id, round_, job.now())
        job.finish(session)


@handler("payments.runs.tell_gateway")
def tell_gateway(job: Job) -> None:
    """Tell the gateway what became of a payment; the event's id makes repeating it harmless."""
    with job.database.transaction() as session:
        payment = get_payment(session, job.text("organisation"), job.text("payment_id"))
    # Only the bank's reason is for the payee: that of a removal was written for colleagues.
    is_return = job.text("state") in ("returned", "scheme_rejected")
    data = {
        "payment_id": payment.public_id,
        "case_reference": payment.case_reference,
        "state": job.text("state"),
        "reason_code": payment.reason_code if is_return else None,
        "reason": payment.reason if is_return else None,
    }
    _gateway().send_event(
        event_id=job.text("event_id"),
        event_type=job.text("type"),
        occurred_at=job.text("occurred_at"),
        data=data,
    )


@lru_cache(maxsize=1)
def _gateway() -> GatewayClient:
    return GatewayClient(get_settings(), CLIENT_ID)
