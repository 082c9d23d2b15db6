"""Delivered events go after their days; what somebody waits for stays."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.webhooks.actions.purge import purge_events
from shared.ids import new_id
from tests.payments.runs.world import BODY, NOW

_EVENT = text(
    "INSERT INTO webhook_event (organisation, type, subject, occurred_at, data)"
    " VALUES (:body, 'payment.paid', 'p', :at, '{}') RETURNING id"
)
_DELIVERY = text(
    "INSERT INTO webhook_delivery (endpoint_id, event_id, state, due_at, done_at)"
    " VALUES (:endpoint, :event, :state, :at, :done)"
)


def _event(session: Session, endpoint: object, days_ago: int, state: str, done_ago: int) -> None:
    at, done = NOW - timedelta(days=days_ago), NOW - timedelta(days=done_ago)
    event = session.execute(_EVENT, {"body": BODY, "at": at}).scalar_one()
    session.execute(
        _DELIVERY,
        {
            "endpoint": endpoint,
            "event": event,
            "state": state,
            "at": at,
            "done": None if state == "waiting" else done,
        },
    )
    session.execute(
        text(
            "INSERT INTO webhook_attempt (endpoint_id, event_id, at, error, duration_ms)"
            " VALUES (:endpoint, :event, :at, '', 1)"
        ),
        {"endpoint": endpoint, "event": event, "at": at},
    )


def _left(session: Session) -> list[int]:
    return [
        session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        for table in ("webhook_event", "webhook_delivery", "webhook_attempt")
    ]


def test_old_events_go_batch_by_batch(session: Session) -> None:
    endpoint = new_id()
    session.execute(
        text(
            "INSERT INTO webhook_endpoint (id, organisation, url, description, event_types, state,"
            " state_at, created_by, created_at) VALUES (:id, :body, 'https://example.org', '',"
            " ARRAY['payment.paid'], 'enabled', :now, 'Ada', :now)"
        ),
        {"id": endpoint, "body": BODY, "now": NOW},
    )
    for days_ago, state, done_ago in (
        (91, "delivered", 91),
        (95, "given_up", 92),
        (100, "delivered", 99),
        (100, "waiting", 0),
        (95, "delivered", 1),
        (89, "delivered", 89),
    ):
        _event(session, endpoint, days_ago, state, done_ago)
    assert purge_events(session, 90, NOW, most=2) == 2
    assert purge_events(session, 90, NOW, most=2) == 1
    assert purge_events(session, 90, NOW, most=2) == 0
    assert _left(session) == [3, 3, 3]
