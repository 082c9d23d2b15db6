from pathlib import Path

import pytest

from payments.bank.tasks import bank_of
from payments.reconciliation import commands
from payments.reconciliation.queries import list_statements, prove
from shared.errors import Problem
from shared.settings import ServiceSettings
from tests.payments.bank.bank_day import BODY, CLOSED, GOOD, SECRET, BankDay
from tests.payments.runs.console import make_settings


@pytest.fixture
def operator(
    day: BankDay,
    monkeypatch: pytest.MonkeyPatch,
    payments_url: str,
    key_file: Path,
    private_key: Path,
) -> BankDay:
    address = str(day.http.base_url).rstrip("/")
    settings = make_settings(
        payments_url, key_file, private_key, secret_key=SECRET, bank_url=address
    )
    monkeypatch.setattr(commands, "get_settings", lambda: settings)
    # No worker runs here that could empty the outbox.
    monkeypatch.setattr(commands, "_PATIENCE_SECONDS", 0)
    return day


def test_two_bank_days_bring_reports_and_the_statement(
    operator: BankDay, capsys: pytest.CaptureFixture[str]
) -> None:
    _, submission, _ = operator.run((GOOD, 700), (CLOSED, 300))
    operator.hand_over(submission)
    commands.COMMANDS["next-bank-day"](["2"])
    said = capsys.readouterr().out
    assert "Bank day 2026-11-24: 0 report(s), 0 statement(s)" in said
    assert "Bank day 2026-11-25: 1 report(s), 1 statement(s)" in said
    with operator.database.transaction() as session:
        assert [one.state for one in list_statements(session, BODY)] == ["reconciled"]
        assert prove(session, BODY).holds
    commands.COMMANDS["fetch-reports"]([])
    commands.COMMANDS["fetch-statements"]([])
    assert capsys.readouterr().out == "0 report(s)\n0 statement(s)\n"


@pytest.mark.parametrize("arguments", [["0"], ["31"], ["x"], ["1", "2"]])
def test_a_wrong_number_of_days_is_refused(operator: BankDay, arguments: list[str]) -> None:
    with pytest.raises(Problem, match="1 to 30"):
        commands.next_bank_day(arguments)
    assert operator.http.get("/admin/day").json() == {"day": "2026-11-23"}


def test_only_payments_settings_name_a_bank() -> None:
    with pytest.raises(TypeError):
        bank_of(ServiceSettings.model_construct())
