"""One set-based hook where states move: writes events for those who listen, and for nobody else."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from payments.runs.rules import WORDS
from payments.webhooks.rules import PAYMENT_EVENTS, RUN_EVENTS
from shared.outbox import enqueue

# One that was suspended for its failures finds what it missed when it is switched on again.
_LISTENERS = text(
    """
    SELECT id FROM webhook_endpoint
     WHERE organisation = :organisation AND :type = ANY (event_types)
       AND (state = 'enabled' OR state = 'suspended' AND state_reason = 'failing'
                                 AND state_at > :now - interval '30 days')
       AND (:of_any OR client_id IS NULL OR client_id = :client)
     ORDER BY id
    """
)
# The payments that came to the state at this very instant: earlier ones have been told of.
_PAYMENTS = """
    WITH heard AS (
      SELECT id, client_id FROM webhook_endpoint WHERE id = ANY (:endpoints)
    ), fresh AS (
      INSERT INTO webhook_event (organisation, type, subject, client_id, occurred_at, data)
      SELECT p.organisation, cast(:type AS text), p.public_id, coalesce(u.sent_by_id, p.client_id),
             :now,
             jsonb_build_object('payment_id', p.public_id, 'state', p.state,
               'word', cast(:word AS text),
               'run', r.reference, 'reference', p.reference, 'case_reference', p.case_reference,
               'amount_pence', p.amount_pence, 'currency', p.currency)
             || CASE WHEN p.state IN ('returned', 'scheme_rejected')
                THEN jsonb_build_object('reason_code', p.reason_code, 'reason', p.reason)
                ELSE '{}'::jsonb END
        FROM payment p JOIN run r ON r.id = p.run_id
        LEFT JOIN upload u ON u.id = r.upload_id AND u.source = 'api'
       WHERE %(which)s AND p.state = :state AND p.state_at = :now
         AND EXISTS (SELECT FROM heard WHERE heard.client_id IS NULL
                                          OR heard.client_id = coalesce(u.sent_by_id, p.client_id))
       ORDER BY p.id
      RETURNING id, client_id
    )
    INSERT INTO webhook_delivery (endpoint_id, event_id, due_at)
    SELECT heard.id, fresh.id, :now
      FROM fresh JOIN heard ON heard.client_id IS NULL OR heard.client_id = fresh.client_id
"""
_OF_RANGE = text(
    _PAYMENTS % {"which": "p.run_id = :run_id AND p.id BETWEEN :first_id AND :last_id"}
)
_OF_IDS = text(_PAYMENTS % {"which": "p.id = ANY (:ids)"})
_FACT = text(
    """
    WITH fresh AS (
      INSERT INTO webhook_event (organisation, type, subject, client_id, occurred_at, data)
      VALUES (:organisation, :type, :subject, :client, :now, cast(:data AS jsonb)) RETURNING id
    )
    INSERT INTO webhook_delivery (endpoint_id, event_id, due_at)
    SELECT endpoint, fresh.id, :now FROM fresh, unnest(cast(:endpoints AS uuid[])) AS endpoint
    """
)


def announce_moves(
    session: Session,
    organisation: str,
    run_id: UUID,
    state: str,
    first_id: UUID,
    last_id: UUID,
    now: datetime,
    *,
    event_type: str | None = None,
) -> int:
    """Tell listeners of a run's payments, ids from first to last, that moved to ``state`` now.

    For use right after the set-based move, with the ``state_at`` that it set. Where nobody listens
    it costs one indexed read. ``event_type`` where it is not the one that a move to this state has.
    Returns how many deliveries were written.
    """
    which = {"run_id": run_id, "first_id": first_id, "last_id": last_id}
    return _announce(session, _OF_RANGE, organisation, state, which, now, event_type)


def announce_payments(
    session: Session, organisation: str, ids: Sequence[UUID], state: str, now: datetime
) -> int:
    """Tell listeners of these payments, as far as they moved to ``state`` now."""
    return _announce(session, _OF_IDS, organisation, state, {"ids": list(ids)}, now)


def _announce(
    session: Session,
    statement: TextClause,
    organisation: str,
    state: str,
    which: Mapping[str, object],
    now: datetime,
    event_type: str | None = None,
) -> int:
    event_type = event_type or PAYMENT_EVENTS.get(state)
    if event_type is None:
        return 0
    endpoints = _listeners(session, organisation, event_type, now, of_any=True)
    if not endpoints:
        return 0
    word = next((word for name, word in WORDS.items() if name == state), "")
    values = {"endpoints": endpoints, "type": event_type, "state": state, "word": word, "now": now}
    written = session.execute(statement, {**values, **which})
    count = int(written.rowcount)  # type: ignore[attr-defined]  # an INSERT has a row count
    if count:
        wake(session, endpoints)
    return count


def announce_run(
    session: Session, organisation: str, run_id: UUID, reference: str, state: str, now: datetime
) -> int:
    """Tell the body's listeners that a run came to a state; returns how many."""
    event_type = RUN_EVENTS.get(state)
    if event_type is None:
        return 0
    data = {"run_id": str(run_id), "run": reference, "state": state}
    return announce_fact(session, organisation, event_type, reference, data, now)


def announce_fact(
    session: Session,
    organisation: str,
    event_type: str,
    subject: str,
    data: Mapping[str, str | int | None],
    now: datetime,
    *,
    client_id: str | None = None,
) -> int:
    """Tell the body's own listeners of one thing, such as a finished upload; returns how many.

    ``data`` holds ids and figures, never names or bank details. ``client_id`` is the program whose
    thing it is, which hears of it too.
    """
    endpoints = _listeners(session, organisation, event_type, now, client=client_id)
    if endpoints:
        tell(session, organisation, endpoints, event_type, subject, data, now, client_id=client_id)
    return len(endpoints)


def tell(
    session: Session,
    organisation: str,
    endpoints: Sequence[UUID],
    event_type: str,
    subject: str,
    data: Mapping[str, str | int | None],
    now: datetime,
    *,
    client_id: str | None = None,
) -> None:
    """Write one event for exactly these endpoints."""
    session.execute(
        _FACT,
        {
            "organisation": organisation,
            "type": event_type,
            "subject": subject,
            "client": client_id,
            "now": now,
            "data": json.dumps(dict(data)),
            "endpoints": list(endpoints),
        },
    )
    wake(session, endpoints)


def wake(session: Session, endpoints: Sequence[UUID]) -> None:
    """Have what waits for these endpoints delivered once this transaction has committed."""
    for endpoint_id in endpoints:
        enqueue(session, "payments.webhooks.deliver", {"endpoint_id": str(endpoint_id)})


def _listeners(
    session: Session,
    organisation: str,
    event_type: str,
    now: datetime,
    *,
    of_any: bool = False,
    client: str | None = None,
) -> list[UUID]:
    rows = session.execute(
        _LISTENERS,
        {
            "organisation": organisation,
            "type": event_type,
            "of_any": of_any,
            "client": client,
            "now": now,
        },
    )
    return list(rows.scalars())
