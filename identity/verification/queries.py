"""Reads of verifications."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from identity.verification.models import Verification
from identity.verification.rules import State


@dataclass(frozen=True)
class VerificationView:
    """A verification as its owner's pages may know it."""

    id: UUID
    account_id: UUID
    flow_id: UUID
    state: State
    capture_url: str
    failure: str
    provider_reference: str
    claimed_sealed: bytes | None
    claim_expires_at: datetime | None


_COLUMNS = (
    Verification.id,
    Verification.account_id,
    Verification.flow_id,
    Verification.state,
    Verification.capture_url,
    Verification.failure,
    Verification.provider_reference,
    Verification.claimed_sealed,
    Verification.claim_expires_at,
)
OPEN_STATES = ("starting", "with_provider", "collecting")


def get_verification(
    session: Session, verification_id: UUID, account_id: UUID
) -> VerificationView | None:
    """Return a verification of the account's own, None for another's or none."""
    return _one(session, Verification.id == verification_id, Verification.account_id == account_id)


def lock_verification(
    session: Session, verification_id: UUID, account_id: UUID
) -> VerificationView | None:
    """Return a verification of the account's own, locked until the transaction ends."""
    return _one(
        session,
        Verification.id == verification_id,
        Verification.account_id == account_id,
        lock=True,
    )


def lock_open(session: Session, account_id: UUID, flow_id: UUID) -> VerificationView | None:
    """Return the verification that is under way in a flow, locked; None when there is none."""
    return _one(
        session,
        Verification.account_id == account_id,
        Verification.flow_id == flow_id,
        Verification.state.in_(OPEN_STATES),
        lock=True,
    )


def find_latest(session: Session, account_id: UUID, flow_id: UUID) -> VerificationView | None:
    """Return the newest verification of a flow that was not abandoned."""
    return _one(
        session,
        Verification.account_id == account_id,
        Verification.flow_id == flow_id,
        Verification.state != "abandoned",
    )


def _one(session: Session, *where: object, lock: bool = False) -> VerificationView | None:
    statement = (
        select(*_COLUMNS)
        .where(*where)  # type: ignore[arg-type]  # comparisons of columns, as SQLAlchemy types them
        .order_by(Verification.created_at.desc(), Verification.id.desc())
        .limit(1)
    )
    row = session.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        return None
    return VerificationView(
        id=row.id,
        account_id=row.account_id,
        flow_id=row.flow_id,
        state=cast("State", row.state),
        capture_url=row.capture_url or "",
        failure=row.failure or "",
        provider_reference=row.provider_reference or "",
        claimed_sealed=row.claimed_sealed,
        claim_expires_at=row.claim_expires_at,
    )
