"""Fields that ask for the identity that was checked, and whether they match it."""

from datetime import date
from uuid import UUID

from sqlalchemy.orm import Session

from identity.accounts import limits
from identity.accounts.vault import Vault
from identity.recovery.queries import verified_identity
from identity.recovery.rules import IDENTITY_TRIES, is_same_person
from shared.errors import FieldError, Problem
from shared.web.deps import Form, NowDep

_DAY_SECONDS = 86_400


def read_identity(form: Form) -> tuple[dict[str, str], tuple[FieldError, ...]]:
    """Return the typed names and date of birth, and what is wrong with them."""
    typed = {name: form.text(name) for name in ("given_name", "family_name")}
    faults = [
        FieldError(name, message)
        for name, message in (
            ("given_name", "Enter your first names"),
            ("family_name", "Enter your last name"),
        )
        if not typed[name]
    ]
    born = _read_day([form.text(f"birth_date-{part}") for part in ("year", "month", "day")])
    typed["birth_date"] = born
    if not born:
        faults.append(FieldError("birth_date-day", "Enter your date of birth, like 31 3 1980"))
    return typed, tuple(faults)


def _read_day(parts: list[str]) -> str:
    if not all(part.isascii() and part.isdigit() for part in parts):
        return ""
    try:
        return date(*map(int, parts)).isoformat()
    except ValueError:
        return ""


def is_matched(
    session: Session, vault: Vault, account_id: UUID, typed: dict[str, str], now: NowDep
) -> bool:
    """Tell whether these are the details that were checked; refuses the fourth try in a day."""
    key = vault.counter_key("identity_match", account_id.bytes)
    window = limits.DAY
    if limits.take(session, key, IDENTITY_TRIES, window, now) > IDENTITY_TRIES:
        raise Problem(
            "too_many_matches",
            "You have tried this too often",
            detail="Wait a day, or choose to wait for the change instead.",
            status=429,
            retry_after_seconds=_DAY_SECONDS,
        )
    return is_same_person(verified_identity(session, vault, account_id), typed)
