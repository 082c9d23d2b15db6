"""Beginning, answering, claiming and dropping an application that is not sent yet."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from gateway.journeys import queries, route
from gateway.journeys.actions.moves import (
    draft_expiry,
    enqueue_forgetting,
    make_move,
    with_dossier,
    write_beginning,
)
from gateway.journeys.definition.service import Service
from gateway.journeys.dossier import Answer, Dossier
from gateway.journeys.models import instance as instance_table
from gateway.journeys.queries import Instance
from gateway.journeys.rules import Move
from shared.actors import SYSTEM, Actor
from shared.clock import london_date
from shared.crypto import Sealer
from shared.errors import Conflict
from shared.ids import new_id, reference


def begin(
    session: Session,
    sealer: Sealer,
    service: Service,
    *,
    subject: str | None,
    browser_hash: bytes,
    correlation_id: str,
    language: str,
    now: datetime,
) -> Instance:
    """Begin an application in a browser, for a person where one is signed in."""
    days = service.definition.retention.abandoned_days
    empty = Instance(
        id=new_id(),
        service_id=service.id,
        version=service.version,
        reference=reference(service.definition.reference_prefix),
        correlation_id=correlation_id,
        state="draft",
        step=service.definition.steps[0].id,
        attempt=1,
        rev=1,
        subject=subject,
        browser_hash=browser_hash,
        language=language,
        sealed=b"",
        created_at=now,
        updated_at=now,
        expires_at=draft_expiry(now, days),
        submitted_at=None,
        finished_at=None,
    )
    begun = with_dossier(empty, sealer, Dossier())
    session.execute(insert(instance_table).values(**vars(begun)))
    write_beginning(session, begun, Actor("citizen", subject or "anonymous"), now)
    enqueue_forgetting(session, begun)
    return begun


def change(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    move: Move,
    step: str,
    edit: Callable[[Dossier], Dossier],
    now: datetime,
) -> Instance:
    """Change what a draft holds; the same change twice is one, and writes nothing the second time.

    Refuses an application that is not a draft any more.
    """
    held = queries.lock_instance(session, instance_id)
    if held.state != "draft":
        raise Conflict(
            "application_sent",
            "You have sent this application already",
            detail="You can see it among your applications.",
        )
    before = held.open(sealer)
    after = edit(before)
    if after == before:
        return held
    service = queries.get_service(session, held.service_id, held.version)
    days = service.definition.retention.abandoned_days
    changed = replace(
        with_dossier(held, sealer, after), step=step, expires_at=draft_expiry(now, days)
    )
    return make_move(
        session, held, move, actor=_person(held), now=now, after=changed, details={"page": step}
    )


def answer(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    attribute: str,
    value: object,
    now: datetime,
) -> Instance:
    """Keep an answer under its attribute; later answers stay and the way is worked out anew."""

    def edit(dossier: Dossier) -> Dossier:
        kept = dossier.answers.get(attribute)
        if kept is not None and kept.value == value:
            return dossier
        return dossier.answered(attribute, value, now)

    return change(session, sealer, instance_id, "answer", attribute, edit, now)


def acknowledge_result(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    step: str,
    now: datetime,
    *,
    apply_anyway: bool,
) -> Instance:
    """Note that the person has seen whether they are eligible, and goes on."""
    held = queries.lock_instance(session, instance_id)
    service = queries.get_service(session, held.service_id, held.version)

    def edit(dossier: Dossier) -> Dossier:
        result = route.result_of(service, dossier, london_date(now))
        return replace(dossier, result_seen=route.result_mark(result), apply_anyway=apply_anyway)

    return change(session, sealer, instance_id, "acknowledge", step, edit, now)


def claim(
    session: Session, sealer: Sealer, instance_id: UUID, subject: str, now: datetime
) -> Instance:
    """Make an anonymous draft a signed-in person's own.

    An older draft of theirs for the same service ends; what only it knew is taken over. Refuses a
    draft that belongs to somebody else.
    """
    held = queries.lock_instance(session, instance_id)
    if held.subject == subject:
        return held
    if held.subject is not None or held.state != "draft":
        raise Conflict("application_taken", "This application belongs to somebody else")
    dossier = held.open(sealer)
    older = queries.find_draft_of_person(session, held.service_id, subject, now)
    if older is not None:
        older = queries.lock_instance(session, older.id)
        kept = older.open(sealer).answers
        dossier = replace(dossier, answers={**kept, **dossier.answers})
        _drop(session, sealer, older, Actor("citizen", subject), now)
    claimed = replace(with_dossier(held, sealer, dossier), subject=subject)
    return make_move(
        session, held, "sign_in", actor=Actor("citizen", subject), now=now, after=claimed
    )


def discard(session: Session, sealer: Sealer, instance_id: UUID, now: datetime) -> None:
    """Drop a draft and everything that was told in it; a second time changes nothing."""
    held = queries.lock_instance(session, instance_id)
    if held.state != "discarded":
        _drop(session, sealer, held, _person(held), now)


def forget(session: Session, sealer: Sealer, instance_id: UUID, now: datetime) -> None:
    """Drop a draft that has ended; one that was used meanwhile is kept until its new end."""
    held = queries.lock_instance(session, instance_id)
    if held.state != "draft":
        return
    if held.expires_at > now:
        enqueue_forgetting(session, held)
    else:
        _drop(session, sealer, held, SYSTEM, now)


def _drop(session: Session, sealer: Sealer, held: Instance, actor: Actor, now: datetime) -> None:
    emptied = with_dossier(held, sealer, Dossier())
    make_move(session, held, "discard", actor=actor, now=now, after=emptied)


def keep_verified(
    session: Session,
    sealer: Sealer,
    instance_id: UUID,
    step: str,
    verified: dict[str, Answer],
    outcome: str,
    now: datetime,
) -> Instance:
    """Keep verified facts in place of what was typed, and how the verification ended."""

    def edit(dossier: Dossier) -> Dossier:
        answers = {**dossier.answers, **verified}
        return replace(dossier, answers=answers, verification=outcome, declared=False)

    return change(session, sealer, instance_id, "verify", step, edit, now)


def _person(instance: Instance) -> Actor:
    return Actor("citizen", instance.subject or "anonymous")
