"""Keeping bank details and what the Confirmation of Payee said about them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from gateway.journeys import queries
from gateway.journeys.actions.drafts import change
from gateway.journeys.actions.moves import make_move, with_dossier
from gateway.journeys.dossier import Dossier, PayeeCheck, fingerprint
from gateway.journeys.queries import Instance
from gateway.journeys.rules import RENEWABLE
from shared.actors import Actor
from shared.crypto import Sealer
from shared.errors import Conflict


def record_check(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    attribute: str,
    value: object,
    check: PayeeCheck,
    now: datetime,
) -> Instance:
    """Keep bank details with their check; the same details checked again replace the check.

    On an application that was decided this keeps details for a new payment; nothing is paid.
    """

    def edit(dossier: Dossier) -> Dossier:
        kept = dossier.answers.get(attribute)
        changed = kept is None or kept.value != value
        answered = dossier.answered(attribute, value, now) if changed else dossier
        return replace(answered, payee_check=check)

    return _change(session, sealer, instance_id, attribute, edit, now)


def accept_check(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    attribute: str,
    check_id: str,
    declared_reason: str,
    now: datetime,
) -> Instance:
    """Keep the person's choice to go on after a close match or an unavailable check.

    Refuses after no match, and when the details have changed since the page was shown.
    """

    def edit(dossier: Dossier) -> Dossier:
        check, given = dossier.payee_check, dossier.answers.get(attribute)
        current = check is not None and check.check_id == check_id
        if check is None or given is None or not current:
            raise Conflict("payee_changed", "The bank details were changed in another window")
        if check.fingerprint != fingerprint(given.value):
            raise Conflict("payee_changed", "The bank details were changed in another window")
        accepted = replace(check, accepted=True, declared_reason=declared_reason)
        if not accepted.lets_pass:
            raise Conflict("payee_refused", "The name does not match the account")
        return replace(dossier, payee_check=accepted)

    return _change(session, sealer, instance_id, attribute, edit, now)


def _change(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    attribute: str,
    edit: Callable[[Dossier], Dossier],
    now: datetime,
) -> Instance:
    held = queries.lock_instance(session, instance_id)
    if held.state == "draft":
        return change(session, sealer, instance_id, "check_payee", attribute, edit, now)
    payouts = queries.list_payouts(session, held.id)
    if not payouts or payouts[-1].state not in RENEWABLE:
        raise Conflict("payment_not_renewable", "A new payment cannot be made for this case")
    before = held.open(sealer)
    after = edit(before)
    if after == before:
        return held
    actor = Actor("citizen", held.subject or "")
    return make_move(
        session,
        held,
        "check_payee",
        actor=actor,
        now=now,
        after=with_dossier(held, sealer, after),
    )
