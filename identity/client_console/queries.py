"""Reads of what the console keeps beside registrations."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.client_console.keys import thumbprint
from identity.client_console.rules import answers_of
from identity.relying_parties.queries import get_client
from identity.relying_parties.rules import RelyingParty

_CLIENTS = text(
    """
    SELECT r.client_id, r.name, r.profile, c.environment, r.updated_at,
           coalesce(r.options->>'disabled_by', '') AS disabled_by,
           (SELECT count(*) FROM client_refusal f
             WHERE f.client_id = r.client_id AND f.at > :since) AS refusals
      FROM console_client c JOIN relying_party r USING (client_id)
     WHERE c.service_id = :service_id
       AND (:words = '' OR position(lower(:words) IN lower(r.name || ' ' || r.client_id)) > 0)
     ORDER BY c.environment DESC, r.name, r.client_id LIMIT 1000
    """
)
_COUNT = text("SELECT count(*) FROM console_client WHERE service_id = :service_id")
_ONE = text(
    """
    SELECT c.service_id, c.environment, c.purposes, c.created_at, r.jwks, r.updated_at
      FROM console_client c JOIN relying_party r USING (client_id)
     WHERE c.client_id = :client_id AND r.organisation = :slug
    """
)
_SANDBOX_KEYS = text(
    """
    SELECT r.jwks FROM console_client c JOIN relying_party r USING (client_id)
     WHERE c.service_id = :service_id AND c.environment = 'sandbox'
    """
)
_DRAFT = text(
    """
    SELECT d.id, d.service_id, d.environment, d.client_id, d.answers FROM client_draft d
      JOIN body_service s ON s.id = d.service_id
     WHERE d.id = :id AND s.organisation = :slug AND d.consumed_at IS NULL AND d.expires_at > :now
    """
)
_HISTORY = text(
    """
    SELECT at, actor_name, action, details FROM audit_event
     WHERE object_type = 'relying_party' AND object_id = :client_id
     ORDER BY id DESC LIMIT 50
    """
)
_TRIAL = text(
    """
    SELECT t.id, t.client_id, t.companion_id, t.secrets_sealed, t.result_sealed, t.consumed_at
      FROM client_trial t
     WHERE t.id = :id AND t.client_id = :client_id AND t.account_id = :account_id
       AND t.expires_at > :now
    """
)


@dataclass(frozen=True)
class ClientLine:
    """A client in a list; ``refusals`` are those of the last day."""

    client_id: str
    name: str
    profile: str
    environment: str
    updated_at: datetime
    disabled_by: str
    refusals: int


@dataclass(frozen=True)
class ClientView:
    """A client of a body with everything its page shows."""

    party: RelyingParty
    service_id: UUID
    environment: str
    purposes: dict[str, str]
    jwks: list[dict[str, object]]
    created_at: datetime
    updated_at: datetime

    @property
    def answers(self) -> dict[str, object]:
        """The registration as answers to the questions."""
        return answers_of(self.party, self.jwks, self.purposes)


@dataclass(frozen=True)
class Draft:
    """A registration or a change that is not done yet."""

    id: UUID
    service_id: UUID
    environment: str
    client_id: str | None
    answers: dict[str, object]


@dataclass(frozen=True)
class Deed:
    """One line of a client's history."""

    at: datetime
    who: str
    action: str
    questions: list[str]


@dataclass(frozen=True)
class TrialView:
    """A test sign-in."""

    id: UUID
    client_id: str
    companion_id: str
    secrets_sealed: bytes
    result_sealed: bytes | None
    is_done: bool


def list_clients(
    session: Session, service_id: UUID, since: datetime, words: str = ""
) -> list[ClientLine]:
    """Return the clients of a service, those of the sandbox first, with words in name or id."""
    values = {"service_id": service_id, "since": since, "words": words}
    return [ClientLine(**row._asdict()) for row in session.execute(_CLIENTS, values)]


def count_clients(session: Session, service_id: UUID) -> int:
    """Return how many clients a service has."""
    return int(session.execute(_COUNT, {"service_id": service_id}).scalar_one())


def get_client_view(session: Session, slug: str, client_id: str) -> ClientView | None:
    """Return a client that the console registered for a body, None where there is none."""
    row = session.execute(_ONE, {"client_id": client_id, "slug": slug}).one_or_none()
    party = get_client(session, client_id) if row is not None else None
    if row is None or party is None:
        return None
    return ClientView(
        party=party,
        service_id=row.service_id,
        environment=row.environment,
        purposes=dict(row.purposes),
        jwks=list(row.jwks),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def list_sandbox_keys(session: Session, service_id: UUID) -> frozenset[str]:
    """Return the thumbprints of every key that a service uses in the sandbox."""
    rows = session.execute(_SANDBOX_KEYS, {"service_id": service_id}).scalars()
    return frozenset(thumbprint(jwk) for jwks in rows for jwk in jwks)


def get_draft(session: Session, slug: str, draft_id: UUID, now: datetime) -> Draft | None:
    """Return a body's draft, None when it is done, forgotten or another's."""
    row = session.execute(_DRAFT, {"id": draft_id, "slug": slug, "now": now}).one_or_none()
    return None if row is None else Draft(**row._asdict())


def list_history(session: Session, client_id: str) -> list[Deed]:
    """Return what was done to a client, the newest first."""
    return [
        Deed(row.at, row.actor_name, row.action, list(row.details.get("questions", [])))
        for row in session.execute(_HISTORY, {"client_id": client_id})
        if not row.action.startswith("identity.relying_party.")
    ]


def get_trial(
    session: Session, client_id: str, trial_id: UUID, account_id: UUID, now: datetime
) -> TrialView | None:
    """Return a person's own test sign-in, None when it is forgotten or another's."""
    row = session.execute(
        _TRIAL, {"id": trial_id, "client_id": client_id, "account_id": account_id, "now": now}
    ).one_or_none()
    if row is None:
        return None
    return TrialView(
        row.id,
        row.client_id,
        row.companion_id,
        bytes(row.secrets_sealed),
        None if row.result_sealed is None else bytes(row.result_sealed),
        row.consumed_at is not None,
    )
