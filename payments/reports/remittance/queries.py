"""Reads of remittance advice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.payees.master.queries import change_record

_MOST_REFERENCES = 20
_WAITING = text(
    """
    SELECT a.id, b.name AS organisation, g.name AS programme,
           coalesce(r.processing_date, r.run_date) AS day, a.payments, a.pence,
           y.account_tail, c.id AS change_id, c.email_sealed,
           ARRAY(SELECT p.reference FROM payment p
                  WHERE p.payee_id = a.payee_id AND p.run_id = a.run_id
                    AND p.state IN ('submitted', 'accepted', 'paid')
                  ORDER BY p.id LIMIT :most) AS refs
      FROM remittance_advice a
      JOIN run r ON r.id = a.run_id
      JOIN programme g ON g.id = r.programme_id
      JOIN body b ON b.organisation = a.organisation
      JOIN payee y ON y.id = a.payee_id
      LEFT JOIN payee_change c ON c.payee_id = y.id AND c.version = y.version
     WHERE a.run_id = :run AND a.state = 'waiting'
     ORDER BY a.id LIMIT :limit
    """
)
_OF_PAYMENT = text(
    "SELECT a.state, a.payments, a.created_at, a.done_at, a.problem FROM remittance_advice a"
    " JOIN payment p ON p.run_id = a.run_id AND p.payee_id = a.payee_id WHERE p.id = :id"
)
_SETTINGS = text(
    """
    SELECT g.slug, g.name, coalesce(s.send_when, 'never') AS send_when,
           coalesce(s.changed_by_name, '') AS changed_by_name, s.changed_at
      FROM programme g LEFT JOIN remittance_setting s ON s.programme_id = g.id
     WHERE g.organisation = :organisation ORDER BY g.name
    """
)


@dataclass(frozen=True)
class Advice:
    """An advice to send; no email where the payee has none."""

    id: UUID
    organisation: str
    programme: str
    day: date
    payments: int
    pence: int
    account_tail: str
    email: str
    references: Sequence[str]


@dataclass(frozen=True)
class AdviceState:
    """How the advice of a payment stands."""

    state: str
    payments: int
    created_at: datetime
    done_at: datetime | None
    problem: str


@dataclass(frozen=True)
class Setting:
    """When the payees of a programme are told."""

    slug: str
    name: str
    send_when: str
    changed_by_name: str
    changed_at: datetime | None


def list_waiting(
    session: Session, vault: DetailsVault, run_id: UUID, limit: int = 100
) -> list[Advice]:
    """Return advice of a run that waits to be sent."""
    values = {"run": run_id, "limit": limit, "most": _MOST_REFERENCES}
    found = []
    for row in session.execute(_WAITING, values):
        email = ""
        if row.email_sealed is not None:
            email = vault.open_text(
                bytes(row.email_sealed), f"{change_record(row.change_id)}:email"
            )
        found.append(
            Advice(
                row.id,
                row.organisation,
                row.programme,
                row.day,
                row.payments,
                row.pence,
                row.account_tail,
                email,
                row.refs,
            )
        )
    return found


def find_advice(session: Session, payment_id: UUID) -> AdviceState | None:
    """Return how the advice that tells of a payment stands, None where there is none."""
    row = session.execute(_OF_PAYMENT, {"id": payment_id}).one_or_none()
    return None if row is None else AdviceState(*row)


def list_settings(session: Session, organisation: str) -> list[Setting]:
    """Return when the payees of each programme are told."""
    return [Setting(*row) for row in session.execute(_SETTINGS, {"organisation": organisation})]
