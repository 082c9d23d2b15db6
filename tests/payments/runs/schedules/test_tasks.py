"""The worker's side of schedules: whatever is done twice, a day's run is made once."""

from datetime import datetime
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest
from sqlalchemy import text

from payments.payees.bank_details import DetailsVault
from payments.runs.schedules import tasks
from shared import clock
from shared.clock import LONDON
from shared.db import Database
from shared.outbox import Job
from shared.settings import ServiceSettings
from tests.payments.runs.schedules.payees import add_payees, occurrences, set_up

DUE = datetime(2026, 11, 30, 6, 0, tzinfo=LONDON)
_CLAIM = text(
    "UPDATE outbox SET attempt = attempt + 1 WHERE id ="
    " (SELECT id FROM outbox WHERE topic = :topic AND done_at IS NULL ORDER BY id LIMIT 1)"
    " RETURNING id, payload, attempt"
)


class _Job(Job):
    """A job at the time that the test says."""

    def now(self) -> datetime:
        return DUE


def _take(database: Database, topic: str) -> _Job:
    with database.transaction() as session:
        row = session.execute(_CLAIM, {"topic": topic}).one()
    settings = cast("ServiceSettings", SimpleNamespace())
    return _Job(row.id, topic, dict(row.payload), row.attempt, database, settings)


@pytest.mark.committed
def test_a_look_asks_for_what_is_due_and_each_day_is_made_once(
    database: Database, vault: DetailsVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "vault_of", lambda _settings: vault)
    with database.transaction() as session:
        add_payees(session, vault)
        schedule_id = set_up(session)
        tasks.plan(session, clock.now())
        tasks.plan(session, clock.now())
    tasks.look(_take(database, "payments.schedules.look"))
    job = _take(database, "payments.schedules.make")
    assert UUID(job.text("schedule_id")) == schedule_id
    tasks.make(job)
    # As after a worker that died before it could say that it was done.
    again = _Job(job.id, job.topic, job.payload, job.attempt, database, job.settings)
    with database.transaction() as session:
        session.execute(text("UPDATE outbox SET done_at = NULL WHERE id = :id"), {"id": job.id})
    tasks.make(again)
    assert again.finished
    with database.transaction() as session:
        assert occurrences(session, schedule_id) == [("2026-12-04", "made")]
        assert session.execute(text("SELECT count(*) FROM run")).scalar_one() == 1
        assert session.execute(text("SELECT count(*) FROM payment")).scalar_one() == 2
        looks = session.execute(
            text("SELECT count(*) FROM outbox WHERE topic = 'payments.schedules.look'")
        )
        assert looks.scalar_one() >= 1
