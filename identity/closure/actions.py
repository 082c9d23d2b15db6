"""Closing an account: asked for, taken back within two weeks, or done."""

import json
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Table, delete, insert, text, update
from sqlalchemy.orm import Session

from identity.accounts.actions import citizen
from identity.accounts.models import Account
from identity.accounts.settings import get_people_settings
from identity.accounts.vault import Vault
from identity.base import Base
from identity.closure.models import KeptEvidence
from identity.closure.rules import keep_until
from identity.logout.actions import Ended, plan_delivery
from identity.recovery.actions import check_not_frozen, end_every_session
from identity.recovery.notices import tell_everywhere
from shared import audit
from shared.ids import new_id
from shared.outbox import enqueue

DELETE_TOPIC = "identity.closure.delete"
EVIDENCE_RECORD = "kept_evidence"
# The history of sharing says who got what; it stays, with an account that names nobody.
_KEPT = ("sharing_event",)
_CLOSE = text(
    """
    UPDATE account
       SET closed_at = :now, closing_at = NULL, email_index = :nobody, email_sealed = ''::bytea,
           display_name_sealed = NULL, password_hash = '!', mailbox_id = NULL,
           recovered_until = NULL, frozen_until = NULL
     WHERE id = :id AND closed_at IS NULL AND closing_at <= :now
    RETURNING id
    """
)
_REVOKE = text(
    """
    WITH gone AS (
      UPDATE authorisation SET revoked_at = coalesce(revoked_at, :now)
       WHERE account_id = :id RETURNING client_id, session_id
    )
    SELECT DISTINCT g.client_id, g.session_id FROM gone g JOIN relying_party r USING (client_id)
     WHERE r.backchannel_logout_uri IS NOT NULL
    """
)
_CHECKS = text(
    """
    SELECT id, state, provider, provider_reference, profile, policy_version, failure, completed_at
      FROM verification WHERE account_id = :id AND completed_at IS NOT NULL
    """
)
_ADDRESS = text("SELECT email_index FROM account WHERE id = :id FOR UPDATE")
# An attempt to sign up knows the address before there is an account.
_ATTEMPTS = text("DELETE FROM attempt WHERE email_index = :address")
_CONSENTS = text("DELETE FROM remembered_consent WHERE account_id = :id")


def close_account(session: Session, account_id: UUID, now: datetime) -> datetime:
    """Close an account: it is signed out everywhere and deleted later; returns when.

    A second call changes nothing. Refuses a frozen account.
    """
    check_not_frozen(session, account_id, now)
    closing_at = now + timedelta(days=get_people_settings().closing_days)
    done = session.execute(
        update(Account)
        .where(Account.id == account_id, Account.closing_at.is_(None), Account.closed_at.is_(None))
        .values(closing_at=closing_at)
        .returning(Account.id)
    ).one_or_none()
    if done is not None:
        _note(session, account_id, "account.closing")
        tell_everywhere(session, account_id, "closing")
        key = f"{account_id}:{int(closing_at.timestamp())}"
        payload = {"account_id": str(account_id)}
        enqueue(session, DELETE_TOPIC, payload, key=key, due_at=closing_at)
    end_every_session(session, account_id, now)
    return closing_at


def keep_account(session: Session, account_id: UUID) -> bool:
    """Take the closing back; False when the account was not being closed."""
    kept = session.execute(
        update(Account)
        .where(Account.id == account_id, Account.closing_at.is_not(None))
        .values(closing_at=None)
        .returning(Account.id)
    ).one_or_none()
    if kept is None:
        return False
    _note(session, account_id, "account.kept")
    tell_everywhere(session, account_id, "kept")
    return True


def delete_account(session: Session, vault: Vault, account_id: UUID, now: datetime) -> bool:
    """Delete what an account holds and free its address; False when it is not due or not closing.

    Services that hold a sign-in are told. Kept are the history of sharing, the record of what
    happened, both with an id that names nobody, and evidence of checks, apart and sealed.
    """
    values = {"id": account_id, "now": now, "nobody": secrets.token_bytes(32)}
    address = session.execute(_ADDRESS, {"id": account_id}).scalar_one_or_none()
    if session.execute(_CLOSE, values).one_or_none() is None:
        return False
    end_every_session(session, account_id, now)
    _tell_services(session, account_id, now)
    _keep_evidence(session, vault, account_id, now)
    session.execute(_CONSENTS, {"id": account_id})
    session.execute(_ATTEMPTS, {"address": address})
    for table in tables_of_accounts():
        for column in _owners(table):
            session.execute(delete(table).where(table.c[column] == account_id))
    _note(session, account_id, "account.closed")
    return True


def tables_of_accounts() -> list[Table]:
    """Return every table whose rows belong to accounts and go with them, dependants first."""
    return [
        table
        for table in reversed(Base.metadata.sorted_tables)
        if table.name not in _KEPT and _owners(table)
    ]


def _owners(table: Table) -> list[str]:
    return [
        column.name
        for column in table.columns
        if any(key.column.table.name == "account" for key in column.foreign_keys)
    ]


def _tell_services(session: Session, account_id: UUID, now: datetime) -> None:
    for row in session.execute(_REVOKE, {"id": account_id, "now": now}).all():
        ended = Ended(row.client_id, account_id, row.session_id)
        plan_delivery(session, ended, "session_ended", now)


def _keep_evidence(session: Session, vault: Vault, account_id: UUID, now: datetime) -> None:
    for row in session.execute(_CHECKS, {"id": account_id}).all():
        evidence_id = new_id()
        evidence = {
            "verification": str(row.id),
            "state": row.state,
            "provider": row.provider,
            "provider_reference": row.provider_reference,
            "profile": row.profile,
            "policy_version": row.policy_version,
            "failure": row.failure,
            "completed_at": row.completed_at.isoformat(),
        }
        session.execute(
            insert(KeptEvidence).values(
                id=evidence_id,
                sealed=vault.seal(json.dumps(evidence), EVIDENCE_RECORD, evidence_id),
                created_at=now,
                expires_at=keep_until(row.completed_at, row.failure or ""),
            )
        )


def _note(session: Session, account_id: UUID, action: str) -> None:
    audit.record(session, citizen(account_id), action, "account", account_id)
