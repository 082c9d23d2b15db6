"""Payees of the master, confirmed and old enough to be paid, and schedules that pay them."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault, account_fingerprint, normalise
from payments.payees.master.models import payee, payee_change
from payments.payees.master.queries import change_record
from payments.runs.schedules.actions.set_up import NewSchedule, set_up_schedule
from payments.runs.schedules.lines import Line
from shared.ids import new_id
from tests.payments.runs.world import BODY, NOW, UNA

LINES = (Line("MORAG", 12_000, "ALLOWANCE M"), Line("CALUM", 8_050, "ALLOWANCE C"))
# Fridays from 4 December 2026 on: input on the Wednesday before.
WEEKLY = NewSchedule(
    "winter-heating", "Weekly allowance", "weekly", None, date(2026, 12, 4), None, None, 2, LINES
)


def add_payee(
    session: Session,
    vault: DetailsVault,
    reference: str,
    account: str,
    *,
    organisation: str = BODY,
) -> UUID:
    """Write a payee whose first version is in force."""
    details = normalise("99-00-01", account)
    payee_id, change_id = new_id(), new_id()
    was = NOW - timedelta(days=90)
    known = {
        "organisation": organisation,
        "reference": reference,
        "name": f"{reference.title()} Fictional",
        "name_key": reference.lower(),
        "beneficiary": "",
        "account_type": "personal",
        "account_fingerprint": account_fingerprint(vault, details),
        "account_tail": account[-4:],
        "gl_code": "",
    }
    session.execute(
        insert(payee).values(
            id=payee_id,
            state="active",
            version=1,
            created_at=was,
            changed_at=was,
            **known,
        )
    )
    session.execute(
        insert(payee_change).values(
            id=change_id,
            payee_id=payee_id,
            base_version=0,
            is_sensitive=False,
            details_sealed=vault.seal(details, change_record(change_id)),
            notes="",
            source="page",
            reason="New",
            proposed_by_kind="staff",
            proposed_by_id="person-Edda",
            proposed_by_name="Edda",
            proposed_at=was,
            correlation_id="story",
            state="confirmed",
            modulus_result="not_checked",
            modulus_version="",
            version=1,
            decided_by_id="person-Paul",
            decided_by_name="Paul",
            decided_at=was,
            decision_reason="Right",
            **known,
        )
    )
    return payee_id


def add_payees(session: Session, vault: DetailsVault) -> None:
    """Write the payees of the lines."""
    add_payee(session, vault, "MORAG", "10000012")
    add_payee(session, vault, "CALUM", "10000039")


def set_up(session: Session, **changes: object) -> UUID:
    """Set the weekly schedule up as Una, changed as asked."""
    wanted = replace(WEEKLY, **changes)  # type: ignore[arg-type]  # members by name
    return set_up_schedule(session, wanted, UNA, NOW)


def occurrences(session: Session, schedule_id: UUID) -> list[tuple[str, str]]:
    """Return the days that something was done about, and what, in order."""
    rows = session.execute(
        text(
            "SELECT wanted_on, state FROM schedule_occurrence WHERE schedule_id = :schedule"
            " ORDER BY wanted_on"
        ),
        {"schedule": schedule_id},
    )
    return [(row.wanted_on.isoformat(), row.state) for row in rows]
