"""Verifying who somebody is: claim, call the provider, record. Nothing is locked while it works."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from identity.accounts.actions import citizen
from identity.accounts.vault import Vault
from identity.oidc.flows import FlowView
from identity.safe.actions import keep_for_flow
from identity.safe.rules import DOCUMENT_SCOPES, Item, make_item
from identity.verification import rules
from identity.verification.gpg45 import KNOWN_DOCUMENTS, Policy
from identity.verification.models import Verification
from identity.verification.provider import (
    CheckResult,
    Claimed,
    DocumentCheck,
    ProviderUnavailableError,
    StartedCheck,
)
from identity.verification.queries import VerificationView, lock_open, lock_verification
from identity.verification.rules import State, Verdict, judge
from shared import audit
from shared.db import Database
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.logs import get_logger
from shared.outbox import enqueue

CLAIMED_RECORD = "verification.claimed"
RESULT_RECORD = "verification.result"
_FORGET = text(
    """
    DELETE FROM verification WHERE id IN (
      SELECT id FROM verification
       WHERE expires_at < :now AND completed_at IS NULL LIMIT 20 FOR UPDATE SKIP LOCKED)
    """
)


@dataclass(frozen=True)
class Begun:
    """A verification to which the provider is, or is about to be, asked."""

    id: UUID
    must_call: bool


def start(
    database: Database,
    vault: Vault,
    provider: DocumentCheck,
    *,
    flow: FlowView,
    account_id: UUID,
    claimed: Claimed,
    return_url: str,
    now: datetime,
) -> UUID:
    """Begin a verification with the provider and return its id.

    The same details again go on with the check that is under way; other details replace it. The
    provider leads the person back to ``return_url`` with the verification's id put behind it.

    Raises:
        ProviderUnavailableError: nothing was begun; the same call may be made again.
    """
    with database.transaction() as session:
        begun = _claim_start(session, vault, provider, flow, account_id, claimed, now)
    if not begun.must_call:
        return begun.id
    try:
        started = provider.start(
            claimed, idempotency_key=str(begun.id), return_url=f"{return_url}{begun.id}"
        )
    except ProviderUnavailableError:
        with database.transaction() as session:
            _release(session, begun.id, "starting")
        raise
    with database.transaction() as session:
        _record_start(session, begun.id, started)
    return begun.id


def _claim_start(
    session: Session,
    vault: Vault,
    provider: DocumentCheck,
    flow: FlowView,
    account_id: UUID,
    claimed: Claimed,
    now: datetime,
) -> Begun:
    session.execute(_FORGET, {"now": now})
    # Two clicks at once must find each other's row, which neither has written yet.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 45))"),
        {"name": f"{account_id}:{flow.id}"},
    )
    under_way = lock_open(session, account_id, flow.id)
    if under_way is not None:
        if _claimed_of(vault, under_way) == claimed and under_way.state != "collecting":
            is_claimed = under_way.claim_expires_at is not None and under_way.claim_expires_at > now
            if under_way.state != "starting" or is_claimed:
                return Begun(under_way.id, must_call=False)
            _set(session, under_way.id, claim_expires_at=now + rules.CLAIM_LIFE)
            return Begun(under_way.id, must_call=True)
        _set(session, under_way.id, state="abandoned", claimed_sealed=None)
    verification_id = new_id()
    session.execute(
        insert(Verification).values(
            id=verification_id,
            account_id=account_id,
            flow_id=flow.id,
            state="starting",
            claimed_sealed=vault.seal(
                rules.claimed_to_json(claimed), CLAIMED_RECORD, verification_id
            ),
            provider=provider.name,
            claim_expires_at=now + rules.CLAIM_LIFE,
            created_at=now,
            expires_at=now + rules.VERIFICATION_LIFE,
        )
    )
    _note(session, account_id, "verification.started", verification_id, {})
    return Begun(verification_id, must_call=True)


def _record_start(session: Session, verification_id: UUID, started: StartedCheck) -> None:
    session.execute(
        update(Verification)
        .where(Verification.id == verification_id, Verification.state == "starting")
        .values(
            state="with_provider",
            provider_reference=started.reference,
            capture_url=started.capture_url,
            claim_expires_at=None,
        )
    )


def collect(
    database: Database,
    vault: Vault,
    provider: DocumentCheck,
    policy: Policy,
    *,
    flow: FlowView,
    account_id: UUID,
    verification_id: UUID,
    now: datetime,
) -> State:
    """Fetch the result of a verification, judge it and keep what follows; returns the state.

    ``with_provider`` and ``collecting`` mean that there is no result yet. A second call after the
    end changes nothing.

    Raises:
        NotFound: no such verification of this account.
        ProviderUnavailableError, ProviderResultError: the same call may be made again.
    """
    with database.transaction() as session:
        claimed_row = _claim_collect(session, verification_id, account_id, now)
    if not claimed_row.provider_reference or claimed_row.state != "collecting":
        return claimed_row.state
    result = None
    try:
        result = provider.collect(claimed_row.provider_reference)
    finally:
        if result is None:
            with database.transaction() as session:
                _release(session, verification_id, "collecting", to="with_provider")
    if result is None:
        return "with_provider"
    claimed = _claimed_of(vault, claimed_row)
    if claimed is None:
        raise Conflict("verification_over", "This check of your identity is over already")
    verdict = judge(result, claimed, policy, now)
    with database.transaction() as session:
        return _record_verdict(session, vault, flow, claimed_row, result, verdict, now)


def _claim_collect(
    session: Session, verification_id: UUID, account_id: UUID, now: datetime
) -> VerificationView:
    """Return the row as ``collecting`` when this caller is to fetch, else in its own state."""
    found = lock_verification(session, verification_id, account_id)
    if found is None:
        raise NotFound("verification_unknown", "There is no such check of your identity")
    is_claimed = found.claim_expires_at is not None and found.claim_expires_at > now
    if not rules.can_move(found.state, "collecting"):
        return found
    if found.state == "collecting" and is_claimed:
        return VerificationView(**{**found.__dict__, "state": "with_provider"})
    _set(session, found.id, state="collecting", claim_expires_at=now + rules.CLAIM_LIFE)
    return VerificationView(**{**found.__dict__, "state": "collecting"})


def _record_verdict(
    session: Session,
    vault: Vault,
    flow: FlowView,
    row: VerificationView,
    result: CheckResult,
    verdict: Verdict,
    now: datetime,
) -> State:
    locked = lock_verification(session, row.id, row.account_id)
    if locked is None or not rules.can_move(locked.state, verdict.state):
        # Somebody else recorded it, or the person began anew meanwhile.
        return locked.state if locked is not None else "abandoned"
    _set(
        session,
        row.id,
        state=verdict.state,
        profile=verdict.profile or None,
        policy_version=verdict.policy_version,
        failure=verdict.failure or None,
        result_sealed=vault.seal(_result_json(result, verdict), RESULT_RECORD, row.id),
        # What was claimed has done its work; the verified details are in the safe.
        claimed_sealed=None,
        claim_expires_at=None,
        completed_at=now,
    )
    keep_for_flow(
        session,
        vault.sealer,
        account_id=row.account_id,
        flow_id=row.flow_id,
        items=items_of(row.id, result, verdict, now),
        expires_at=flow.expires_at,
        now=now,
    )
    facts: dict[str, object] = {"profile": verdict.profile, "policy": verdict.policy_version}
    _note(session, row.account_id, f"verification.{verdict.state}", row.id, facts)
    if verdict.state in rules.SUCCESSES:
        enqueue(
            session,
            "identity.verification.create_mailbox",
            {"account_id": str(row.account_id), "verified_at": now.isoformat()},
            key=str(row.account_id),
        )
    unknown = {piece.type for piece in verdict.scores.evidence} - KNOWN_DOCUMENTS
    if unknown:
        get_logger().warning("verification.unknown_evidence", types=sorted(unknown))
    return verdict.state


def items_of(
    verification_id: UUID, result: CheckResult, verdict: Verdict, now: datetime
) -> list[Item]:
    """Return the attributes of a result; items of one check share their transaction and time."""
    txn = uuid5(verification_id, result.reference)
    person = {
        "given_name": result.given_name,
        "family_name": result.family_name,
        "birth_date": result.birth_date.isoformat(),
    }
    return [
        make_item(
            rules.GPG45_SCOPE,
            outcome=rules.OUTCOMES[verdict.state],
            verified_at=now,
            txn=txn,
            claims=person,
        ),
        make_item(
            rules.ADDRESS_SCOPE,
            outcome=verdict.address_outcome,
            verified_at=now,
            txn=txn,
            claims={"address": dict(result.address or {})},
        ),
        *(
            make_item(
                DOCUMENT_SCOPES[kind],
                outcome=rules.OUTCOMES[verdict.state],
                verified_at=now,
                txn=txn,
                claims=read,
            )
            for kind, read in result.documents.items()
            if kind in DOCUMENT_SCOPES and verdict.state in rules.SUCCESSES
        ),
    ]


def _result_json(result: CheckResult, verdict: Verdict) -> str:
    scores = verdict.scores
    return json.dumps(
        {
            "reference": result.reference,
            "profile": verdict.profile,
            "activity": scores.activity,
            "identity_fraud": scores.fraud,
            "verification": scores.verification,
            "evidence": [piece.__dict__ for piece in scores.evidence],
            "txns": [check.txn for check in result.checks],
        }
    )


def _claimed_of(vault: Vault, row: VerificationView) -> Claimed | None:
    if row.claimed_sealed is None:
        return None
    return rules.claimed_from_json(vault.open(row.claimed_sealed, CLAIMED_RECORD, row.id))


def _release(
    session: Session, verification_id: UUID, state: State, *, to: State | None = None
) -> None:
    """Give a claim back, so that the next call need not wait for its end."""
    session.execute(
        update(Verification)
        .where(Verification.id == verification_id, Verification.state == state)
        .values(state=to or state, claim_expires_at=None)
    )


def _set(session: Session, verification_id: UUID, **values: object) -> None:
    session.execute(update(Verification).where(Verification.id == verification_id).values(**values))


def _note(
    session: Session,
    account_id: UUID,
    action: str,
    verification_id: UUID,
    details: dict[str, object],
) -> None:
    audit.record(
        session,
        citizen(account_id),
        action,
        "account",
        account_id,
        {"verification_id": verification_id, **details},
    )
