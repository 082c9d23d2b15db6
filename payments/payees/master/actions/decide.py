"""Decisions about proposals, each by another person than the one who proposed."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.payees.master.actions.propose import current_values
from payments.payees.master.duplicates import list_others_with
from payments.payees.master.models import payee, payee_change
from payments.payees.master.queries import (
    Change,
    Payee,
    find_checked_name,
    get_change,
    get_payee,
    open_facts,
)
from payments.payees.master.rules import (
    PAYEE_APPROVER,
    PAYEE_EDITOR,
    cooling_end,
    need_words,
    needs_reason,
)
from payments.payees.rules import is_current
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, Forbidden


def need_role(actor: Actor, *roles: str) -> None:
    """Refuse a person who has none of these roles."""
    if actor.roles.isdisjoint(roles):
        raise Forbidden("role_missing", "Your role does not allow this")


def confirm(
    session: Session,
    vault: DetailsVault,
    change_id: UUID,
    reason: str,
    actor: Actor,
    now: datetime,
    *,
    cooling: timedelta,
) -> None:
    """Put a proposal in force as the payee's next version; changed details cool off first.

    Raises:
        Forbidden: no payee approver, or the person who proposed it.
        Conflict: it is being checked, decided already, or its name check is too old.
        Invalid: the checks speak against it, or another payee has the account, and there is no
            written reason.
        NotFound: the body has no such change.
    """
    need_role(actor, PAYEE_APPROVER)
    found, change = _lock(session, actor, change_id)
    _refuse_state(change, "proposed")
    _refuse_same(actor, change.proposed_by_id, "Somebody else has to confirm what you proposed")
    words = _check_reason(session, found, change, reason, now)
    facts = open_facts(vault, change)
    was_active = found.state == "active"
    until = cooling_end(
        was_active=was_active, sensitive=change.is_sensitive, now=now, period=cooling
    )
    version = found.version + 1
    values: dict[str, object] = {
        **current_values(vault, facts, now),
        "reference": change.reference,
        "state": "active",
        "version": version,
    }
    if was_active and change.is_sensitive:
        values |= {"details_changed_at": now, "cooling_until": until}
    _mark(session, change, "confirmed", words, actor, now, version=version, cooling_until=until)
    try:
        with session.begin_nested():
            session.execute(update(payee).where(payee.c.id == found.id).values(**values))
    except IntegrityError as error:
        raise Conflict("reference_taken", "Another payee has this reference") from error
    _note(session, actor, "confirmed", change, {"version": version, "reason": words})


def _check_reason(
    session: Session, found: Payee, change: Change, reason: str, now: datetime
) -> str:
    """Return the reason, which is needed where a check or another payee speaks against it."""
    needed = bool(
        list_others_with(session, found.organisation, change.account_fingerprint, found.id)
    )
    if change.is_sensitive:
        checked = find_checked_name(session, change)
        if checked is None or not is_current(checked.answered_at, now):
            raise Conflict(
                "check_expired",
                "The name check is too old",
                detail="Withdraw the proposal and propose it again.",
            )
        needed = needed or needs_reason(checked.reason_code, change.modulus_result)
    if needed:
        return need_words(
            "reason", reason, "Enter why this is right although the checks speak against it"
        )
    return reason.strip()[:500]


def reject(session: Session, change_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Refuse a proposal with a reason; the payee stays as it was.

    Raises:
        Forbidden: no payee approver, or the proposer, who withdraws instead.
        Conflict: decided already. Invalid: no reason. NotFound: not of this body.
    """
    need_role(actor, PAYEE_APPROVER)
    found, change = _lock(session, actor, change_id)
    _refuse_state(change, "checking", "proposed")
    _refuse_same(actor, change.proposed_by_id, "Withdraw what you proposed yourself")
    words = need_words("reason", reason, "Enter why the change is rejected")
    _end(session, found, change, "rejected", words, actor, now)


def withdraw(session: Session, change_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """Take a proposal back: the person who made it, or any editor for one of a program.

    Raises:
        Forbidden: another person's proposal.
        Conflict: decided already. NotFound: not of this body.
    """
    need_role(actor, PAYEE_EDITOR)
    found, change = _lock(session, actor, change_id)
    _refuse_state(change, "checking", "proposed")
    if change.proposed_by_kind == "staff" and change.proposed_by_id != actor.id:
        raise Forbidden("other_person", "Only the person who proposed a change can withdraw it")
    _end(session, found, change, "withdrawn", reason.strip()[:500], actor, now)


def end_change(
    session: Session,
    organisation: str,
    change_id: UUID,
    state: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    """End an open proposal without a person's decision; one that is decided stays as it is."""
    payee_id = get_change(session, organisation, change_id).payee_id
    found = get_payee(session, organisation, payee_id, lock=True)
    change = get_change(session, organisation, change_id)
    if change.state in ("checking", "proposed"):
        _end(session, found, change, state, reason, actor, now)


def hurry(session: Session, change_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """End the cooling-off of a confirmed change at once; takes a third person and a reason.

    Raises:
        Forbidden: no payee approver, or a person who proposed or confirmed the change.
        Conflict: the change does not cool off (any more). Invalid: no reason.
        NotFound: not of this body.
    """
    need_role(actor, PAYEE_APPROVER)
    found, change = _lock(session, actor, change_id)
    if (
        change.state != "confirmed"
        or change.version != found.version
        or change.hurried_at is not None
        or found.cooling_until is None
        or found.cooling_until <= now
    ):
        raise Conflict("not_cooling", "This change is not cooling off")
    for person in (change.proposed_by_id, change.decided_by_id):
        _refuse_same(actor, person, "This takes a person who neither proposed nor confirmed it")
    words = need_words("hurry_reason", reason, "Enter why payments cannot wait")
    session.execute(update(payee).where(payee.c.id == found.id).values(cooling_until=now))
    session.execute(
        update(payee_change)
        .where(payee_change.c.id == change.id)
        .values(
            hurried_by_id=actor.id, hurried_by_name=actor.name, hurried_at=now, hurry_reason=words
        )
    )
    _note(session, actor, "hurried", change, {"reason": words})


def _lock(session: Session, actor: Actor, change_id: UUID) -> tuple[Payee, Change]:
    """Return payee and change with the payee locked: of two decisions the second waits."""
    organisation = actor.organisation or ""
    seen = get_change(session, organisation, change_id)
    found = get_payee(session, organisation, seen.payee_id, lock=True)
    return found, get_change(session, organisation, change_id)


def _refuse_state(change: Change, *states: str) -> None:
    if change.state in states:
        return
    if change.state == "checking":
        raise Conflict("change_checking", "The name is still being checked; try again in a minute")
    raise Conflict(
        "change_decided",
        f"This change was {change.state} already",
        detail="Nothing was changed. Somebody may have been quicker than you.",
    )


def _refuse_same(actor: Actor, person: str | None, message: str) -> None:
    if actor.id == person:
        raise Forbidden("same_person", message)


def _end(
    session: Session,
    found: Payee,
    change: Change,
    state: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> None:
    _mark(session, change, state, reason, actor, now)
    if found.state == "proposed":
        session.execute(
            update(payee).where(payee.c.id == found.id).values(state="refused", changed_at=now)
        )
    _note(session, actor, state, change, {"reason": reason})


def _mark(
    session: Session,
    change: Change,
    state: str,
    reason: str,
    actor: Actor,
    now: datetime,
    **values: object,
) -> None:
    session.execute(
        update(payee_change)
        .where(payee_change.c.id == change.id)
        .values(
            state=state,
            decided_by_id=actor.id,
            decided_by_name=actor.name,
            decided_at=now,
            decision_reason=reason,
            **values,
        )
    )


def _note(
    session: Session, actor: Actor, kind: str, change: Change, details: dict[str, object]
) -> None:
    audit.record(
        session,
        actor,
        f"payments.payee.{kind}",
        "payee",
        change.payee_id,
        {"organisation": change.organisation, "change_id": str(change.id), **details},
    )
