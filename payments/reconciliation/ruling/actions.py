"""New versions of an account's rules: proposed with their trial, decided by another person."""

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reconciliation.matching import open_work, rematch_account
from payments.reconciliation.passes import DEFAULTS, Settings
from payments.reconciliation.ruling.rules import check_settings
from payments.reconciliation.ruling.trials import Difference, try_rules
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, Forbidden, NotFound
from shared.ids import new_id

_DROP_DRAFT = text(
    "UPDATE matching_rules SET state = 'refused', decided_by = 'replaced', decided_at = :now"
    " WHERE bank_account_id = :account AND state = 'draft'"
)
_PROPOSE = text(
    """
    INSERT INTO matching_rules (id, body, bank_account_id, version, pattern, window_days,
      return_days, commit_by_amount, trial, proposed_by, proposed_name, proposed_at)
    SELECT :id, :body, :account, 1 + coalesce(max(version), 0), :pattern, :window, :returns,
           :by_amount, cast(:trial AS jsonb), :by, :name, :now
      FROM matching_rules WHERE bank_account_id = :account
    """
)
_LOCK = text(
    "SELECT state, proposed_by, version FROM matching_rules"
    " WHERE id = :id AND bank_account_id = :account FOR UPDATE"
)
_RETIRE = text(
    "UPDATE matching_rules SET state = 'retired'"
    " WHERE bank_account_id = :account AND state = 'active'"
)
_DECIDE = text(
    "UPDATE matching_rules SET state = :state, decided_by = :by, decided_name = :name,"
    " decided_at = :now WHERE id = :id"
)
_IN_FORCE = text(
    "SELECT version, pattern, window_days, return_days, commit_by_amount FROM matching_rules"
    " WHERE bank_account_id = :account AND state = 'active'"
)
_LIST = text(
    """
    SELECT id, version, pattern, window_days, return_days, commit_by_amount, state, trial,
           proposed_by, proposed_name, proposed_at, decided_name, decided_at
      FROM matching_rules WHERE bank_account_id = :account ORDER BY version DESC LIMIT 50
    """
)


@dataclass(frozen=True)
class RuleVersion:
    """A version of an account's rules with its trial and who proposed and decided it."""

    id: UUID
    version: int
    pattern: str
    window_days: int
    return_days: int
    commit_by_amount: bool
    state: str
    trial: dict[str, object] | None
    proposed_by: str
    proposed_name: str
    proposed_at: datetime
    decided_name: str | None
    decided_at: datetime | None


def list_versions(session: Session, account_id: UUID) -> list[RuleVersion]:
    """Return the versions of an account's rules, newest first."""
    rows = session.execute(_LIST, {"account": account_id}).mappings()
    return [RuleVersion(**row) for row in rows]


def get_rules_in_force(session: Session, account_id: UUID) -> Settings:
    """Return the rules that an account is matched by now; the product's own where it has none."""
    row = session.execute(_IN_FORCE, {"account": account_id}).one_or_none()
    return DEFAULTS if row is None else Settings(*row)


def propose_rules(
    session: Session,
    account_id: UUID,
    settings: Settings,
    first: date,
    last: date,
    actor: Actor,
    now: datetime,
) -> Difference:
    """Try rules on the lines of some days and keep both as a draft; a draft before is replaced.

    Raises:
        Invalid: unsafe or out of bounds, as ``check_settings`` and ``try_rules``.
    """
    checked = check_settings(settings)
    work = open_work(session, account_id, now)
    difference = try_rules(work, checked, first, last)
    session.execute(_DROP_DRAFT, {"account": account_id, "now": now})
    identification = new_id()
    trial = asdict(difference) | {"first": first.isoformat(), "last": last.isoformat()}
    session.execute(
        _PROPOSE,
        {
            "id": identification,
            "body": work.body,
            "account": account_id,
            "pattern": checked.pattern,
            "window": checked.window_days,
            "returns": checked.return_days,
            "by_amount": checked.commit_by_amount,
            "trial": json.dumps(trial),
            "by": actor.id,
            "name": actor.name,
            "now": now,
        },
    )
    action = "reconciliation.rules_proposed"
    audit.record(session, actor, action, "matching_rules", identification, asdict(checked))
    return difference


def decide_rules(
    session: Session,
    account_id: UUID,
    rules_id: UUID,
    actor: Actor,
    now: datetime,
    *,
    approve: bool,
) -> int:
    """Put a draft into force, or refuse it; returns how many open lines then match.

    Raises:
        NotFound: no such rules of this account.
        Forbidden: ``same_person`` who proposed them.
        Conflict: decided already.
    """
    work = open_work(session, account_id, now)
    row = session.execute(_LOCK, {"id": rules_id, "account": account_id}).one_or_none()
    if row is None:
        raise NotFound("no_such_rules", "There are no such rules")
    if row.state != "draft":
        raise Conflict("rules_decided", "These rules were decided already")
    if row.proposed_by == actor.id:
        raise Forbidden("same_person", "Another person has to decide about these rules")
    if approve:
        session.execute(_RETIRE, {"account": account_id})
    state = "active" if approve else "refused"
    values = {"id": rules_id, "state": state, "by": actor.id, "name": actor.name, "now": now}
    session.execute(_DECIDE, values)
    facts = {"version": row.version, "state": state}
    action = "reconciliation.rules_decided"
    audit.record(session, actor, action, "matching_rules", rules_id, facts)
    return rematch_account(session, work.account_id, now) if approve else 0
