"""Runs of as many payments as a test wants, written straight into the tables."""

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.ids import new_id
from tests.payments.runs.world import BODY, NOW

DAY = date(2026, 11, 23)
_RUN = text(
    """
    INSERT INTO run (id, organisation, programme_id, reference, run_date, state, content_hash,
                     created_at, state_at)
    SELECT :run, :body, id, :reference, :day, 'approving', '\\x00', :now, :now FROM programme
     WHERE organisation = :body AND slug = 'big-grant'
    """
)
_PAYMENTS = text(
    """
    INSERT INTO payment (id, public_id, organisation, run_id, state, payee_name, account_type,
                         details_sealed, account_fingerprint, account_tail, amount_pence, currency,
                         reference, modulus_result, client_id, idempotency_key, correlation_id,
                         created_at, state_at, replaces)
    SELECT u.id, u.public_id, :body, :run, u.state, 'Morag Fictional', 'personal', '\\x00', '\\x00',
           '0012', u.pence, 'GBP', 'REF', 'not_checked', 'upload', u.public_id, 'story', :now, :now,
           u.replaces
      FROM unnest(cast(:ids AS uuid[]), cast(:public_ids AS text[]), cast(:states AS text[]),
                  cast(:amounts AS bigint[]), cast(:replaced AS text[]))
           AS u(id, public_id, state, pence, replaces)
    """
)


def make_run(
    session: Session,
    amounts: list[int],
    *,
    state: str = "awaiting_approval",
    replaces: list[str | None] | None = None,
) -> tuple[UUID, list[UUID]]:
    """Return a run of that many payments, and their ids in order."""
    run, ids = new_id(), [new_id() for _ in amounts]
    values = {"run": run, "body": BODY, "day": DAY, "now": NOW, "reference": str(run)}
    session.execute(_RUN, values)
    session.execute(
        _PAYMENTS,
        values
        | {
            "ids": ids,
            "public_ids": [one.hex[-26:] for one in ids],
            "states": [state] * len(ids),
            "amounts": amounts,
            "replaced": replaces or [None] * len(ids),
        },
    )
    return run, ids
