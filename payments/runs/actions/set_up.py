"""Bodies and programmes come on board: bank account, control accounts, rules of approval."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.bank.actions import NewBankAccount, open_bank_account
from payments.runs import models
from shared import audit
from shared.actors import Actor
from shared.ids import new_id

_ACCOUNT_CODE = "main"


@dataclass(frozen=True)
class ProgrammePlan:
    """A programme to be made, and how its runs are approved and released."""

    slug: str
    name: str
    release: Literal["on_approval", "by_hand"]
    approvals_needed: int = 1


@dataclass(frozen=True)
class BodyPlan:
    """A body to be made, with the account that it pays from."""

    organisation: str
    name: str
    account_name: str
    sort_code: str
    account_number: str
    service_user_number: str
    programmes: Sequence[ProgrammePlan]


def set_up_body(session: Session, plan: BodyPlan, actor: Actor, now: datetime) -> None:
    """Make a body with its bank account, ledger accounts and programmes; what is there stays.

    Raises:
        Conflict: the account's numbers belong to another account.
    """
    made = session.execute(
        insert(models.body)
        .values(organisation=plan.organisation, name=plan.name, created_at=now)
        .on_conflict_do_nothing()
        .returning(models.body.c.organisation)
    ).scalar_one_or_none()
    account_id = open_bank_account(
        session,
        NewBankAccount(
            plan.organisation,
            _ACCOUNT_CODE,
            plan.account_name,
            plan.sort_code,
            plan.account_number,
            plan.service_user_number,
        ),
    )
    for programme in plan.programmes:
        session.execute(
            insert(models.programme)
            .values(
                id=new_id(),
                organisation=plan.organisation,
                slug=programme.slug,
                name=programme.name,
                bank_account_id=account_id,
                approvals_needed=programme.approvals_needed,
                release=programme.release,
                created_at=now,
            )
            .on_conflict_do_nothing()
        )
    if made is not None:
        details = {"programmes": [programme.slug for programme in plan.programmes]}
        audit.record(session, actor, "payments.body.set_up", "body", plan.organisation, details)
