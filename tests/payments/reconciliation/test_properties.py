"""What must hold of matching whatever the lines are (ledger contract 3.3), on seeded sets."""

import random
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from benchmarks.payments.matching_set import DAY, Item, Row, digest, make_set
from payments.bank.actions import reference_key
from payments.bank.queries import find_bank_account
from payments.ledger.queries import list_faults
from payments.reconciliation import actions
from payments.reconciliation.matching import reconcile_account, rematch_account
from payments.reconciliation.passes import Settings
from payments.reconciliation.queries import prove
from payments.reconciliation.rules import LineKind, Statement, StatementLine
from payments.reconciliation.ruling.actions import decide_rules, list_versions, propose_rules
from payments.reconciliation.ruling.rules import check_pattern
from payments.reconciliation.work.rules import Candidate, find_parts
from shared.errors import Forbidden, Invalid
from shared.ids import new_id
from tests.payments.bank.bank_day import BODY, NOW, BankDay
from tests.payments.reconciliation.statements import Entry
from tests.payments.reconciliation.test_desk import IAIN, MORAG, expect, lines, upload

KINDS: dict[str, LineKind] = {"credit": "credit", "debit": "debit", "return": "return"}


def expect_items(day: BankDay, items: list[Item]) -> dict[UUID, int]:
    ids = {new_id(): item.number for item in items}
    with day.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO expected_item (id, target_type, body, bank_account_id, amount_pence,"
                " due_on, end_to_end_id, group_key, reference, reference_key, account_hash,"
                " ledger_account) VALUES (:id, :type, :body, :account, :pence, :due, :e2e, :group,"
                " :reference, :key, :hash, :contra)"
            ),
            [
                {
                    "id": identification,
                    "type": "payment" if item.pence < 0 else "expected_item",
                    "body": BODY,
                    "account": day.account,
                    "pence": item.pence,
                    "due": item.due_on,
                    "e2e": item.end_to_end_id,
                    "group": item.group,
                    "reference": item.reference,
                    "key": reference_key(item.reference),
                    "hash": day.vault.fingerprint("account", f"201918{item.account:08d}", ""),
                    "contra": "in_transit" if item.pence < 0 else "programme_income",
                }
                for identification, item in zip(ids, items, strict=True)
            ],
        )
    return ids


def show(day: BankDay, rows: list[Row], opening: int = 0, days: int = 0) -> None:
    """Put lines on a statement and reconcile it."""
    found = tuple(
        StatementLine(
            amount_pence=row.pence,
            booking_date=DAY,
            value_date=DAY,
            kind=KINDS[row.line_kind],
            bank_code="93",
            end_to_end_id=row.end_to_end_id,
            batch_ref=row.batch_ref,
            reference=row.reference,
            counterparty_sort_code="201918" if row.account >= 0 else "",
            counterparty_account=f"{row.account:08d}" if row.account >= 0 else "",
        )
        for row in rows
    )
    on = DAY + timedelta(days=days)
    closing = opening + sum(line.amount_pence for line in found)
    statement = Statement("", "", "GBP", "set", None, opening, closing, on, on, found)
    with day.database.transaction() as session:
        file = new_id()
        session.execute(
            text(
                "INSERT INTO statement_file VALUES (:file, :body, :account, 'set', 'csv',"
                " 'upload', NULL, '', :sha, '[]', now())"
            ),
            {"file": file, "body": BODY, "account": day.account, "sha": file.bytes * 2},
        )
        account = find_bank_account(session, day.account)
        assert account is not None
        actions._store(session, day.vault, file, account, statement, "csv", NOW)
        assert reconcile_account(session, day.account, NOW) == 1


def made(day: BankDay, ids: dict[UUID, int]) -> dict[tuple[str, ...], list[tuple[int, str, int]]]:
    """Return the matches of each line by the line's content."""
    with day.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT l.amount_pence, l.end_to_end_id, l.batch_ref, l.reference, l.occurrence,"
                " m.target_id, m.rule_id, m.amount_pence AS pence FROM match m"
                " JOIN statement_line l ON l.id = m.line_id WHERE m.state = 'live'"
            )
        ).all()
    found: dict[tuple[str, ...], list[tuple[int, str, int]]] = {}
    for row in rows:
        key = tuple(str(value) for value in row[:5])
        found.setdefault(key, []).append((ids[row.target_id], row.rule_id, row.pence))
    return {key: sorted(value) for key, value in found.items()}


def forget(day: BankDay) -> None:
    with day.database.transaction() as session:
        session.execute(
            text(
                "UPDATE match SET state = 'undone', undone_by = 'x', undone_at = now(),"
                " undo_reason = 'x'"
            )
        )


def test_a_set_is_the_same_wherever_it_is_made() -> None:
    assert digest(*make_set(1, 500)) == digest(*make_set(1, 500))
    assert digest(*make_set(1, 500)) != digest(*make_set(2, 500))


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_every_match_is_true_and_nothing_is_lost(day: BankDay, seed: int) -> None:
    items, rows = make_set(seed, 250)
    ids = expect_items(day, items)
    show(day, rows)
    truth: dict[tuple[str, str, str, str], set[tuple[int, ...]]] = {}
    for row in rows:
        key = (str(row.pence), row.end_to_end_id, row.batch_ref, row.reference)
        truth.setdefault(key, set()).add(row.truth)
    found = made(day, ids)
    for line, targets in found.items():
        told = (line[0], line[1], line[2], line[3])
        assert tuple(sorted(one[0] for one in targets)) in {
            tuple(sorted(one)) for one in truth[told]
        }
        assert sum(one[2] for one in targets) == abs(int(line[0]))
    sure = sum(row.kind in ("exact", "mangled", "batch", "return") for row in rows)
    assert len(found) == sure
    with day.database.transaction() as session:
        shown = prove(session, BODY)
        assert list_faults(session, BODY) == []
        over = text("SELECT count(*) FROM match_target WHERE allocated_pence > amount_pence")
        assert session.execute(over).scalar_one() == 0
    (account,) = shown.accounts
    assert account.difference_pence == 0
    assert rematch_again(day) == 0
    assert made(day, ids) == found


def rematch_again(day: BankDay) -> int:
    with day.database.transaction() as session:
        return rematch_account(session, day.account, NOW)


def test_the_order_of_lines_changes_no_match(day: BankDay) -> None:
    items, rows = make_set(21, 200)
    ids = expect_items(day, items)
    show(day, rows)
    first = made(day, ids)
    forget(day)
    shuffled = list(rows)
    random.Random(5).shuffle(shuffled)  # noqa: S311 - an order, not a secret
    # The same lines once more, as another statement of the account: their content says they differ.
    again = [replace(row, account=row.account) for row in shuffled]
    with day.database.transaction() as session:
        session.execute(text("UPDATE statement_line SET set_aside = true"))
    show(day, again, opening=sum(row.pence for row in rows), days=1)
    assert made(day, ids) == first


def test_new_lines_never_undo_what_is_matched(day: BankDay) -> None:
    items, rows = make_set(31, 200)
    ids = expect_items(day, items)
    half = len(rows) // 2
    show(day, rows[:half])
    before = made(day, ids)
    opening = sum(row.pence for row in rows[:half])
    late = [row for row in rows[half:] if row.kind != "duplicate"]
    show(day, late, opening=opening, days=1)
    after = made(day, ids)
    assert all(after[key] == value for key, value in before.items())


def candidate(number: int, pence: int) -> Candidate:
    one = UUID(int=number)
    return Candidate("payment", one, None, None, "", "", "", pence, pence, DAY, "in_transit")


@pytest.mark.parametrize(
    ("amounts", "target", "parts"),
    [
        ([100, 200, 300], 300, 0),
        ([100, 250, 700], 350, 2),
        ([100, 200, 350], 1_000, 0),
        ([1] * 25, 8, 0),
        (list(range(1_001, 1_026)), 26_325, 0),
    ],
    ids=["whole-and-sum", "only-one", "none", "many", "too-many-parts"],
)
def test_parts_are_suggested_only_when_they_are_the_only_ones(
    amounts: list[int], target: int, parts: int
) -> None:
    some = [candidate(number, pence) for number, pence in enumerate(amounts)]
    assert len(find_parts(target, some)) == parts


@pytest.mark.parametrize(
    "pattern",
    [
        "(A+)+",
        "A*",
        ".*",
        "(A|B)",
        "((A))",
        "A{1,40}A{1,40}A{1,40}",
        "A{5,1}",
        "[Z-A]",
        "\\1",
        "A{41}",
        "(?=A)",
        "(",
    ],
)
def test_a_pattern_that_could_be_slow_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_pattern(pattern)
    assert caught.value.fields[0].field == "pattern"


def test_rules_are_tried_without_a_trace_and_put_into_force_by_another(day: BankDay) -> None:
    item = expect(day, 9_900, "RENT-000017")
    upload(day, 1, 500_000, Entry(9_900, reference="FROM A TENANT RENT-000017 NOV"))
    (line,) = lines(day)
    wanted = Settings(0, "(rent-\\d{6})", 3, 10, False)
    with day.database.transaction() as session:
        counts = session.execute(text("SELECT count(*), max(state) FROM match")).one()
        difference = propose_rules(
            session, day.account, wanted, DAY, DAY + timedelta(days=9), MORAG, NOW
        )
        assert (difference.gained, difference.lost, difference.before) == (1, 0, 0)
        assert difference.samples["gained"] == [str(line)]
        assert session.execute(text("SELECT count(*), max(state) FROM match")).one() == counts
        (draft,) = list_versions(session, day.account)
    with day.database.transaction() as session, pytest.raises(Forbidden):
        decide_rules(session, day.account, draft.id, MORAG, NOW, approve=True)
    with day.database.transaction() as session:
        assert decide_rules(session, day.account, draft.id, IAIN, NOW, approve=True) == 1
        found = session.execute(text("SELECT target_id, rule_version FROM match")).one()
        assert tuple(found) == (item, 1_002)
        assert prove(session, BODY).holds


def test_an_amount_alone_suggests_until_the_account_says_otherwise(day: BankDay) -> None:
    expect(day, 9_900)
    upload(day, 1, 500_000, Entry(9_900, reference="X"))
    with day.database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM match")).scalar_one() == 0
        (reason,) = session.execute(
            text("SELECT candidates->0->>'rule' FROM reconciliation_exception")
        ).scalars()
        assert reason == "amount-date"
        propose_rules(
            session,
            day.account,
            Settings(0, "", 3, 10, True),
            DAY,
            DAY + timedelta(days=9),
            MORAG,
            NOW,
        )
        (draft,) = list_versions(session, day.account)
        assert decide_rules(session, day.account, draft.id, IAIN, NOW, approve=True) == 1
