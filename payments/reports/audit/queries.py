"""Reads for auditors: the log by date, who did which deeds, duties that met in one person, samples.

The log belongs to the service; a body's auditor sees what its own people did, and what anybody did
to its payments, runs, payees and settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

# Ids begin with the millisecond at which they were made, so that a range of time is a range of ids.
_OWN = """
  (a.actor_organisation = :body OR a.actor_organisation IS NULL AND (
     a.details ->> 'organisation' = :body
     OR a.object_type = 'payment' AND EXISTS (SELECT FROM payment p
          WHERE p.public_id = a.object_id AND p.organisation = :body)
     OR a.object_type = 'run' AND EXISTS (SELECT FROM run r
          WHERE r.id::text = a.object_id AND r.organisation = :body)))
"""
_LOG = f"""
    SELECT a.id, a.at, a.correlation_id, a.actor_kind, a.actor_id, a.actor_name, a.action,
           a.object_type, a.object_id, a.details
      FROM audit_event a
     WHERE a.id >= :first_id AND a.id < :before AND {_OWN}
"""
_NEWEST = text(
    _LOG
    + """
       AND (:action = '' OR a.action LIKE :action || '%')
       AND (:person = '' OR a.actor_id = :person OR a.actor_name ILIKE '%' || :person || '%')
       AND (:object = '' OR a.object_id = :object)
     ORDER BY a.id DESC LIMIT :limit
    """
)
_OLDEST = text(
    f"""
    SELECT a.id, a.at, a.correlation_id, a.actor_kind, a.actor_id, a.actor_name, a.action,
           a.object_type, a.object_id, a.details
      FROM audit_event a
     WHERE a.id > :after AND a.id < :before AND {_OWN}
     ORDER BY a.id LIMIT :limit
    """
)
_PEOPLE = text(
    f"""
    SELECT a.actor_id, max(a.actor_name) AS actor_name, a.action, count(*) AS times,
           min(a.at) AS first_at, max(a.at) AS last_at
      FROM audit_event a
     WHERE a.id >= :first_id AND a.id < :before AND a.actor_kind = 'staff' AND {_OWN}
     GROUP BY a.actor_id, a.action ORDER BY max(a.actor_name), a.actor_id, a.action
     LIMIT 5000
    """
)
_SEEN = text(
    "SELECT name, roles, seen_at FROM staff_seen WHERE organisation = :body"
    " ORDER BY name, person_id LIMIT 2000"
)
_CONFLICTS = text(
    """
    SELECT 'shaped_and_approved' AS rule, r.id AS run_id, r.reference, a.person_name AS person,
           a.approved_at AS at
      FROM run r
      JOIN run_approval a ON a.run_id = r.id AND a.round = r.round
     WHERE r.organisation = :body AND r.run_date BETWEEN :first AND :last
       AND EXISTS (SELECT FROM run_event e WHERE e.run_id = r.id AND e.actor_id = a.person_id
                      AND e.kind = ANY (:shaping))
    UNION ALL
    SELECT 'released_own_approval', r.id, r.reference, e.actor_name, e.at
      FROM run r
      JOIN programme g ON g.id = r.programme_id AND g.release = 'by_hand'
      JOIN run_event e ON e.run_id = r.id AND e.kind = 'released' AND e.actor_kind = 'staff'
     WHERE r.organisation = :body AND r.run_date BETWEEN :first AND :last
       AND NOT EXISTS (SELECT FROM run_approval a WHERE a.run_id = r.id AND a.round = r.round
                          AND a.person_id <> e.actor_id)
    UNION ALL
    SELECT 'changed_payee_and_approved', r.id, r.reference, a.person_name, a.approved_at
      FROM run r
      JOIN run_approval a ON a.run_id = r.id AND a.round = r.round
     WHERE r.organisation = :body AND r.run_date BETWEEN :first AND :last
       AND EXISTS (SELECT FROM payment p JOIN payee_change c ON c.payee_id = p.payee_id
                    WHERE p.run_id = r.id AND p.payee_id IS NOT NULL AND c.is_sensitive
                      AND c.state = 'confirmed'
                      AND c.decided_at > a.approved_at - interval '30 days'
                      AND a.person_id IN (c.proposed_by_id, c.decided_by_id))
    ORDER BY at, reference LIMIT 1000
    """
)
_RUNS = text(
    "SELECT count(*) FROM run WHERE organisation = :body AND run_date BETWEEN :first AND :last"
    " AND EXISTS (SELECT FROM run_approval a WHERE a.run_id = run.id)"
)
_POPULATION = """
    FROM run r JOIN payment p ON p.run_id = r.id
   WHERE r.organisation = :body AND r.run_date BETWEEN :first AND :last
     AND p.state IN ('submitted', 'accepted', 'paid', 'returned')
"""
_SAMPLED = "p.public_id, p.reference, p.payee_name, p.amount_pence, p.state, r.reference AS run"
_TOTAL = text(f"SELECT count(*), coalesce(sum(p.amount_pence), 0)::bigint {_POPULATION}")
_RANDOM = text(
    f"SELECT {_SAMPLED} {_POPULATION}"
    " ORDER BY sha256(convert_to(:seed || '/' || p.public_id, 'UTF8')) LIMIT :size"
)
# Every pound has the same chance: the payments that hold every so many-th penny, from a seeded one.
_MONETARY = text(
    f"""
    SELECT public_id, reference, payee_name, amount_pence, state, run FROM (
      SELECT {_SAMPLED}, sum(p.amount_pence) OVER (ORDER BY p.id) AS upto {_POPULATION}) one
     WHERE floor((upto - 1 - :start) / :step) > floor((upto - amount_pence - 1 - :start) / :step)
     ORDER BY upto LIMIT :most
    """
)


# Deeds on a run that keep whoever did them from approving it.
SHAPING = ("put_forward", "edited", "removed", "hold_released")


@dataclass(frozen=True)
class LogLine:
    """One line of the audit log."""

    id: UUID
    at: datetime
    correlation_id: str
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    object_type: str
    object_id: str
    details: dict[str, object]


@dataclass(frozen=True)
class Deed:
    """How often and when a person did one kind of thing."""

    actor_id: str
    actor_name: str
    action: str
    times: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Seen:
    """The roles of a person as they last signed in."""

    name: str
    roles: Sequence[str]
    seen_at: datetime


@dataclass(frozen=True)
class Meeting:
    """Two duties that met in one person, which the rules ought to have refused."""

    rule: str
    run_id: UUID
    reference: str
    person: str
    at: datetime


@dataclass(frozen=True)
class Sampled:
    """A payment in a sample."""

    public_id: str
    reference: str
    payee_name: str
    amount_pence: int
    state: str
    run: str


def id_at(moment: datetime) -> UUID:
    """Return the lowest id that can be made at an instant."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def list_log(
    session: Session,
    body: str,
    since: datetime,
    before: UUID,
    *,
    action: str = "",
    person: str = "",
    object_id: str = "",
    limit: int = 50,
) -> list[LogLine]:
    """Return lines of the log, newest first, since an instant and with ids lower than one."""
    rows = session.execute(
        _NEWEST,
        {
            "body": body,
            "first_id": id_at(since),
            "before": before,
            "action": action,
            "person": person,
            "object": object_id,
            "limit": limit,
        },
    )
    return [LogLine(*row) for row in rows]


def list_log_after(
    session: Session, body: str, after: UUID, before: UUID, limit: int
) -> list[LogLine]:
    """Return lines of the log, oldest first, between two ids, for an export batch by batch."""
    values = {"body": body, "after": after, "before": before, "limit": limit}
    return [LogLine(*row) for row in session.execute(_OLDEST, values)]


def log_values(line: LogLine) -> dict[str, object]:
    """Return a line of the log as exports carry it: its time in UTC with a Z."""
    moment = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**line.__dict__, "id": str(line.id), "at": moment}


def list_deeds(session: Session, body: str, since: datetime, until: datetime) -> list[Deed]:
    """Return who of the staff did which kind of thing in a time, and when first and last."""
    values = {"body": body, "first_id": id_at(since), "before": id_at(until)}
    return [Deed(*row) for row in session.execute(_PEOPLE, values)]


def list_seen(session: Session, body: str) -> list[Seen]:
    """Return who of the staff has signed in for a body, and with which roles the last time."""
    return [Seen(*row) for row in session.execute(_SEEN, {"body": body})]


def list_meetings(session: Session, body: str, first: date, last: date) -> list[Meeting]:
    """Return where duties met in one person, in the runs of some days; none is expected."""
    values = {"body": body, "first": first, "last": last, "shaping": list(SHAPING)}
    return [Meeting(*row) for row in session.execute(_CONFLICTS, values)]


def count_approved_runs(session: Session, body: str, first: date, last: date) -> int:
    """Return how many runs of some days somebody approved: what the list was looked for in."""
    values = {"body": body, "first": first, "last": last}
    return int(session.execute(_RUNS, values).scalar_one())


def get_population(session: Session, body: str, first: date, last: date) -> tuple[int, int]:
    """Return count and pence of the payments that went out in the runs of some days."""
    row = session.execute(_TOTAL, {"body": body, "first": first, "last": last}).one()
    return int(row[0]), int(row[1])


def draw_random(
    session: Session, body: str, first: date, last: date, seed: str, size: int
) -> list[Sampled]:
    """Return a sample in which each payment has the same chance; the same seed, the same sample."""
    values = {"body": body, "first": first, "last": last, "seed": seed, "size": size}
    return [Sampled(*row) for row in session.execute(_RANDOM, values)]


def draw_monetary(
    session: Session, body: str, first: date, last: date, start: int, step: int, most: int
) -> Sequence[Sampled]:
    """Return the payments that hold penny ``start`` and every ``step``-th penny after it."""
    values = {"body": body, "first": first, "last": last}
    rows = session.execute(_MONETARY, {**values, "start": start, "step": step, "most": most})
    return [Sampled(*row) for row in rows]
