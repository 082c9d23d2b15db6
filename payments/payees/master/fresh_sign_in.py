"""Steps on payees that a body may want a fresh sign-in with two factors for (contract 9)."""

from datetime import datetime

from sqlalchemy.orm import Session

from payments.controls.checks import check_step_up, steps_up_everywhere
from payments.controls.rules import SignIn


def need_fresh_sign_in(session: Session, organisation: str, sign_in: SignIn, now: datetime) -> None:
    """Refuse an override, a confirmation or an export of bank details without a fresh sign-in.

    Raises:
        Forbidden: ``step_up_needed``, where the body wants it everywhere.
    """
    if steps_up_everywhere(session, organisation):
        check_step_up(sign_in, now)
