"""Registering and changing clients of a body through the console."""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.client_console.keys import Jwk
from identity.client_console.queries import ClientView, Draft, list_sandbox_keys
from identity.client_console.rules import (
    Answers,
    changed_questions,
    check_party,
    jwks_of,
    party_of,
    purposes_of,
)
from identity.organisations.queries import Service
from identity.relying_parties.actions import register_relying_party
from identity.relying_parties.rules import RelyingParty
from shared import audit
from shared.actors import Actor
from shared.crypto import hash_token, random_token
from shared.errors import Conflict, FieldError, Invalid
from shared.ids import new_id

DRAFT_LIFE = timedelta(days=7)
_MOST_CLIENTS = 100
_ID_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH = 13
_INSERT_DRAFT = text(
    """
    INSERT INTO client_draft
      (id, service_id, environment, client_id, answers, created_at, expires_at)
    VALUES (:id, :service_id, :environment, :client_id, cast(:answers AS jsonb), :now, :expires_at)
    """
)
_KEEP_ANSWERS = text(
    """
    UPDATE client_draft SET answers = cast(:answers AS jsonb), expires_at = :expires_at
     WHERE id = :id AND consumed_at IS NULL
    """
)
# One statement decides that a draft is done, so a form sent twice registers one client.
_CONSUME = text(
    "UPDATE client_draft SET consumed_at = :now WHERE id = :id AND consumed_at IS NULL"
    " AND expires_at > :now RETURNING id"
)
_INSERT_CLIENT = text(
    """
    INSERT INTO console_client (client_id, service_id, environment, purposes, created_at)
    VALUES (:client_id, :service_id, :environment, cast(:purposes AS jsonb), :now)
    ON CONFLICT (client_id) DO UPDATE SET purposes = excluded.purposes
    """
)


@dataclass(frozen=True)
class Registered:
    """What came of a registration; the secret is shown now and never again."""

    client_id: str
    secret: str | None
    is_new: bool


def start_draft(
    session: Session,
    service: Service,
    environment: str,
    now: datetime,
    *,
    view: ClientView | None = None,
    answers: Answers | None = None,
) -> UUID:
    """Begin to register a client, or to change one, and return the draft's id.

    Raises:
        Conflict: the service may not go live yet, or has very many clients.
    """
    if environment == "live" and service.live_state != "approved":
        raise Conflict(
            "live_not_approved",
            "This service is not approved to go live",
            detail="Ask for it on the page of the service.",
        )
    draft_id = new_id()
    started = dict(answers or (view.answers if view else {}))
    session.execute(
        _INSERT_DRAFT,
        {
            "id": draft_id,
            "service_id": service.id,
            "environment": environment,
            "client_id": view.party.client_id if view else None,
            "answers": json.dumps(started),
            "now": now,
            "expires_at": now + DRAFT_LIFE,
        },
    )
    return draft_id


def keep_answers(session: Session, draft_id: UUID, answers: Answers, now: datetime) -> None:
    """Keep what was answered so far."""
    session.execute(
        _KEEP_ANSWERS,
        {"id": draft_id, "answers": json.dumps(dict(answers)), "expires_at": now + DRAFT_LIFE},
    )


def finish_draft(
    session: Session,
    actor: Actor,
    draft: Draft,
    service: Service,
    view: ClientView | None,
    now: datetime,
) -> Registered:
    """Register the client that a draft describes, or change it; a draft counts once.

    Raises:
        Conflict: the draft was used, or the service may not go live.
        Invalid: the profile or the environment does not allow it.
    """
    if session.execute(_CONSUME, {"id": draft.id, "now": now}).one_or_none() is None:
        raise Conflict("draft_done", "This was registered already")
    if draft.environment == "live" and service.live_state != "approved":
        raise Conflict("live_not_approved", "This service is not approved to go live")
    before = view.party if view else None
    keeps_secret = before is not None and before.secret_hash is not None
    secret = None
    if draft.answers.get("credential") == "secret" and not keeps_secret:
        secret = random_token()
    party = party_of(
        draft.answers,
        client_id=before.client_id if before else _new_client_id(session, service.id),
        organisation=service.organisation,
        service_id=str(service.id),
        environment=draft.environment,
        secret_hash=hash_token(secret) if secret else (before.secret_hash if before else None),
        before=before,
    )
    check_party(party, list_sandbox_keys(session, service.id), draft.environment)
    register_relying_party(session, party, [*jwks_of(draft.answers)], actor, now)
    session.execute(
        _INSERT_CLIENT,
        {
            "client_id": party.client_id,
            "service_id": service.id,
            "environment": draft.environment,
            "purposes": json.dumps(purposes_of(draft.answers)),
            "now": now,
        },
    )
    questions = changed_questions(view.answers, draft.answers) if view else []
    _note(session, actor, party.client_id, "changed" if view else "registered", questions)
    return Registered(party.client_id, secret, view is None)


def _new_client_id(session: Session, service_id: UUID) -> str:
    count = session.execute(
        text("SELECT count(*) FROM console_client WHERE service_id = :id"), {"id": service_id}
    ).scalar_one()
    if count >= _MOST_CLIENTS:
        raise Conflict("too_many_clients", "This service has as many clients as it may have")
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


def add_keys(
    session: Session, actor: Actor, view: ClientView, keys: list[Jwk], now: datetime
) -> None:
    """Add keys beside those that work already, so that the service can change over in its time."""
    known = {str(jwk.get("kid")) for jwk in view.jwks}
    fresh = [jwk for jwk in keys if str(jwk["kid"]) not in known]
    if not fresh:
        raise Invalid(FieldError("keys", "These keys are registered already"))
    _save_keys(session, actor, view, [*fresh, *view.jwks], "key_added", now)


def remove_key(session: Session, actor: Actor, view: ClientView, kid: str, now: datetime) -> None:
    """Take a key away; the last one stays."""
    left = [jwk for jwk in view.jwks if str(jwk.get("kid")) != kid]
    if len(left) == len(view.jwks):
        raise Conflict("key_gone", "This key was removed already")
    if not left:
        raise Conflict("last_key", "This is the only key. Add the new one first")
    _save_keys(session, actor, view, left, "key_removed", now)


def _save_keys(
    session: Session, actor: Actor, view: ClientView, jwks: list[Jwk], deed: str, now: datetime
) -> None:
    answers = {**view.answers, "jwks": jwks}
    party = party_of(
        answers,
        client_id=view.party.client_id,
        organisation=view.party.organisation,
        service_id=str(view.service_id),
        environment=view.environment,
        secret_hash=view.party.secret_hash,
        before=view.party,
    )
    check_party(party, list_sandbox_keys(session, view.service_id), view.environment)
    register_relying_party(session, party, [*jwks], actor, now)
    _note(session, actor, party.client_id, deed, ["keys"])


def change_secret(session: Session, actor: Actor, view: ClientView, now: datetime) -> str:
    """Give a client another secret and return it; the one before stops working."""
    if view.party.secret_hash is None:
        raise Conflict("no_secret", "This client proves who it is by keys")
    secret = random_token()
    party = replace(view.party, secret_hash=hash_token(secret))
    register_relying_party(session, party, [*view.jwks], actor, now)
    _note(session, actor, party.client_id, "secret_changed", ["keys"])
    return secret


def switch(
    session: Session, actor: Actor, view: ClientView, *, on: bool, now: datetime
) -> RelyingParty:
    """Switch a client on or off; one that an operator switched off stays off."""
    options = view.party.options
    if options.disabled_by == "operator":
        raise Conflict("disabled_by_operator", "An operator of the platform switched this off")
    party = replace(view.party, options=replace(options, disabled_by="" if on else "staff"))
    register_relying_party(session, party, [*view.jwks], actor, now)
    _note(session, actor, party.client_id, "enabled" if on else "disabled", [])
    return party


def _note(session: Session, actor: Actor, client_id: str, deed: str, questions: list[str]) -> None:
    details = {"questions": questions}
    audit.record(session, actor, f"client.{deed}", "relying_party", client_id, details)
