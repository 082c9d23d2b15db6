"""Figures of one account on one day, each from its own source, so that they prove each other."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.queries import BankAccount
from payments.ledger.rules import bank_code, suspense_code


@dataclass(frozen=True)
class Transit:
    """A submission that the bank took over and no statement had shown by the day; pence."""

    serial: str
    run_id: UUID
    processing_day: date
    pence: int
    age_days: int


@dataclass(frozen=True)
class Report:
    """The reconciliation of an account at the end of a day.

    ``bank_pence`` is the closing balance of the last statement up to the day. The ledger's balance
    less what is in transit (we have booked it as sent, the bank has not debited it) is what the
    ledger would be if the bank had done everything.
    """

    account_code: str
    day: date
    ledger_pence: int
    suspense_pence: int
    bank_pence: int | None
    bank_day: date | None
    open_lines: int
    open_pence: int
    in_transit: tuple[Transit, ...]

    @property
    def difference_pence(self) -> int | None:
        """Bank less ledger; None before the first statement with a balance."""
        return None if self.bank_pence is None else self.bank_pence - self.ledger_pence

    @property
    def in_transit_pence(self) -> int:
        """What the bank has taken over and not debited."""
        return sum(one.pence for one in self.in_transit)

    @property
    def after_transit_pence(self) -> int:
        """The ledger's balance less unpresented items."""
        return self.ledger_pence - self.in_transit_pence

    @property
    def proves(self) -> bool:
        """Whether bank and ledger agree to the penny."""
        return self.difference_pence in (None, 0)

    @property
    def word(self) -> str:
        """Balanced, explained (suspense or open lines name the rest) or unexplained."""
        if not self.proves:
            return "unexplained"
        return "explained" if self.open_lines or self.suspense_pence else "balanced"

    def figures(self) -> dict[str, object]:
        """Return the figures as they are signed: plain values in a fixed order."""
        plain = asdict(self)
        plain["day"] = self.day.isoformat()
        plain["bank_day"] = None if self.bank_day is None else self.bank_day.isoformat()
        plain["in_transit"] = [
            [one.serial, str(one.run_id), one.processing_day.isoformat(), one.pence]
            for one in self.in_transit
        ]
        return plain


@dataclass(frozen=True)
class DayMetrics:
    """How well a day's lines were matched."""

    day: date
    lines: int
    automatic: int
    undone: int
    open_lines: int
    open_pence: int

    @property
    def automatic_percent(self) -> int:
        """Lines that a rule matched, in whole percent."""
        return 100 * self.automatic // self.lines if self.lines else 0

    @property
    def undone_percent(self) -> int:
        """Of what rules matched, what people took back, in whole percent rounded up."""
        return -(-100 * self.undone // self.automatic) if self.automatic else 0


@dataclass(frozen=True)
class SignOff:
    """A report with the people who prepared and signed it."""

    id: UUID
    day: date
    state: str
    sha256: bytes
    prepared_by: str
    prepared_name: str
    prepared_at: datetime
    signed_name: str | None
    signed_at: datetime | None


_LEDGER = text(
    """
    SELECT a.code, coalesce(sum(p.amount), 0)::bigint AS pence
      FROM account a LEFT JOIN (posting p JOIN entry e ON e.id = p.entry_id
                                AND e.effective_on <= :day)
        ON p.account_id = a.id AND NOT p.pending
     WHERE a.body = :body AND a.code IN (:bank, :suspense) GROUP BY a.code
    """
)
_BANK = text(
    """
    SELECT closing_pence, to_date FROM statement
     WHERE bank_account_id = :account AND state = 'reconciled' AND closing_pence IS NOT NULL
       AND to_date <= :day ORDER BY to_date DESC, sequence DESC NULLS LAST, id DESC LIMIT 1
    """
)
_OPEN = text(
    """
    SELECT count(*) AS lines, coalesce(sum(abs(l.amount_pence) - coalesce(a.allocated_pence, 0)), 0)
             ::bigint AS pence
      FROM reconciliation_exception e JOIN statement_line l ON l.id = e.line_id
      LEFT JOIN line_allocation a ON a.line_id = l.id
     WHERE e.bank_account_id = :account AND e.state = 'open' AND l.booking_date <= :day
       AND coalesce(a.allocated_pence, 0) < abs(l.amount_pence)
    """
)
_TRANSIT = text(
    """
    SELECT s.serial, s.run_id, coalesce(s.reported_processing_day, s.processing_day)
             AS processing_day, (s.total_pence - coalesce(s.rejected_pence, 0))::bigint AS pence,
           (:day - coalesce(s.reported_processing_day, s.processing_day)) AS age_days
      FROM submission s
     WHERE s.bank_account_id = :account AND s.acknowledged_at IS NOT NULL AND s.state <> 'refused'
       AND (s.acknowledged_at AT TIME ZONE 'Europe/London')::date <= :day
       AND (s.settled_on IS NULL OR s.settled_on > :day)
     ORDER BY 3, s.serial
    """
)
_METRICS = text(
    """
    SELECT l.booking_date AS day, count(*) AS lines,
           count(*) FILTER (WHERE m.automatic) AS automatic,
           count(*) FILTER (WHERE m.undone) AS undone,
           count(*) FILTER (WHERE coalesce(a.allocated_pence, 0) < abs(l.amount_pence))
             AS open_lines,
           coalesce(sum(abs(l.amount_pence) - coalesce(a.allocated_pence, 0)), 0)::bigint
             AS open_pence
      FROM statement_line l LEFT JOIN line_allocation a ON a.line_id = l.id
      LEFT JOIN (SELECT line_id, true AS automatic, bool_or(state = 'undone') AS undone
                   FROM match WHERE decided_by = 'rules' GROUP BY line_id) m ON m.line_id = l.id
     WHERE l.bank_account_id = :account AND NOT l.set_aside
       AND l.booking_date BETWEEN :first AND :last
     GROUP BY 1 ORDER BY 1
    """
)
_REASONS = text(
    """
    SELECT code, count(*) AS lines, sum(value_pence)::bigint AS pence,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY :day - (created_at AT TIME ZONE
             'Europe/London')::date)::integer AS median_days
      FROM reconciliation_exception
     WHERE bank_account_id = :account AND state = 'open' GROUP BY code ORDER BY code
    """
)
_SIGN_OFFS = text(
    """
    SELECT id, day, state, sha256, prepared_by, prepared_name, prepared_at, signed_name, signed_at
      FROM reconciliation_sign_off WHERE bank_account_id = :account AND state <> 'replaced'
     ORDER BY day DESC LIMIT :limit
    """
)


def make_report(session: Session, account: BankAccount, day: date) -> Report:
    """Return the reconciliation of an account at the end of a day."""
    codes = {"bank": bank_code(account.code), "suspense": suspense_code(account.code)}
    values: dict[str, object] = {"account": account.id, "day": day, "body": account.body}
    held = {row.code: row.pence for row in session.execute(_LEDGER, values | codes)}
    bank = session.execute(_BANK, values).one_or_none()
    open_ = session.execute(_OPEN, values).one()
    transit = tuple(Transit(*row) for row in session.execute(_TRANSIT, values))
    return Report(
        account_code=account.code,
        day=day,
        ledger_pence=held.get(codes["bank"], 0),
        suspense_pence=-held.get(codes["suspense"], 0),
        bank_pence=None if bank is None else bank.closing_pence,
        bank_day=None if bank is None else bank.to_date,
        open_lines=open_.lines,
        open_pence=open_.pence,
        in_transit=transit,
    )


def list_metrics(session: Session, account_id: UUID, first: date, last: date) -> list[DayMetrics]:
    """Return how well the lines of each day were matched."""
    values = {"account": account_id, "first": first, "last": last}
    return [DayMetrics(**row) for row in session.execute(_METRICS, values).mappings()]


def list_reasons(session: Session, account_id: UUID, day: date) -> list[tuple[str, int, int, int]]:
    """Return what is open of an account: code, lines, pence, and median age in days."""
    rows = session.execute(_REASONS, {"account": account_id, "day": day})
    return [(row.code, row.lines, row.pence, row.median_days) for row in rows]


def list_sign_offs(session: Session, account_id: UUID, limit: int = 40) -> list[SignOff]:
    """Return the reports of an account that are prepared or signed, newest day first."""
    rows = session.execute(_SIGN_OFFS, {"account": account_id, "limit": limit}).mappings()
    return [SignOff(**row) for row in rows]
