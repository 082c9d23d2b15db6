"""Reads of the sandbox."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.sandbox.personas import PERSONAS, Persona
from identity.signin.queries import SignedInSession
from shared.crypto import hash_token
from shared.quick import Executor

_SESSION = text(
    """
    SELECT id, account_id, authenticated_at, methods, level, device, last_seen_at
      FROM sign_in_session
     WHERE cookie_hash = :cookie_hash AND ended_at IS NULL AND idle_at > :now AND ends_at > :now
       AND sandbox_space = :space
    """
)
_PERSONA = text("SELECT persona FROM account WHERE id = :account_id AND sandbox_space = :space")
_ACCOUNT = text("SELECT id FROM account WHERE persona = :persona AND sandbox_space = :space")
_PLANS = text(
    """
    SELECT id, persona, faults, uses_left, state_hash IS NOT NULL AS for_one, expires_at
      FROM sandbox_plan WHERE client_id = :client_id AND uses_left > 0 AND expires_at > :now
     ORDER BY created_at
    """
)
_WAIT = text("SELECT ready_at FROM sandbox_wait WHERE flow_id = :flow_id")


@dataclass(frozen=True)
class Plan:
    """What a client ordered for its next flows."""

    id: UUID
    persona: str | None
    faults: tuple[str, ...]
    uses_left: int
    for_one: bool
    expires_at: datetime


def get_sandbox_session(
    session: Executor, cookie_value: str, space: str, now: datetime
) -> SignedInSession | None:
    """Return the live session of a fictitious person of this space, None where there is none."""
    if not cookie_value:
        return None
    values = {"cookie_hash": hash_token(cookie_value), "space": space, "now": now}
    row = session.execute(_SESSION, values).mappings().one_or_none()
    return None if row is None else SignedInSession(**{**row, "methods": tuple(row["methods"])})


def get_persona(session: Session, account_id: UUID, space: str) -> Persona | None:
    """Return which persona an account of this space is."""
    values = {"account_id": account_id, "space": space}
    found = session.execute(_PERSONA, values).scalar_one_or_none()
    return PERSONAS.get(str(found))


def find_persona_account(session: Session, persona: str, space: str) -> UUID | None:
    """Return the account that a persona has in this space."""
    values = {"persona": persona, "space": space}
    return session.execute(_ACCOUNT, values).scalar_one_or_none()


def list_plans(session: Session, client_id: str, now: datetime) -> list[Plan]:
    """Return what a client ordered and did not use up, in the order of use."""
    rows = session.execute(_PLANS, {"client_id": client_id, "now": now})
    return [
        Plan(row.id, row.persona, tuple(row.faults), row.uses_left, row.for_one, row.expires_at)
        for row in rows
    ]


def find_wait(session: Session, flow_id: UUID) -> tuple[bool, datetime | None]:
    """Return whether a flow began to wait, and until when; None means until the API ends it."""
    row = session.execute(_WAIT, {"flow_id": flow_id}).one_or_none()
    return (False, None) if row is None else (True, row.ready_at)
