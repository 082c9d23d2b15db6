"""Browsers that an account was used in: where a sign-in is no surprise, and what was used there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from identity.factors import rules
from identity.factors.models import KnownBrowser

# Says whether the browser is new to an account that has others; a first one surprises nobody.
_REMEMBER = text(
    """
    INSERT INTO known_browser AS known (account_id, browser_hash, factor, expires_at)
    VALUES (:account_id, :browser_hash, :factor, :expires_at)
    ON CONFLICT (account_id, browser_hash) DO UPDATE
       SET factor = excluded.factor, expires_at = excluded.expires_at
    RETURNING xmax = 0 AND EXISTS (
      SELECT FROM known_browser WHERE account_id = :account_id
         AND browser_hash <> :browser_hash) AS is_new
    """
)
_KEEP_NEWEST = text(
    """
    DELETE FROM known_browser WHERE account_id = :account_id AND browser_hash IN (
      SELECT browser_hash FROM known_browser WHERE account_id = :account_id
       ORDER BY expires_at DESC OFFSET :kept)
    """
)


def remember(
    session: Session, account_id: UUID, browser_hash: bytes, factor: str, now: datetime
) -> bool:
    """Keep that an account signed in here with a factor; tells whether its owner may be surprised.

    An account keeps its newest twenty browsers.
    """
    is_new = session.execute(
        _REMEMBER,
        {
            "account_id": account_id,
            "browser_hash": browser_hash,
            "factor": factor,
            "expires_at": now + rules.BROWSER_LIFE,
        },
    ).scalar_one()
    if is_new:
        session.execute(_KEEP_NEWEST, {"account_id": account_id, "kept": rules.BROWSERS_KEPT})
    return bool(is_new)


def forget_choices(session: Session, account_id: UUID) -> None:
    """Let the strongest factor be offered again everywhere, because there is a new one."""
    session.execute(
        update(KnownBrowser).where(KnownBrowser.account_id == account_id).values(factor="")
    )


def last_factor(session: Session, account_id: UUID, browser_hash: bytes, now: datetime) -> str:
    """Return the factor that was used here last, empty when none is preferred."""
    return _find(session, account_id, browser_hash, now) or ""


def is_known(session: Session, account_id: UUID, browser_hash: bytes, now: datetime) -> bool:
    """Tell whether the account was signed in to in this browser before."""
    return _find(session, account_id, browser_hash, now) is not None


def _find(session: Session, account_id: UUID, browser_hash: bytes, now: datetime) -> str | None:
    return session.execute(
        select(KnownBrowser.factor).where(
            KnownBrowser.account_id == account_id,
            KnownBrowser.browser_hash == browser_hash,
            KnownBrowser.expires_at > now,
        )
    ).scalar_one_or_none()
