"""Adding, using and removing the ways in which an account proves itself."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from identity.accounts.actions import citizen, tell_owner
from identity.accounts.models import Account
from identity.accounts.vault import Vault
from identity.factors import browsers, rules
from identity.factors.ceremonies import NewKey, Signed
from identity.factors.models import BackupCode, Passkey, Totp, UsedChallenge
from identity.factors.queries import PASSKEY_NAME, TOTP_SECRET, has_password, list_proofs
from shared import audit
from shared.crypto import hash_token
from shared.errors import Conflict
from shared.ids import new_id

# The counter of a passkey only grows; makers that keep none always say 0 (WebAuthn, 6.1.1).
_USE_PASSKEY = text(
    """
    UPDATE passkey SET sign_count = :sign_count, is_backed_up = :is_backed_up, last_used_at = :now
     WHERE id = :id AND (:sign_count > sign_count OR (:sign_count = 0 AND sign_count = 0))
    RETURNING id
    """
)
_USE_STEP = text(
    """
    UPDATE totp SET last_step = :step, last_used_at = :now
     WHERE account_id = :account_id AND last_step < :step RETURNING enrolled_level
    """
)
_USE_BACKUP_CODE = text(
    """
    UPDATE backup_code SET used_at = :now
     WHERE account_id = :account_id AND code_hash = :code_hash AND used_at IS NULL
    RETURNING account_id
    """
)


def spend_challenge(session: Session, challenge: bytes, ends_at: datetime) -> bool:
    """Write down that a challenge was answered; False when it had been."""
    spent = session.execute(
        insert(UsedChallenge)
        .values(challenge_hash=hash_token(challenge.hex()), expires_at=ends_at)
        .on_conflict_do_nothing()
        .returning(UsedChallenge.challenge_hash)
    ).one_or_none()
    return spent is not None


def user_handle(vault: Vault, account_id: UUID) -> bytes:
    """Return the name under which passkeys know an account; it tells nothing about the person."""
    return vault.keyed_hash("passkey.user", account_id.bytes)


def add_passkey(
    session: Session,
    vault: Vault,
    account_id: UUID,
    key: NewKey,
    *,
    name: str,
    level: str,
    now: datetime,
) -> UUID | None:
    """Add a passkey and tell the owner; None when somebody has it already.

    Refuses the twenty-first of an account.
    """
    _lock(session, account_id)
    if len(list_proofs(session, account_id)) >= rules.PASSKEYS_KEPT:
        raise Conflict(
            "too_many_passkeys",
            "You have 20 passkeys already",
            detail="Remove one that you no longer use, then add the new one.",
        )
    passkey_id = new_id()
    added = session.execute(
        insert(Passkey)
        .values(
            id=passkey_id,
            account_id=account_id,
            credential_id=key.credential_id,
            public_key=key.public_key,
            sign_count=key.sign_count,
            aaguid=key.aaguid,
            transports=list(key.transports),
            can_sync=key.can_sync,
            is_backed_up=key.is_backed_up,
            name_sealed=vault.seal(name, PASSKEY_NAME, passkey_id),
            enrolled_level=level,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["credential_id"])
        .returning(Passkey.id)
    ).one_or_none()
    if added is None:
        return None
    _record(session, account_id, "factor.added", "passkey")
    return passkey_id


def use_passkey(
    session: Session, account_id: UUID, passkey_id: UUID, signed: Signed, now: datetime
) -> bool:
    """Move the passkey's counter on; False, and a notice, when it went back: it may be a copy."""
    used = session.execute(
        _USE_PASSKEY,
        {
            "id": passkey_id,
            "sign_count": signed.sign_count,
            "is_backed_up": signed.is_backed_up,
            "now": now,
        },
    ).one_or_none()
    if used is None:
        tell_owner(session, account_id, "passkey_copied")
    return used is not None


def remove_passkey(session: Session, account_id: UUID, passkey_id: UUID) -> bool:
    """Remove a passkey and tell the owner; False when it was gone.

    Refuses the last one of an account that has no password: nobody could sign in to it any more.
    """
    _lock(session, account_id)
    may = rules.may_remove_passkey(
        has_password=has_password(session, account_id),
        passkeys=len(list_proofs(session, account_id)),
    )
    if not may:
        raise Conflict(
            "last_passkey",
            "This is the only way to sign in to your account",
            detail="Add another passkey or set a password first, then remove this one.",
        )
    removed = session.execute(
        delete(Passkey)
        .where(Passkey.id == passkey_id, Passkey.account_id == account_id)
        .returning(Passkey.id)
    ).one_or_none()
    if removed is not None:
        _record(session, account_id, "factor.removed", "passkey")
    return removed is not None


def turn_on_totp(
    session: Session,
    vault: Vault,
    account_id: UUID,
    *,
    secret: str,
    step: int,
    level: str,
    now: datetime,
) -> bool:
    """Keep an authenticator app whose code was right; that code is spent with it.

    False when the account has an app already: it is removed first, so that nobody swaps it.
    """
    added = session.execute(
        insert(Totp)
        .values(
            account_id=account_id,
            secret_sealed=vault.seal(secret, TOTP_SECRET, account_id),
            last_step=step,
            enrolled_level=level,
            created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Totp.account_id)
    ).one_or_none()
    if added is not None:
        _record(session, account_id, "factor.added", "totp")
    return added is not None


def use_step(session: Session, account_id: UUID, step: int, now: datetime) -> str | None:
    """Spend a time step of the app; returns the level it was added in, None for a spent step."""
    return session.execute(
        _USE_STEP, {"account_id": account_id, "step": step, "now": now}
    ).scalar_one_or_none()


def turn_off_totp(session: Session, account_id: UUID) -> bool:
    """Remove the authenticator app and tell the owner; False when there was none."""
    removed = session.execute(
        delete(Totp).where(Totp.account_id == account_id).returning(Totp.account_id)
    ).one_or_none()
    if removed is not None:
        _record(session, account_id, "factor.removed", "totp")
    return removed is not None


def replace_backup_codes(
    session: Session, vault: Vault, account_id: UUID, now: datetime
) -> list[str]:
    """Make ten backup codes, which replace those before, and tell the owner.

    The codes exist nowhere else: whoever calls this shows them once.
    """
    _lock(session, account_id)
    codes = rules.make_backup_codes()
    session.execute(delete(BackupCode).where(BackupCode.account_id == account_id))
    session.execute(
        insert(BackupCode).values(
            [
                {
                    "account_id": account_id,
                    "code_hash": _backup_hash(vault, account_id, code),
                    "created_at": now,
                }
                for code in codes
            ]
        )
    )
    _record(session, account_id, "factor.added", "backup_codes")
    return codes


def use_backup_code(
    session: Session, vault: Vault, account_id: UUID, typed: str, now: datetime
) -> bool:
    """Spend a backup code and tell the owner; False when it is none of theirs or was spent."""
    used = session.execute(
        _USE_BACKUP_CODE,
        {
            "account_id": account_id,
            "code_hash": _backup_hash(vault, account_id, typed),
            "now": now,
        },
    ).one_or_none()
    if used is not None:
        audit.record(session, citizen(account_id), "backup_code.used", "account", account_id)
        tell_owner(session, account_id, "backup_code_used")
    return used is not None


def _backup_hash(vault: Vault, account_id: UUID, typed: str) -> bytes:
    code = rules.clean_code(typed)
    return vault.keyed_hash("backup_code", account_id.bytes + code.encode())


def _lock(session: Session, account_id: UUID) -> None:
    """Let changes of one account's ways follow each other, so that each counts what is there."""
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())


def _record(session: Session, account_id: UUID, action: str, factor: str) -> None:
    audit.record(session, citizen(account_id), action, "account", account_id, {"factor": factor})
    if action == "factor.added":
        browsers.forget_choices(session, account_id)
    tell_owner(session, account_id, f"{factor}_{action.partition('.')[2]}")
