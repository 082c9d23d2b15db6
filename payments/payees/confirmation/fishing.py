"""Against guessing names: how many different ones an asker may try for one account in a day."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.payees.models import name_check
from shared.errors import Problem

WINDOW = timedelta(hours=24)


def refuse_fishing(
    session: Session,
    organisation: str,
    asker: str,
    account: bytes,
    question: bytes,
    *,
    now: datetime,
    limit: int,
) -> None:
    """Refuse a new name for an account of which this asker has tried ``limit`` others in 24 hours.

    A question asked before may be asked again. Of two questions at once the second waits for the
    first, so the limit cannot be passed by hurrying.

    Raises:
        Problem: ``too_many_names`` (429).
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 43))"),
        {"name": f"{organisation}\n{asker}\n{account.hex()}"},
    )
    tried = set(
        session.execute(
            select(name_check.c.payee_fingerprint)
            .where(
                name_check.c.organisation == organisation,
                name_check.c.asked_by_id == asker,
                name_check.c.account_fingerprint == account,
                name_check.c.asked_at > now - WINDOW,
            )
            .group_by(name_check.c.payee_fingerprint)
            .order_by(func.max(name_check.c.asked_at).desc())
            .limit(limit + 1)
        ).scalars()
    )
    if len(tried) >= limit and question not in tried:
        raise Problem(
            "too_many_names",
            "Too many names were tried for this account today",
            detail=f"At most {limit} names can be checked for one account in 24 hours. Ask the"
            " payee for the name on the account.",
            status=429,
            retry_after_seconds=3600,
        )
