"""Balances: by day from what is folded, and what came since; at a day as known at an instant.

``balance_day`` holds what moved on each accounting day, folded from sealed blocks, so a back-dated
entry touches one row only. A reader adds what is newer in one statement, hence in one state of the
database: a balance is right at every moment, folded or not (ledger contract 1.7).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class AccountBalance:
    """One line of the trial balance; pence, debit and credit sides apart."""

    id: UUID
    code: str
    type: str
    normal_side: str
    currency: str
    posted_debit: int
    posted_credit: int
    pending_debit: int
    pending_credit: int

    @property
    def posted_pence(self) -> int:
        """Posted balance, debit positive."""
        return self.posted_debit - self.posted_credit

    @property
    def available_pence(self) -> int:
        """Posted balance with everything reserved on the paying side taken off."""
        if self.normal_side == "debit":
            return self.posted_pence - self.pending_credit
        return -self.posted_pence - self.pending_debit


# What a posting p of an entry e adds to each of the four columns. Pending lines of an entry that
# resolves a reservation take off what the reservation added.
_MOVES = """
    coalesce(sum(p.amount) FILTER (WHERE NOT p.pending AND p.amount > 0), 0)::bigint
      AS posted_debit,
    coalesce(-sum(p.amount) FILTER (WHERE NOT p.pending AND p.amount < 0), 0)::bigint
      AS posted_credit,
    coalesce(sum(p.amount) FILTER (WHERE p.pending AND (p.amount > 0) = (e.kind = 'pending')),
             0)::bigint AS pending_debit,
    coalesce(-sum(p.amount) FILTER (WHERE p.pending AND (p.amount < 0) = (e.kind = 'pending')),
             0)::bigint AS pending_credit
"""
_COLUMNS = "a.id, a.code, a.type, a.normal_side, a.currency"
_FULL = f"""
    SELECT {_COLUMNS}, {_MOVES} FROM account a
      LEFT JOIN (posting p JOIN entry e ON e.id = p.entry_id
                 AND e.effective_on <= :as_of AND e.recorded_at <= :known_at)
        ON p.account_id = a.id
     WHERE a.body = :body GROUP BY a.id ORDER BY a.code
"""
_FOLDED = f"""
    SELECT {_COLUMNS}, b.posted_debit, b.posted_credit, b.pending_debit, b.pending_credit
      FROM ledger_balances(:body, :as_of) b JOIN account a ON a.id = b.account_id ORDER BY a.code
"""
_TRIAL_BALANCE, _TRIAL_BALANCE_KNOWN = text(_FOLDED), text(_FULL)
# A plan made while a table was small would scan it later: allow index probes only.
_PROBES = tuple(
    text(f"SET LOCAL enable_{kind} = off") for kind in ("seqscan", "hashjoin", "mergejoin")
)
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('payments.ledger.fold', 0))")
_NEXT = text(
    """
    SELECT max(id) FROM (
      SELECT b.id FROM seal_block b WHERE b.kind = 'entries'
         AND b.id > coalesce((SELECT folded_block FROM balance_fold WHERE name = 'day'), 0)
       ORDER BY b.id LIMIT :blocks) n
    """
)
# LIMIT 1 keeps the planner at an index probe for each entry.
_FOLD = text(
    f"""
    INSERT INTO balance_day AS d (account_id, day, posted_debit, posted_credit, pending_debit,
                                  pending_credit)
    SELECT p.account_id, e.effective_on, {_MOVES}
      FROM seal_block b CROSS JOIN LATERAL (
        SELECT k.entry_ids FROM entry_block k WHERE k.block_id = b.id LIMIT 1) k
      CROSS JOIN LATERAL unnest(k.entry_ids) AS s(entry_id)
      CROSS JOIN LATERAL (SELECT * FROM entry o WHERE o.id = s.entry_id LIMIT 1) e
      JOIN posting p ON p.entry_id = e.id
     WHERE b.kind = 'entries' AND b.id <= :upto
       AND b.id > coalesce((SELECT folded_block FROM balance_fold WHERE name = 'day'), 0)
     GROUP BY 1, 2
    ON CONFLICT (account_id, day) DO UPDATE
       SET posted_debit = d.posted_debit + excluded.posted_debit,
           posted_credit = d.posted_credit + excluded.posted_credit,
           pending_debit = d.pending_debit + excluded.pending_debit,
           pending_credit = d.pending_credit + excluded.pending_credit
    """
)
_MARK = text(
    "INSERT INTO balance_fold (name, folded_block) VALUES ('day', :upto)"
    " ON CONFLICT (name) DO UPDATE SET folded_block = excluded.folded_block"
)
_BLOCKS = 5
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


def trial_balance(
    session: Session,
    body: str,
    *,
    as_of: date = date.max,
    known_at: datetime | None = None,
) -> list[AccountBalance]:
    """Return every account's balance at a day as known at an instant, now when none is named.

    What was known at an earlier instant is counted from the postings, which takes longer.
    """
    values: dict[str, object] = {"body": body, "as_of": as_of}
    if known_at is None:
        rows = session.execute(_TRIAL_BALANCE, values).mappings()
    else:
        rows = session.execute(_TRIAL_BALANCE_KNOWN, values | {"known_at": known_at}).mappings()
    return [AccountBalance(**row) for row in rows]


def get_balance(session: Session, body: str, code: str) -> int:
    """Return the posted balance of one account in pence, debit positive; 0 when it is not there."""
    found = [line.posted_pence for line in trial_balance(session, body) if line.code == code]
    return found[0] if found else 0


def list_drift(session: Session, body: str) -> list[str]:
    """Return the accounts whose balance by day is not the sum of their postings."""
    counted = trial_balance(session, body, known_at=_FOREVER)
    folded = trial_balance(session, body)
    return [one.code for one, other in zip(counted, folded, strict=True) if one != other]


def fold_balances(session: Session) -> int:
    """Fold the next sealed blocks into balances by day; returns how many, 0 when none are left.

    Does nothing while another process folds.
    """
    if not session.execute(_LOCK).scalar_one():
        return 0
    upto = session.execute(_NEXT, {"blocks": _BLOCKS}).scalar_one()
    if upto is None:
        return 0
    for setting in _PROBES:
        session.execute(setting)
    session.execute(_FOLD, {"upto": upto})
    session.execute(_MARK, {"upto": upto})
    return _BLOCKS
