"""Changes of address, number and password; waiting ones, and how they are stopped and undone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from identity.accounts.actions import citizen
from identity.accounts.models import Account
from identity.accounts.queries import EMAIL_RECORD, get_profile
from identity.accounts.settings import get_people_settings
from identity.accounts.vault import Vault
from identity.codes.actions import index_of
from identity.phones.models import Phone
from identity.phones.queries import PHONE_RECORD, get_phone
from identity.phones.rules import Number, kind_of
from identity.recovery.models import AccountChange
from identity.recovery.notices import tell_everywhere
from identity.recovery.queries import (
    AFTER_RECORD,
    BEFORE_RECORD,
    ChangeView,
    find_waiting_change,
    get_change,
    is_frozen,
    list_changes,
)
from identity.recovery.rules import CAP, FREEZE, REMINDER, ChangeKind, ChangeState
from identity.signin.actions import end_session
from identity.signin.queries import list_sessions
from shared import audit
from shared.db import Database
from shared.errors import Conflict
from shared.ids import new_id
from shared.outbox import enqueue

APPLY_TOPIC = "identity.recovery.apply"
REMIND_TOPIC = "identity.recovery.remind"
_NO_PASSWORD = "!"  # noqa: S105 - no hash at all: nothing typed can match it
_KEPT = timedelta(days=30)
_END = text(
    """
    UPDATE account_change SET state = :state, ended_at = :now
     WHERE id = :id AND state = :before RETURNING id
    """
)


@dataclass(frozen=True)
class Before:
    """What a change replaces: its keyed hash, itself, and for a telephone its kind."""

    value: str
    index: bytes | None = None
    kind: str | None = None


def check_not_frozen(session: Session, account_id: UUID, now: datetime) -> None:
    """Refuse changes of an account whose owner said that one was not theirs."""
    if is_frozen(session, account_id, now):
        raise Conflict(
            "account_frozen",
            "Your account cannot be changed at the moment",
            detail="Somebody said that a change of it was not theirs. Try again in three days.",
        )


def record_change(
    session: Session,
    vault: Vault,
    account_id: UUID,
    kind: ChangeKind,
    now: datetime,
    *,
    before: Before | None = None,
    after: str = "",
    waits: timedelta | None = None,
) -> UUID:
    """Write a change down, done or waiting; returns its id."""
    change_id = new_id()
    undo_until = now + (waits or timedelta()) + timedelta(days=get_people_settings().undo_days)
    session.execute(
        insert(AccountChange).values(
            id=change_id,
            account_id=account_id,
            kind=kind,
            state="waiting" if waits else "done",
            before_index=before.index if before else None,
            before_sealed=vault.seal(before.value, BEFORE_RECORD, change_id) if before else None,
            before_kind=before.kind if before else None,
            after_index=vault.email_index(after) if after and kind == "email" else None,
            after_sealed=vault.seal(after, AFTER_RECORD, change_id) if after else None,
            happens_at=now + waits if waits else None,
            undo_until=undo_until,
            created_at=now,
            expires_at=undo_until + _KEPT,
        )
    )
    if waits:
        key = str(change_id)
        enqueue(session, APPLY_TOPIC, {"change_id": key}, key=key, due_at=now + waits)
        if waits > REMINDER:
            due_at = now + waits - REMINDER
            enqueue(session, REMIND_TOPIC, {"change_id": key}, key=key, due_at=due_at)
    return change_id


def start_waiting(
    session: Session,
    vault: Vault,
    account_id: UUID,
    kind: ChangeKind,
    now: datetime,
    *,
    after: str = "",
    waits: timedelta,
) -> UUID:
    """Begin a change that happens after a time of notices; a newer one stops the older.

    Refuses a frozen account.
    """
    check_not_frozen(session, account_id, now)
    waiting = find_waiting_change(session, vault, account_id, kind)
    if waiting is not None:
        end_change(session, waiting.id, "waiting", "stopped", now)
    change_id = record_change(session, vault, account_id, kind, now, after=after, waits=waits)
    _note(session, account_id, f"{kind}.waits")
    what = "email_waits" if kind == "email" else "phone_waits"
    tell_everywhere(session, account_id, what, change_id=change_id)
    return change_id


def end_change(
    session: Session, change_id: UUID, before: ChangeState, state: ChangeState, now: datetime
) -> bool:
    """Move a change from one state to another, once; False when it was not there any more."""
    values = {"id": change_id, "before": before, "state": state, "now": now}
    return session.execute(_END, values).one_or_none() is not None


def change_email(
    session: Session, vault: Vault, account_id: UUID, email: str, now: datetime
) -> UUID | None:
    """Give an account another confirmed address; None when somebody else has it.

    The address before is told and can undo it for some days. Refuses a frozen account.
    """
    check_not_frozen(session, account_id, now)
    profile = get_profile(session, account_id, vault.sealer)
    if profile is None or not _set_email(session, vault, account_id, email, now):
        return None
    before = Before(profile.email, vault.email_index(profile.email))
    change_id = record_change(session, vault, account_id, "email", now, before=before, after=email)
    _note(session, account_id, "email.changed")
    tell_everywhere(session, account_id, "email_changed", change_id=change_id)
    return change_id


def _set_email(session: Session, vault: Vault, account_id: UUID, email: str, now: datetime) -> bool:
    try:
        with session.begin_nested():
            session.execute(
                update(Account)
                .where(Account.id == account_id, Account.closed_at.is_(None))
                .values(
                    email_index=vault.email_index(email),
                    email_sealed=vault.seal(email, EMAIL_RECORD, account_id),
                    email_check_id=new_id(),
                    email_confirmed_at=now,
                )
            )
    except IntegrityError:
        # Somebody has this address, perhaps since a moment ago; the unique index decides.
        return False
    return True


def set_phone(
    session: Session, vault: Vault, account_id: UUID, number: Number, check_id: UUID, now: datetime
) -> None:
    """Give an account a confirmed number; the one before is told and can undo it.

    Refuses a frozen account.
    """
    check_not_frozen(session, account_id, now)
    before = get_phone(session, account_id, vault.sealer)
    _put_phone(session, vault, account_id, number, check_id, now)
    _note(session, account_id, "phone.changed" if before else "phone.added", kind=number.kind)
    old = Before(before.number, kind=before.kind) if before else None
    change_id = record_change(session, vault, account_id, "phone", now, before=old)
    what = "phone_changed" if before else "phone_added"
    tell_everywhere(session, account_id, what, change_id=change_id)


def _put_phone(
    session: Session, vault: Vault, account_id: UUID, number: Number, check_id: UUID, now: datetime
) -> None:
    values = {
        "number_index": index_of(vault, number.target),
        "number_sealed": vault.seal(number.e164, PHONE_RECORD, account_id),
        "kind": number.kind,
        "confirmed_at": now,
        "check_id": check_id,
    }
    session.execute(
        upsert(Phone)
        .values(account_id=account_id, **values)
        .on_conflict_do_update(index_elements=["account_id"], set_=values)
    )


def remove_phone(session: Session, vault: Vault, account_id: UUID, now: datetime) -> bool:
    """Take the number off an account and tell it; False when there is none."""
    check_not_frozen(session, account_id, now)
    before = get_phone(session, account_id, vault.sealer)
    if before is None:
        return False
    session.execute(delete(Phone).where(Phone.account_id == account_id))
    _note(session, account_id, "phone.removed")
    old = Before(before.number, kind=before.kind)
    change_id = record_change(session, vault, account_id, "phone_removed", now, before=old)
    tell_everywhere(session, account_id, "phone_removed", change_id=change_id)
    return True


def replace_password(
    session: Session,
    vault: Vault,
    account_id: UUID,
    password_hash: str,
    now: datetime,
    *,
    recovered: bool = False,
) -> None:
    """Set another password; the one before can stop this for some days.

    After a recovery the account's sessions are capped, as its password is worth its mailbox only.
    """
    before = session.execute(
        text("SELECT password_hash FROM account WHERE id = :id FOR UPDATE"), {"id": account_id}
    ).scalar_one()
    session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(
            password_hash=password_hash,
            password_changed_at=now,
            recovered_until=now + CAP if recovered else Account.recovered_until,
        )
    )
    old = Before(str(before)) if before != _NO_PASSWORD else None
    change_id = record_change(session, vault, account_id, "password", now, before=old)
    _note(session, account_id, "password.changed", recovered=recovered)
    tell_everywhere(session, account_id, "password_changed", change_id=change_id)


def apply_change(
    database: Database, vault: Vault, change_id: UUID, now: datetime
) -> ChangeView | None:
    """Let a waiting change happen now; None when it was stopped, done, or cannot happen."""
    with database.transaction() as session:
        change = get_change(session, vault, change_id)
        if change is None or not end_change(session, change_id, "waiting", "stopped", now):
            return None
        return change if apply_now(session, vault, change, now) else None


def apply_now(session: Session, vault: Vault, change: ChangeView, now: datetime) -> bool:
    """Do what a change waited for, as a recovery: every session ends, and new ones are capped."""
    if is_frozen(session, change.account_id, now):
        return False
    if change.kind == "email":
        done = change_email(session, vault, change.account_id, change.after, now) is not None
    else:
        done = remove_phone(session, vault, change.account_id, now)
    if done:
        session.execute(
            update(Account).where(Account.id == change.account_id).values(recovered_until=now + CAP)
        )
        end_every_session(session, change.account_id, now)
    return done


def end_every_session(session: Session, account_id: UUID, now: datetime) -> None:
    """End each session of an account and tell the services that hold it."""
    for live in list_sessions(session, account_id, now):
        end_session(session, account_id, live.id, now)


def freeze(session: Session, vault: Vault, account_id: UUID, now: datetime) -> None:
    """Stop what waits, undo what was changed lately, sign out everywhere, and allow no change.

    The password is void afterwards: the owner sets another with a code to the restored address.
    """
    if is_frozen(session, account_id, now):
        return
    for change in list_changes(session, vault, account_id, now):
        if change.state == "waiting":
            end_change(session, change.id, "waiting", "stopped", now)
        elif end_change(session, change.id, "done", "undone", now):
            _put_back(session, vault, change, now)
    session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(
            frozen_until=now + FREEZE,
            recovered_until=now + CAP,
            password_hash=_NO_PASSWORD,
            closing_at=None,
        )
    )
    end_every_session(session, account_id, now)
    _note(session, account_id, "account.frozen")
    tell_everywhere(session, account_id, "frozen")


def _put_back(session: Session, vault: Vault, change: ChangeView, now: datetime) -> None:
    # Newest first, so what was there before the oldest change is what stays.
    if change.kind == "email" and change.before:
        _set_email(session, vault, change.account_id, change.before, now)
    elif change.kind in ("phone", "phone_removed"):
        if change.before:
            number = Number(change.before, kind_of(change.before_kind))
            _put_phone(session, vault, change.account_id, number, change.id, now)
        else:
            session.execute(delete(Phone).where(Phone.account_id == change.account_id))


def _note(session: Session, account_id: UUID, action: str, **details: object) -> None:
    audit.record(session, citizen(account_id), action, "account", account_id, details)
