"""Reads of journeys; ``lock_`` ones hold the row until the transaction ends."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import cast
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from gateway.journeys.definition.service import Service, load_service
from gateway.journeys.dossier import Dossier
from gateway.journeys.rules import PayoutState, State
from shared.clock import LONDON, london_date
from shared.crypto import Sealer
from shared.errors import NotFound


@dataclass(frozen=True)
class Instance:
    """One application, from its first page to its end."""

    id: UUID
    service_id: str
    version: str
    reference: str
    correlation_id: str
    state: State
    step: str
    attempt: int
    rev: int
    subject: str | None
    browser_hash: bytes | None
    language: str
    sealed: bytes
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None

    def open(self, sealer: Sealer) -> Dossier:
        """Return what the person told."""
        return Dossier.from_bytes(sealer.open(self.sealed, seal_name(self.id)))


@dataclass(frozen=True)
class Event:
    """One move of an instance."""

    rev: int
    move: str
    to_state: str
    step: str
    details: Mapping[str, object]
    at: datetime


@dataclass(frozen=True)
class Decision:
    """What was decided, with the rules' whole answer as plain JSON."""

    outcome: str
    amount_pence: int | None
    on_date: date
    result: Mapping[str, object]
    decided_at: datetime


@dataclass(frozen=True)
class Payout:
    """One attempt to pay."""

    step: str
    attempt: int
    amount_pence: int
    state: PayoutState
    payment_id: str | None
    reason: str
    requested_at: datetime
    changed_at: datetime


@dataclass(frozen=True)
class SentLetter:
    """A letter that the mailbox has taken."""

    step: str
    message_id: str
    sent_at: datetime
    opened_at: datetime | None


@dataclass(frozen=True)
class Notice:
    """News of a payment or a letter from another service."""

    type: str
    subject_id: str
    state: str
    reason: str
    occurred_at: datetime


_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_loaded: dict[tuple[str, str], Service] = {}


def seal_name(instance_id: UUID) -> bytes:
    """Return what binds a sealed dossier to its instance."""
    return b"instance" + instance_id.bytes


def decision_seal_name(instance_id: UUID) -> bytes:
    """Return what binds a sealed decision to its instance."""
    return b"decision" + instance_id.bytes


def get_current_service(session: Session, service_id: str) -> Service:
    """Return the published version that new applications follow; refuses an unknown service."""
    version = session.execute(
        text("SELECT current_version FROM journey WHERE service_id = :id"), {"id": service_id}
    ).scalar_one_or_none()
    if version is None:
        raise NotFound("service_unknown", "Page not found")
    return get_service(session, service_id, str(version))


def get_service(session: Session, service_id: str, version: str) -> Service:
    """Return one version of a service; versions never change, so a process reads each once."""
    kept = _loaded.get((service_id, version))
    if kept is not None:
        return kept
    body = session.execute(
        text("SELECT body FROM journey_version WHERE service_id = :id AND version = :version"),
        {"id": service_id, "version": version},
    ).scalar_one()
    _loaded[service_id, version] = load_service(body)
    return _loaded[service_id, version]


def list_services(session: Session) -> list[Service]:
    """Return every published service."""
    rows = session.execute(text("SELECT service_id, current_version FROM journey ORDER BY 1"))
    return [get_service(session, row.service_id, row.current_version) for row in rows.all()]


def find_draft_of_person(
    session: Session, service_id: str, subject: str, now: datetime
) -> Instance | None:
    """Return a person's unfinished application to a service."""
    return _find(
        session,
        "service_id = :service_id AND subject = :subject AND state = 'draft' AND expires_at > :now",
        {"service_id": service_id, "subject": subject, "now": now},
    )


def find_draft_of_browser(
    session: Session,
    service_id: str,
    browser_hash: bytes,
    now: datetime,
    *,
    even_expired: bool = False,
) -> Instance | None:
    """Return the unfinished application that was begun in a browser."""
    age = "" if even_expired else " AND expires_at > :now"
    return _find(
        session,
        f"service_id = :service_id AND browser_hash = :browser AND state = 'draft'{age}",
        {"service_id": service_id, "browser": browser_hash, "now": now},
    )


def lock_instance(session: Session, instance_id: UUID) -> Instance:
    """Return an instance and hold it; refuses an unknown one."""
    found = _find(session, "id = :id", {"id": instance_id}, lock=True)
    if found is None:
        raise NotFound("application_unknown", "Page not found")
    return found


def lock_case_by_reference(session: Session, reference: str) -> Instance:
    """Return a submitted application by its reference and hold it; refuses an unknown one."""
    found = _find(
        session,
        "reference = :reference AND submitted_at IS NOT NULL",
        {"reference": reference},
        lock=True,
    )
    if found is None:
        raise NotFound("case_unknown", "There is no such case")
    return found


def get_case(session: Session, reference: str, subject: str) -> Instance:
    """Return a person's own submitted application; to anybody else there is none."""
    found = find_case(session, reference, subject)
    if found is None:
        raise NotFound("case_unknown", "Page not found")
    return found


def find_case(session: Session, reference: str, subject: str) -> Instance | None:
    """Return a person's own submitted application, None where there is none."""
    return _find(
        session,
        "reference = :reference AND subject = :subject AND submitted_at IS NOT NULL",
        {"reference": reference, "subject": subject},
    )


def find_latest_case(session: Session, service_id: str, subject: str) -> Instance | None:
    """Return the application that a person sent last to a service."""
    return _find(
        session,
        "service_id = :service_id AND subject = :subject AND submitted_at IS NOT NULL"
        " ORDER BY submitted_at DESC LIMIT 1",
        {"service_id": service_id, "subject": subject},
    )


def find_counting_case(
    session: Session, service: Service, subject: str, now: datetime, *, besides: UUID | None = None
) -> Instance | None:
    """Return the sent application that stands against another one of the same person now.

    Where a service gives something once, that is one of the present period, measured by the day of
    sending, that was not refused: undecided ones count. None where nothing stands against it.
    """
    once = service.definition.once
    if once is None:
        return None
    period = once.period_of(london_date(now))
    return _find(
        session,
        "service_id = :service_id AND subject = :subject AND submitted_at >= :since"
        " AND id IS DISTINCT FROM cast(:besides AS uuid)"
        " AND NOT EXISTS (SELECT FROM instance_event AS refusal"
        " WHERE refusal.instance_id = instance.id AND refusal.move = 'refuse')"
        " ORDER BY submitted_at LIMIT 1",
        {
            "service_id": service.id,
            "subject": subject,
            "since": _EVER if period is None else datetime.combine(period[0], time(), LONDON),
            "besides": besides,
        },
    )


def lock_person(session: Session, service_id: str, subject: str) -> None:
    """Let nobody else send this person's applications to a service until the transaction ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 46))"),
        {"name": f"{service_id}/{subject}"},
    )


def list_instances(session: Session, subject: str, now: datetime) -> list[Instance]:
    """Return a person's unfinished and sent applications, the newest change first."""
    rows = session.execute(
        text(
            "SELECT * FROM instance WHERE subject = :subject AND state <> 'discarded'"
            " AND (state <> 'draft' OR expires_at > :now) ORDER BY updated_at DESC LIMIT 200"
        ),
        {"subject": subject, "now": now},
    ).mappings()
    return [_instance(row) for row in rows]


def list_events(session: Session, instance_id: UUID) -> list[Event]:
    """Return what happened to an instance, oldest first."""
    rows = session.execute(
        text(
            "SELECT rev, move, to_state, step, details, at FROM instance_event"
            " WHERE instance_id = :id ORDER BY rev"
        ),
        {"id": instance_id},
    ).mappings()
    return [Event(**row) for row in rows]


def find_decision(session: Session, sealer: Sealer, instance_id: UUID) -> Decision | None:
    """Return the decision on an application, None before there is one."""
    row = session.execute(
        text("SELECT * FROM decision WHERE instance_id = :id"), {"id": instance_id}
    ).one_or_none()
    if row is None:
        return None
    plain = sealer.open(bytes(row.sealed), decision_seal_name(instance_id))
    return Decision(row.outcome, row.amount_pence, row.on_date, json.loads(plain), row.decided_at)


def list_payouts(session: Session, instance_id: UUID) -> list[Payout]:
    """Return the attempts to pay, oldest first."""
    rows = session.execute(
        text(
            "SELECT step, attempt, amount_pence, state, payment_id, reason, requested_at,"
            " changed_at FROM payout WHERE instance_id = :id ORDER BY requested_at, attempt"
        ),
        {"id": instance_id},
    ).mappings()
    return [Payout(**row) for row in rows]


def list_letters(session: Session, instance_id: UUID) -> list[SentLetter]:
    """Return the letters that were sent, oldest first."""
    rows = session.execute(
        text(
            "SELECT step, message_id, sent_at, opened_at FROM letter"
            " WHERE instance_id = :id ORDER BY sent_at"
        ),
        {"id": instance_id},
    ).mappings()
    return [SentLetter(**row) for row in rows]


def list_notices(session: Session, instance_id: UUID) -> list[Notice]:
    """Return the news from other services in the order in which they happened."""
    rows = session.execute(
        text(
            "SELECT type, subject_id, state, reason, occurred_at FROM case_notice"
            " WHERE instance_id = :id ORDER BY occurred_at, id"
        ),
        {"id": instance_id},
    ).mappings()
    return [Notice(**row) for row in rows]


def _find(
    session: Session, condition: str, values: Mapping[str, object], *, lock: bool = False
) -> Instance | None:
    statement = f"SELECT * FROM instance WHERE {condition}" + (" FOR UPDATE" if lock else "")
    row = session.execute(text(statement), dict(values)).mappings().one_or_none()
    return None if row is None else _instance(row)


def _instance(row: RowMapping) -> Instance:
    browser = row["browser_hash"]
    return Instance(
        **{
            **row,
            "state": cast("State", row["state"]),
            "sealed": bytes(row["sealed"]),
            "browser_hash": None if browser is None else bytes(browser),
        }
    )
