"""Proposals: what a payee shall say, kept until another person has confirmed it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from payments.payees.bank_details import BankDetails, DetailsVault, account_fingerprint
from payments.payees.master.models import payee, payee_change
from payments.payees.master.queries import (
    Payee,
    change_record,
    find_current,
    find_open,
    get_payee,
    open_facts,
)
from payments.payees.master.rules import (
    PayeeFacts,
    Source,
    check_facts,
    is_sensitive,
    list_differences,
    name_key,
    need_words,
)
from shared import audit
from shared.actors import Actor
from shared.correlation import correlation_id
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id, reference
from shared.outbox import enqueue


@dataclass(frozen=True)
class Proposal:
    """What shall become of a payee; without an id a new one."""

    organisation: str
    facts: PayeeFacts
    source: Source
    reason: str = ""
    payee_id: UUID | None = None


def propose(
    session: Session,
    vault: DetailsVault,
    proposal: Proposal,
    actor: Actor,
    now: datetime,
    *,
    check_after: timedelta = timedelta(0),
) -> UUID:
    """Keep a proposal and have its name checked after the commit; returns the change's id.

    Nothing is paid to it, and nothing that is paid changes, until another person confirms.
    ``check_after`` gives a caller time to check by itself, see ``check_change``.

    Raises:
        Invalid: a text is at fault, there is no reason, or nothing would change.
        Conflict: another change of the payee waits, or the own reference is another payee's.
        NotFound: the body has no such payee.
    """
    facts = proposal.facts
    faults = check_facts(facts)
    if faults:
        raise Invalid(*faults)
    if proposal.payee_id is None:
        made = _add_payee(session, vault, proposal, now)
        return _add_change(session, vault, proposal, made, None, actor, now, check_after)
    reason = need_words("reason", proposal.reason, "Enter why the payee is changed")
    found = get_payee(session, proposal.organisation, proposal.payee_id, lock=True)
    _refuse_open(session, found)
    facts = replace(facts, reference=facts.reference or found.reference)
    if facts.reference != found.reference:
        _refuse_taken(session, proposal.organisation, facts.reference)
    current = find_current(session, found.id, found.version)
    if current is None:
        raise Conflict("payee_refused", "This payee was refused; propose a new one")
    old = open_facts(vault, current)
    if not list_differences(old, facts):
        raise Invalid(FieldError("", "Nothing was changed"))
    wanted = replace(proposal, facts=facts, reason=reason)
    return _add_change(session, vault, wanted, found, old, actor, now, check_after)


def propose_change(
    session: Session,
    vault: DetailsVault,
    organisation: str,
    payee_of: UUID | bytes,
    details: BankDetails,
    source: Source,
    reason: str,
    actor: Actor,
    now: datetime,
) -> UUID | None:
    """Propose other bank details for a payee that is known by its id or its account's fingerprint.

    For advices of the bank (AWACS) and notices of switched accounts. Everything else about the
    payee stays; modulus and name are checked after the commit; a person confirms. Safe to repeat:
    the same details again give the same change. Returns None where nobody in the master has this
    account, or the payee has these details already.

    Raises:
        Conflict: a change to other details waits for a decision.
        NotFound: the body has no payee of this id.
    """
    payee_id = payee_of if isinstance(payee_of, UUID) else _find(session, organisation, payee_of)
    if payee_id is None:
        return None
    found = get_payee(session, organisation, payee_id, lock=True)
    waiting = find_open(session, payee_id)
    fingerprint = account_fingerprint(vault, details)
    if waiting is not None and bytes(waiting.account_fingerprint) == fingerprint:
        return waiting.id
    current = find_current(session, payee_id, found.version)
    if current is None or bytes(current.account_fingerprint) == fingerprint:
        return None
    facts = replace(open_facts(vault, current), details=details)
    wanted = Proposal(organisation, facts, source, reason, payee_id)
    return propose(session, vault, wanted, actor, now)


def _find(session: Session, organisation: str, fingerprint: bytes) -> UUID | None:
    """Return the payee of an account, the oldest of several."""
    found: UUID | None = session.execute(
        select(payee.c.id)
        .where(
            payee.c.organisation == organisation,
            payee.c.account_fingerprint == fingerprint,
            payee.c.state == "active",
        )
        .order_by(payee.c.id)
        .limit(1)
    ).scalar_one_or_none()
    return found


def _refuse_open(session: Session, found: Payee) -> None:
    if find_open(session, found.id) is not None:
        raise Conflict(
            "change_waits",
            "Another change of this payee waits for a decision",
            detail="Decide or withdraw that one first.",
        )


def _refuse_taken(session: Session, organisation: str, own_reference: str) -> None:
    taken = session.execute(
        select(func.count()).where(
            payee.c.organisation == organisation,
            payee.c.reference == own_reference,
            payee.c.state != "refused",
        )
    ).scalar_one()
    if taken:
        raise Conflict(
            "reference_taken",
            "Another payee has this reference",
            detail="Use a reference that no other payee has.",
        )


def _add_payee(session: Session, vault: DetailsVault, proposal: Proposal, now: datetime) -> Payee:
    values = payee_values(vault, proposal.organisation, proposal.facts, now)
    made = session.execute(
        upsert(payee).values(**values).on_conflict_do_nothing().returning(payee.c.id)
    ).scalar_one_or_none()
    if made is None:
        _refuse_taken(session, proposal.organisation, proposal.facts.reference)
        raise Conflict("payee_busy", "The payee is being changed; try again")
    return get_payee(session, proposal.organisation, made)


def payee_values(
    vault: DetailsVault, organisation: str, facts: PayeeFacts, now: datetime
) -> dict[str, object]:
    """Return the row of a payee that is proposed."""
    return {
        "id": new_id(),
        "organisation": organisation,
        "reference": facts.reference or reference("PAY"),
        "state": "proposed",
        "created_at": now,
        **current_values(vault, facts, now),
    }


def current_values(vault: DetailsVault, facts: PayeeFacts, now: datetime) -> dict[str, object]:
    """Return the columns of a payee that follow from what it says."""
    return {
        "name": facts.name,
        "name_key": name_key(facts.name),
        "beneficiary": facts.beneficiary,
        "account_type": facts.account_type,
        "account_fingerprint": account_fingerprint(vault, facts.details),
        "account_tail": facts.details.account_number[-4:],
        "gl_code": facts.gl_code,
        "changed_at": now,
    }


def change_values(
    vault: DetailsVault,
    proposal: Proposal,
    to: Mapping[str, object] | Payee,
    old: PayeeFacts | None,
    actor: Actor,
    now: datetime,
    import_id: UUID | None = None,
) -> dict[str, object]:
    """Return the row of a proposal; its bank details and email are sealed."""
    values = to if isinstance(to, Mapping) else to.__dict__
    change_id, facts = new_id(), proposal.facts
    record = change_record(change_id)
    sensitive = is_sensitive(old, facts)
    return {
        "id": change_id,
        "organisation": proposal.organisation,
        "payee_id": values["id"],
        "import_id": import_id,
        "base_version": values.get("version", 0),
        "is_sensitive": sensitive,
        "reference": facts.reference or values["reference"],
        "name": facts.name,
        "name_key": name_key(facts.name),
        "beneficiary": facts.beneficiary,
        "account_type": facts.account_type,
        "details_sealed": vault.seal(facts.details, record),
        "account_fingerprint": account_fingerprint(vault, facts.details),
        "account_tail": facts.details.account_number[-4:],
        "gl_code": facts.gl_code,
        "email_sealed": vault.seal_text(facts.email, f"{record}:email") if facts.email else None,
        "notes": facts.notes,
        "source": proposal.source,
        "reason": proposal.reason,
        "proposed_by_kind": actor.kind,
        "proposed_by_id": actor.id,
        "proposed_by_name": actor.name,
        "proposed_at": now,
        "correlation_id": correlation_id(),
        "state": "checking" if sensitive else "proposed",
    }


def _add_change(
    session: Session,
    vault: DetailsVault,
    proposal: Proposal,
    found: Payee,
    old: PayeeFacts | None,
    actor: Actor,
    now: datetime,
    check_after: timedelta,
) -> UUID:
    values = change_values(vault, proposal, found, old, actor, now)
    session.execute(insert(payee_change).values(**values))
    change_id = values["id"]
    assert isinstance(change_id, UUID)  # noqa: S101 - made a few lines above
    audit.record(
        session,
        actor,
        "payments.payee.proposed",
        "payee",
        found.id,
        {
            "organisation": proposal.organisation,
            "change_id": str(change_id),
            "source": proposal.source,
            "fields": [one.field for one in list_differences(old, proposal.facts)],
        },
    )
    if values["is_sensitive"]:
        enqueue(
            session,
            "payments.payees.check_change",
            {"organisation": proposal.organisation, "change_id": str(change_id)},
            key=str(change_id),
            due_at=now + check_after,
        )
    return change_id
