"""The operator's API of the sandbox: PUT /payments/v1/govstack-sandbox."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from payments.govstack.actions.seeding import seed_sandbox
from payments.govstack.sandbox import SandboxPlan
from payments.payees.deps import VaultDep, settings_of
from shared.errors import NotFound
from shared.web.deps import Caller, NowDep, SessionDep, require_scope

router = APIRouter()


@router.put("/govstack-sandbox", status_code=204)
def put_sandbox(
    request: Request,
    plan: SandboxPlan,
    session: SessionDep,
    vault: VaultDep,
    now: NowDep,
    caller: Annotated[Caller, Depends(require_scope("payments.govstack_sandbox"))],
) -> None:
    """Set the sandbox's vouchers, merchants, balances and building blocks to what is sent."""
    organisation = settings_of(request).govstack_open_body
    if not organisation:
        raise NotFound("no_sandbox", "This installation has no GovStack sandbox")
    caller.check_acts_for(organisation)
    seed_sandbox(session, vault, organisation, plan, caller.actor, now)
