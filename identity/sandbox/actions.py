"""What happens in the sandbox: orders for flows, fictitious sign-ins, checks and answers."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from identity.accounts.actions import create_account
from identity.accounts.models import Account
from identity.accounts.settings import PeopleSettings
from identity.accounts.vault import Vault
from identity.oidc import flows
from identity.oidc.wanted_level import wanted_level
from identity.safe.actions import keep_for_flow, share
from identity.safe.views import key_of
from identity.sandbox.models import SandboxPlan
from identity.sandbox.personas import Persona, claimed_of, declined_items, result_of
from identity.sandbox.queries import Plan, find_persona_account
from identity.signin import rules
from identity.signin.actions import SignedIn, worth_of
from identity.signin.models import SignInSession
from identity.verification.actions import items_of
from identity.verification.gpg45 import make_policy
from identity.verification.rules import judge
from shared import audit
from shared.actors import Actor
from shared.clock import london_date
from shared.crypto import Sealer, hash_token, random_token
from shared.ids import new_id

PLAN_LIFE = timedelta(days=1)
_DOMAIN = "sandbox.example"
_FACTORS = ("password", "email_code")
# One statement, so that two flows at once cannot both use the last one.
_TAKE = text(
    """
    UPDATE sandbox_plan SET uses_left = uses_left - 1
     WHERE uses_left > 0 AND id = (
       SELECT id FROM sandbox_plan
        WHERE client_id = :client_id AND uses_left > 0 AND expires_at > :now
          AND (state_hash IS NULL OR state_hash = :state_hash)
        ORDER BY state_hash IS NULL, created_at LIMIT 1 FOR UPDATE)
    RETURNING persona, faults
    """
)
_FORGET = text("DELETE FROM sandbox_plan WHERE client_id = :client_id")
_BEGIN_WAIT = text(
    "INSERT INTO sandbox_wait (flow_id, ready_at, expires_at)"
    " VALUES (:flow_id, :ready_at, :expires_at) ON CONFLICT DO NOTHING"
)
_END_WAIT = text(
    """
    INSERT INTO sandbox_wait (flow_id, ready_at, expires_at)
    VALUES (:flow_id, :now, :expires_at)
    ON CONFLICT (flow_id) DO UPDATE SET ready_at = excluded.ready_at
    """
)
_EXPIRE = text("UPDATE flow SET expires_at = :now WHERE id = :flow_id")


def order(
    session: Session,
    client_id: str,
    actor: Actor,
    *,
    persona: str | None,
    faults: tuple[str, ...],
    uses: int,
    state: str | None,
    now: datetime,
) -> Plan:
    """Order a persona and faults for the next flows of a client, or for the one of this state."""
    plan = Plan(new_id(), persona, faults, uses, state is not None, now + PLAN_LIFE)
    session.execute(
        insert(SandboxPlan).values(
            id=plan.id,
            client_id=client_id,
            state_hash=hash_token(state) if state is not None else None,
            persona=persona,
            faults=list(faults),
            uses_left=uses,
            created_at=now,
            expires_at=plan.expires_at,
        )
    )
    facts = {"persona": persona or "", "faults": list(faults), "uses": uses}
    audit.record(session, actor, "identity.sandbox.ordered", "relying_party", client_id, facts)
    return plan


def forget_orders(session: Session, client_id: str) -> None:
    """Forget what a client ordered."""
    session.execute(_FORGET, {"client_id": client_id})


def take_order(
    session: Session, client_id: str, state: str | None, now: datetime
) -> tuple[str | None, tuple[str, ...]]:
    """Use one order up, that of this state before the general ones; returns persona and faults."""
    values = {
        "client_id": client_id,
        "state_hash": hash_token(state) if state is not None else None,
        "now": now,
    }
    row = session.execute(_TAKE, values).one_or_none()
    return (None, ()) if row is None else (row.persona, tuple(row.faults))


def sign_in(
    session: Session, vault: Vault, flow: flows.FlowView, persona: Persona, now: datetime
) -> SignedIn:
    """Sign a persona in on a flow, under a session that no live client ever sees."""
    space = flow.organisation
    account_id = find_persona_account(session, persona.id, space)
    if account_id is None:
        account_id = _create(session, vault, persona, space, now)
    cookie, session_id = random_token(), new_id()
    worth = worth_of(cookie, _FACTORS, now)
    wanted = wanted_level(flow)
    if wanted is not None:
        # Nobody proves anything here, so the level is whatever the client wants to see.
        worth["level"] = wanted.level
    session.execute(
        insert(SignInSession).values(
            id=session_id,
            account_id=account_id,
            **worth,
            sandbox_space=space,
            device="Sandbox",
            started_at=now,
            last_seen_at=now,
            idle_at=now + rules.SESSION_LIFE,
            ends_at=now + rules.SESSION_LIFE,
        )
    )
    flows.record_sign_in(session, flow.id, account_id, session_id, now)
    return SignedIn(cookie, session_id, account_id)


def _create(session: Session, vault: Vault, persona: Persona, space: str, now: datetime) -> UUID:
    # Two first sign-ins at once must find each other's account.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 46))"),
        {"name": f"{space}:{persona.id}"},
    )
    found = find_persona_account(session, persona.id, space)
    if found is not None:
        return found
    account_id = create_account(
        session,
        vault,
        email=f"{persona.id}.{space}@{_DOMAIN}",
        password_hash="none",  # noqa: S106 - no password ever matches it
        language="en",
        now=now,
        display_name=persona.name,
    )
    if account_id is None:
        raise LookupError(f"the address of the persona {persona.id} belongs to somebody")
    session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(persona=persona.id, sandbox_space=space)
    )
    return account_id


def expire(session: Session, flow: flows.FlowView, now: datetime) -> None:
    """Let a flow's seven days be over."""
    session.execute(_EXPIRE, {"flow_id": flow.id, "now": now})


def begin_wait(session: Session, flow: flows.FlowView, persona: Persona, now: datetime) -> None:
    """Begin a slow check; a second call changes nothing."""
    ready_at = None if persona.wait is None else now + persona.wait
    values = {"flow_id": flow.id, "ready_at": ready_at, "expires_at": flow.expires_at}
    session.execute(_BEGIN_WAIT, values)


def end_wait(session: Session, flow: flows.FlowView, now: datetime) -> None:
    """Let the time of a slow check pass, or end a review."""
    values = {"flow_id": flow.id, "now": now, "expires_at": flow.expires_at}
    session.execute(_END_WAIT, values)


def finish_check(
    session: Session,
    sealer: Sealer,
    settings: PeopleSettings,
    flow: flows.FlowView,
    account_id: UUID,
    persona: Persona,
    now: datetime,
) -> None:
    """Judge what is found about a persona by the same rules as for people, and keep it."""
    today = london_date(now)
    result = result_of(persona, now, today)
    if result is not None:
        policy = make_policy(
            settings.accepted_profiles,
            fraud_check_days=settings.fraud_check_days,
            expired_permit_days=settings.expired_permit_days,
        )
        verdict = judge(result, claimed_of(persona, today), policy, now)
        keep_for_flow(
            session,
            sealer,
            account_id=account_id,
            flow_id=flow.id,
            items=items_of(new_id(), result, verdict, now),
            expires_at=flow.expires_at,
            now=now,
        )
        _note_failure(session, flow, account_id, verdict.failure, now)
    flows.record_verification_done(session, flow.id, now)


_FAILED = text(
    """
    INSERT INTO verification (id, account_id, flow_id, state, provider, failure, created_at,
                              completed_at, expires_at)
    VALUES (:id, :account_id, :flow_id, 'failed', 'sandbox', :failure, :now, :now, :expires_at)
    """
)


def _note_failure(
    session: Session, flow: flows.FlowView, account_id: UUID, failure: str, now: datetime
) -> None:
    """Write down why a check failed, which return codes are made of."""
    if failure:
        values = {"id": new_id(), "account_id": account_id, "flow_id": flow.id}
        rest = {"failure": failure, "now": now, "expires_at": flow.expires_at}
        session.execute(_FAILED, values | rest)


def answer_for(
    session: Session, flow: flows.FlowView, account_id: UUID, persona: Persona, now: datetime
) -> None:
    """Agree to share as a persona does."""
    items = (*flow.requested_attributes, *flow.remembered_items)
    kept = declined_items(persona, {item: key_of(item) for item in items})
    share(session, flow, account_id, [item for item in items if item not in kept], now)
