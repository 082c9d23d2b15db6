"""Commands of an operator: move the simulated bank's day, fetch reports, fetch statements."""

import time
from collections.abc import Sequence

from sqlalchemy import text

from payments.bank.provider import BankUnavailableError
from payments.bank.providers.https_bank import HttpsBank
from payments.bank.tasks import bank_of, fetch_reports, statements_bank_of, vault_of
from payments.reconciliation.importing.fetching import fetch_statements
from payments.settings import PaymentsSettings, get_settings
from shared import clock, logs
from shared.db import Database, make_engine
from shared.errors import Invalid, Problem

_WAITING = text(
    """
    SELECT count(*) FROM outbox
     WHERE done_at IS NULL AND dead_at IS NULL AND due_at <= clock_timestamp()
       AND topic IN ('payments.bank.submit', 'payments.bank.ask', 'payments.runs.apply_outcomes')
    """
)
_PATIENCE_SECONDS = 30.0
_MOST_DAYS = 30


def next_bank_day(arguments: Sequence[str]) -> None:
    """Move the simulated bank on by one day (or so many), and take in all that it then says.

    Waits until the worker has handed over what is due, so that nothing released misses its day.
    """
    days = _read_days(arguments)
    settings, database, bank = _open()
    for _ in range(days):
        _wait_for_worker(database)
        _fetch_reports(settings, database, bank)
        try:
            day = bank.advance_day()
        except BankUnavailableError as error:
            raise Problem("bank_day_fixed", str(error)) from error
        reports = _fetch_reports(settings, database, bank)
        statements = _fetch_statements(settings, database, bank)
        print(f"Bank day {day}: {reports} report(s), {statements} statement(s)")
        _wait_for_worker(database)


def fetch_reports_now(_arguments: Sequence[str]) -> None:
    """Take in every report that the bank has and we have not."""
    settings, database, bank = _open()
    print(f"{_fetch_reports(settings, database, bank)} report(s)")


def fetch_statements_now(_arguments: Sequence[str]) -> None:
    """Take in and reconcile every statement that the bank has and we have not."""
    settings, database, bank = _open()
    print(f"{_fetch_statements(settings, database, bank)} statement(s)")


COMMANDS = {
    "next-bank-day": next_bank_day,
    "fetch-reports": fetch_reports_now,
    "fetch-statements": fetch_statements_now,
}


def _read_days(arguments: Sequence[str]) -> int:
    if not arguments:
        return 1
    if len(arguments) == 1 and arguments[0].isdecimal() and 0 < int(arguments[0]) <= _MOST_DAYS:
        return int(arguments[0])
    raise Invalid(title=f"next-bank-day takes a number of days from 1 to {_MOST_DAYS}")


def _open() -> tuple[PaymentsSettings, Database, HttpsBank]:
    settings = get_settings()
    logs.configure("payments", settings)
    engine = make_engine(settings.database_url, pool_size=2, service="payments-command")
    return settings, Database(engine), bank_of(settings)


def _fetch_reports(settings: PaymentsSettings, database: Database, bank: HttpsBank) -> int:
    try:
        return fetch_reports(database, bank, vault_of(settings), clock.now)
    except BankUnavailableError as error:
        raise Problem("bank_unavailable", f"The bank does not answer: {error}") from error


def _fetch_statements(settings: PaymentsSettings, database: Database, bank: HttpsBank) -> int:
    try:
        bank_of_statements = statements_bank_of(settings) or bank
        return fetch_statements(database, bank_of_statements, vault_of(settings), clock.now)
    except BankUnavailableError as error:
        raise Problem("bank_unavailable", f"The bank does not answer: {error}") from error


def _wait_for_worker(database: Database) -> None:
    """Wait until the worker has done what is due, and say so when it does not."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with database.transaction() as session:
            waiting = session.execute(_WAITING).scalar_one()
        if not waiting:
            return
        if time.monotonic() > end:
            print(f"{waiting} piece(s) of work still wait for the payments worker")
            return
        time.sleep(0.2)
