"""What a body's rules say of the approval of a batch, and who has signed it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from payments.controls.checks import check_step_up, steps_up_everywhere
from payments.controls.queries.rules import get_rules
from payments.controls.rules import (
    SignIn,
    Subject,
    demand_of,
)
from payments.controls.standing_in.authority import authority_of
from payments.vouchers import models
from payments.vouchers.actions.limits import RAIL, check_amounts
from payments.vouchers.queries import Batch, Group, Voucher, list_signatures
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.errors import Forbidden
from shared.money import format_pounds


def check_approval(
    session: Session,
    batch: Batch,
    group: Group,
    vouchers: Sequence[Voucher],
    actor: Actor,
    sign_in: SignIn | None,
    now: datetime,
) -> int:
    """Return how many people have to sign a batch; refuses what rules do not allow this person.

    Raises:
        Forbidden: ``beyond_authority`` or ``step_up_needed``.
        Conflict: ``payment_over_limit`` or ``run_over_limit``, with the limit.
    """
    rules = get_rules(session, batch.organisation)
    subject = Subject(group.programme_id, RAIL, batch.total_pence)
    # Nobody approves through a colleague what that colleague prepared or approved.
    besides = {batch.made_by, *(one.person_id for one in list_signatures(session, batch.id))}
    authority = authority_of(
        session,
        batch.organisation,
        rules,
        subject,
        actor.id,
        actor.under,
        london_date(now),
        besides=besides,
    ).pence
    if authority is not None and batch.total_pence > authority:
        raise Forbidden(
            "beyond_authority",
            "This batch is beyond your delegated authority",
            detail=f"It is {format_pounds(batch.total_pence)} in all; you may approve up to "
            f"{format_pounds(authority)} of this programme today.",
        )
    check_amounts(rules, subject, max(one.amount_pence for one in vouchers))
    demand = demand_of(rules, subject, group.approvals_needed)
    if demand.step_up or steps_up_everywhere(session, batch.organisation):
        check_step_up(sign_in, now)
    return demand.approvals


def add_signature(session: Session, batch: Batch, actor: Actor, now: datetime) -> int:
    """Sign a locked batch; returns how many have signed now. Nobody signs twice."""
    signed = list_signatures(session, batch.id)
    if actor.id in {one.person_id for one in signed}:
        raise Forbidden(
            "same_person",
            "Another person has to approve too",
            detail="You have approved this batch already.",
        )
    session.execute(
        insert(models.voucher_batch_signature).values(
            batch_id=batch.id, person_id=actor.id, person_name=actor.name, signed_at=now
        )
    )
    details = {"content_sha256": batch.content_sha256.hex()}
    audit.record(
        session, actor, "payments.voucher_batch.signed", "voucher_batch", batch.id, details
    )
    return len(signed) + 1
