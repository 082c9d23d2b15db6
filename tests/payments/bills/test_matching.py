"""The money of a paid bill is found on the statement, and the books say so."""

import pytest
from sqlalchemy import text

from payments.ledger.queries import trial_balance
from payments.reconciliation.actions import import_statements
from payments.reconciliation.matching import rematch_account
from shared.actors import SYSTEM
from tests.payments.bank.bank_day import BODY, NOW, BankDay
from tests.payments.bills.counter import PENCE, REFERENCE, issue, pay
from tests.payments.reconciliation.conftest import day
from tests.payments.reconciliation.statements import Entry, camt

__all__ = ["day"]


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (Entry(PENCE, reference=REFERENCE), True),
        (Entry(PENCE - 1, reference=REFERENCE), False),
    ],
    ids=["same-amount", "other-amount"],
)
def test_a_bank_line_settles_a_bill(day: BankDay, entry: Entry, *, found: bool) -> None:
    with day.database.transaction() as session:
        session.execute(
            text("INSERT INTO body VALUES (:body, 'Strathclachan') ON CONFLICT DO NOTHING"),
            {"body": BODY},
        )
        session.execute(
            text(
                "INSERT INTO programme (id, organisation, slug, name, bank_account_id, release)"
                " VALUES (gen_random_uuid(), :body, 'winter-heating', 'W', :account, 'by_hand')"
            ),
            {"body": BODY, "account": day.account},
        )
        issue(session)
        pay(session)
    with day.database.transaction() as session:
        content = camt(1, 500_000, (entry,))
        import_statements(session, day.vault, BODY, "file.xml", content, SYSTEM, NOW)
        rematch_account(session, day.account, NOW)
    with day.database.transaction() as session:
        held = {one.code: one.posted_pence for one in trial_balance(session, BODY)}
    assert held["programme_income"] == -PENCE
    assert held["payout_in_transit"] == (0 if found else PENCE)
    assert held["suspense.main"] == (0 if found else 1 - PENCE)
