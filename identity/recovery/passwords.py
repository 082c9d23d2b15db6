"""A forgotten password, replaced with a code to the address of the account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from identity.accounts.vault import Vault
from identity.recovery.actions import end_every_session, replace_password
from identity.signin.actions import Visitor
from identity.signin.attempts import use_code
from identity.signin.guesses import clear_guesses


def reset_password(
    session: Session,
    vault: Vault,
    visitor: Visitor,
    *,
    attempt_id: UUID,
    code: str,
    password_hash: str,
    now: datetime,
) -> bool:
    """Use the code, set the password and end every session; False when the code is no good.

    Proving the address lifts the pause after wrong passwords, so nobody can keep its owner out.
    Every channel of the owner is told, and new sessions are capped for a while.
    """
    used = use_code(
        session,
        vault,
        attempt_id=attempt_id,
        browser_hash=visitor.browser_hash,
        purpose="reset_password",
        code=code,
        now=now,
    )
    if used is None or used.account_id is None:
        return False
    replace_password(session, vault, used.account_id, password_hash, now, recovered=True)
    clear_guesses(session, vault, used.email)
    end_every_session(session, used.account_id, now)
    return True
