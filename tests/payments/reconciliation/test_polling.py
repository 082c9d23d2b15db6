"""The bank is asked again and again, once for each period, whoever started it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from payments.reconciliation import polling
from payments.reconciliation.queries import list_statements, prove
from shared.settings import ServiceSettings
from tests.payments.bank.bank_day import BODY, GOOD, SECRET, BankDay
from tests.payments.runs.console import make_settings

START = datetime(2026, 11, 25, 10, 7, tzinfo=UTC)


def planned(day: BankDay) -> list[datetime]:
    with day.database.transaction() as session:
        return list(
            session.execute(
                text(
                    "SELECT due_at FROM outbox WHERE topic = 'payments.reconciliation.poll'"
                    " ORDER BY due_at"
                )
            ).scalars()
        )


def test_workers_that_start_in_one_period_plan_one_poll(
    day: BankDay, payments_url: str, key_file: Path, private_key: Path
) -> None:
    settings = make_settings(payments_url, key_file, private_key)
    for minutes in (0, 1, 7):
        with day.database.transaction() as session:
            polling.plan_poll(session, settings, START + timedelta(minutes=minutes))
    assert planned(day) == [datetime(2026, 11, 25, 10, 15, tzinfo=UTC)]
    with day.database.transaction() as session:
        polling.plan_poll(session, settings, START + timedelta(minutes=8))
    assert planned(day)[1:] == [datetime(2026, 11, 25, 10, 30, tzinfo=UTC)]


def test_other_settings_plan_nothing(day: BankDay) -> None:
    with pytest.raises(TypeError), day.database.transaction() as session:
        polling.plan_poll(session, ServiceSettings.model_construct(), START)
    assert planned(day) == []


def test_a_poll_takes_in_what_is_new_and_plans_the_next(
    day: BankDay,
    payments_url: str,
    key_file: Path,
    private_key: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, submission, _ = day.run((GOOD, 700))
    day.hand_over(submission)
    day.next_day()
    day.next_day()
    job = day.job(submission)
    job.settings = make_settings(payments_url, key_file, private_key, secret_key=SECRET)
    monkeypatch.setattr(polling, "bank_of", lambda _settings: day.bank)
    for _ in range(2):
        polling.poll(job)
        with day.database.transaction() as session:
            assert len(list_statements(session, BODY)) == 1
            assert prove(session, BODY).holds
    assert 1 <= len(planned(day)) <= 2


def test_a_bank_that_is_away_stops_no_later_poll(
    day: BankDay, payments_url: str, key_file: Path, private_key: Path
) -> None:
    job = day.job(day.run((GOOD, 700))[1])
    job.settings = make_settings(payments_url, key_file, private_key)
    polling.poll(job)
    assert len(planned(day)) == 1
