"""One-time codes that a test program may read: those for addresses that nobody can own."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.accounts.vault import Vault
from identity.signin.attempts import CODE_RECORD

DOMAIN = "sandbox.example"
_NEWEST = text(
    """
    SELECT id, code_sealed FROM attempt
     WHERE email_index = :email_index AND consumed_at IS NULL AND code_expires_at > :now
       AND code_sealed IS NOT NULL
     ORDER BY created_at DESC, id DESC LIMIT 1
    """
)


def newest_code(session: Session, vault: Vault, email: str, now: datetime) -> str | None:
    """Return the newest waiting code of an address in the reserved domain, None for any other."""
    if not email.endswith(f"@{DOMAIN}"):
        return None
    values = {"email_index": vault.email_index(email), "now": now}
    row = session.execute(_NEWEST, values).one_or_none()
    return None if row is None else vault.open(bytes(row.code_sealed), CODE_RECORD, row.id)
