"""Work that follows a commit: the bank's answers, and news for the cases behind payments."""

from functools import lru_cache
from uuid import UUID

from payments.runs.actions.outcomes import apply_outcomes
from payments.runs.queries.payments import get_payment
from payments.settings import get_settings
from shared.clients.gateway import GatewayClient
from shared.outbox import Job, handler

CLIENT_ID = "payments-service"


@handler("payments.runs.apply_outcomes")
def apply(job: Job) -> None:
    """Move payments as a batch of the bank's answers says."""
    with job.database.transaction() as session:
        apply_outcomes(session, UUID(job.text("outcome_batch_id")), job.now())
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
