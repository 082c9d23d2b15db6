"""Up to how much a person may approve a run, by their own right or standing in for a colleague."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from payments.controls.duties import Duty, find_conflict
from payments.controls.queries.duties import list_doers
from payments.controls.rules import Rules, Subject, highest_authority
from payments.controls.standing_in.queries import Delegation, delegated_pence, list_live_for

_STANDS_IN = "You stand in for a colleague who may not approve this."


@dataclass(frozen=True)
class Authority:
    """Up to how many pence (none: any), and what speaks against the person."""

    pence: int | None
    conflict: Duty | None = None


def authority_of(
    session: Session,
    organisation: str,
    rules: Rules,
    subject: Subject,
    person_id: str,
    under: str,
    day: date,
    *,
    besides: Collection[str] = (),
) -> Authority:
    """Return up to how much a person may approve something like this.

    ``under`` is what gave them the role: nothing, a delegation or an emergency. Delegations by the
    people ``besides``, who prepared it or approved it already, do not count.
    """
    own = highest_authority(rules, subject, person_id, day)
    if under == "emergency" or (under == "" and own is None):
        return Authority(None)
    found = [
        one
        for one in list_live_for(session, organisation, person_id, day)
        if one.from_id not in besides
    ]
    return Authority(_most(found, rules, subject, day, None if under else own))


def authority_over_run(
    session: Session,
    organisation: str,
    run_id: UUID,
    rules: Rules,
    subject: Subject,
    person_id: str,
    under: str,
    day: date,
) -> Authority:
    """Return up to how much a person may approve a run, and which duty keeps them from it.

    Nobody approves through a colleague what they may not approve themselves: a delegation by
    somebody who prepared the run, or approved it already, does not count for it.
    """
    doers = list_doers(session, run_id)
    conflict = find_conflict(person_id, "approve", doers)
    own = highest_authority(rules, subject, person_id, day)
    if under == "emergency" or (under == "" and own is None):
        return Authority(None, conflict)
    found = list_live_for(session, organisation, person_id, day)
    usable = []
    for one in found:
        theirs = find_conflict(one.from_id, "approve", doers)
        if theirs is None:
            usable.append(one)
        elif under == "delegation" and conflict is None:
            conflict = replace(theirs, sentence=_STANDS_IN)
    if usable and conflict is not None and conflict.sentence == _STANDS_IN:
        conflict = None
    return Authority(_most(usable, rules, subject, day, None if under else own), conflict)


def _most(
    found: list[Delegation], rules: Rules, subject: Subject, day: date, own: int | None
) -> int:
    return max([own or 0, *(delegated_pence(one, rules, subject, day) for one in found)])
