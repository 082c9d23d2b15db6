"""A report is prepared by one person and signed by another; what was signed stays."""

import hashlib
import json
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank.queries import BankAccount
from payments.reconciliation.report.queries import Report, make_report
from shared import audit
from shared.actors import Actor
from shared.errors import Conflict, Forbidden, NotFound
from shared.ids import new_id

_REPLACE = text(
    "UPDATE reconciliation_sign_off SET state = 'replaced'"
    " WHERE bank_account_id = :account AND day = :day AND state = 'prepared'"
)
_SIGNED = text(
    "SELECT EXISTS (SELECT 1 FROM reconciliation_sign_off WHERE bank_account_id = :account"
    " AND day = :day AND state = 'signed')"
)
_PREPARE = text(
    """
    INSERT INTO reconciliation_sign_off (id, body, bank_account_id, day, figures, sha256,
      prepared_by, prepared_name, prepared_at)
    VALUES (:id, :body, :account, :day, cast(:figures AS jsonb), :sha256, :by, :name, :now)
    """
)
_LOCK = text(
    "SELECT day, state, sha256, prepared_by FROM reconciliation_sign_off"
    " WHERE id = :id AND bank_account_id = :account FOR UPDATE"
)
_SIGN = text(
    "UPDATE reconciliation_sign_off SET state = 'signed', signed_by = :by, signed_name = :name,"
    " signed_at = :now WHERE id = :id"
)


def digest(report: Report) -> bytes:
    """Return the SHA-256 over a report's figures, which is what a person signs."""
    canonical = json.dumps(report.figures(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def prepare_report(
    session: Session, account: BankAccount, day: date, actor: Actor, now: datetime
) -> UUID:
    """Keep the figures of an account and day for another person to sign; replaces unsigned ones.

    Raises:
        Conflict: ``report_signed`` already, or ``not_proved``: bank and ledger differ.
    """
    values = {"account": account.id, "day": day}
    if session.execute(_SIGNED, values).scalar_one():
        raise Conflict("report_signed", "The report of this day is signed already")
    report = make_report(session, account, day)
    if not report.proves or report.bank_pence is None:
        raise Conflict("not_proved", "Bank and ledger do not agree: there is nothing to sign")
    session.execute(_REPLACE, values)
    identification = new_id()
    session.execute(
        _PREPARE,
        {
            "id": identification,
            "body": account.body,
            "account": account.id,
            "day": day,
            "figures": json.dumps(report.figures()),
            "sha256": digest(report),
            "by": actor.id,
            "name": actor.name,
            "now": now,
        },
    )
    facts = {"account": account.code, "day": day.isoformat(), "sha256": digest(report).hex()}
    audit.record(session, actor, "reconciliation.prepared", "sign_off", identification, facts)
    return identification


def sign_report(
    session: Session, account: BankAccount, sign_off_id: UUID, actor: Actor, now: datetime
) -> None:
    """Sign a prepared report; its figures must still be what was prepared.

    Raises:
        NotFound: no such report of this account.
        Forbidden: ``same_person`` who prepared it.
        Conflict: signed or replaced meanwhile, or the figures have changed.
    """
    row = session.execute(_LOCK, {"id": sign_off_id, "account": account.id}).one_or_none()
    if row is None:
        raise NotFound("no_such_report", "There is no such report")
    if row.state != "prepared":
        raise Conflict("report_signed", "This report is signed or replaced already")
    if row.prepared_by == actor.id:
        raise Forbidden("same_person", "Another person has to sign this report")
    if digest(make_report(session, account, row.day)) != bytes(row.sha256):
        raise Conflict("report_changed", "The figures have changed: the report is prepared again")
    values = {"id": sign_off_id, "by": actor.id, "name": actor.name, "now": now}
    session.execute(_SIGN, values)
    facts = {"account": account.code, "day": row.day.isoformat(), "sha256": row.sha256.hex()}
    audit.record(session, actor, "reconciliation.signed", "sign_off", sign_off_id, facts)
