"""The application role attacks the ledger with plain SQL; each attack fails with its own code."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from shared.db import Database
from shared.ids import new_id

ENTRY = (
    "INSERT INTO entry (id, batch_id, body, event_type, event_id, rule_version, kind, refers_to,"
    " period_id, effective_on, posting_count, currency, request_hash)"
    " VALUES (%s, %s, %s, 'test', %s, 1, %s, %s, %s, %s, %s, %s, '')"
)


@dataclass
class Attacker:
    """A raw connection as the application role, with two bodies' accounts to abuse."""

    connection: Connection
    period: UUID
    accounts: dict[str, UUID]

    def batch(self, body: str = "a") -> UUID:
        batch = new_id()
        self.connection.execute(
            "INSERT INTO posting_batch (id, body, purpose) VALUES (%s, %s, 'attack')", (batch, body)
        )
        return batch

    def entry(
        self,
        batch: UUID,
        *,
        body: str = "a",
        kind: str = "posted",
        refers_to: UUID | None = None,
        lines: int = 2,
        currency: str = "GBP",
        day: str = "2026-11-05",
        event: str | None = None,
    ) -> UUID:
        entry = new_id()
        values = (entry, batch, body, event or str(entry), kind, refers_to)
        self.connection.execute(ENTRY, (*values, self.period, day, lines, currency))
        return entry

    def post(self, *rows: tuple[UUID, int, str, int, bool]) -> None:
        marks = ",".join(["(%s, %s, %s, %s, %s)"] * len(rows))
        values = [
            self.accounts.get(value, value) if isinstance(value, str) else value
            for row in rows
            for value in row
        ]
        self.connection.execute(f"INSERT INTO posting VALUES {marks}".encode(), values)

    def whole(self, amount: int = 100, *, kind: str = "posted", **more: object) -> UUID:
        entry = self.entry(self.batch(), kind=kind, **more)  # type: ignore[arg-type]  # members by name
        pending = kind == "pending"
        self.post((entry, 1, "cash", amount, pending), (entry, 2, "debt", -amount, pending))
        return entry

    def commit(self) -> None:
        self.connection.commit()


@pytest.fixture
def attacker(payments_database: Database, payments_url: str) -> Iterator[Attacker]:
    url = payments_url.replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        accounts = {}
        for body, code, currency, bound in (
            ("a", "cash", "GBP", "none"),
            ("a", "debt", "GBP", "none"),
            ("a", "euro", "EUR", "none"),
            ("a", "purse", "GBP", "not_negative"),
            ("a", "closed", "GBP", "none"),
            ("b", "other", "GBP", "none"),
        ):
            accounts[code] = new_id()
            connection.execute(
                "INSERT INTO account (id, body, code, type, normal_side, currency, bound)"
                " VALUES (%s, %s, %s, 'asset', 'debit', %s, %s)",
                (accounts[code], body, code, currency, bound),
            )
        connection.execute("UPDATE account SET closed_at = now() WHERE code = 'closed'")
        period = new_id()
        connection.execute(
            "INSERT INTO period (id, body, starts_on, ends_before)"
            " VALUES (%s, 'a', '2026-11-01', '2026-12-01')",
            (period,),
        )
        connection.commit()
        yield Attacker(connection, period, accounts)
        connection.rollback()


def refused(attacker: Attacker, code: str, error: psycopg.Error) -> None:
    """Assert the code, and that nothing of the attack is in the ledger."""
    assert error.sqlstate == code, error
    attacker.connection.rollback()


def count(attacker: Attacker, table: str) -> int:
    row = attacker.connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_a_whole_entry_is_taken(attacker: Attacker) -> None:
    attacker.whole()
    attacker.commit()
    assert (count(attacker, "entry"), count(attacker, "posting")) == (1, 2)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([(1, "cash", 100, False), (2, "debt", -99, False)], "LG004"),
        ([(1, "cash", 100, False), (2, "debt", -100, True)], "LG004"),
        ([(1, "cash", 100, False)], "LG003"),
        ([(1, "cash", 100, False), (3, "debt", -100, False)], "LG003"),
        ([(1, "cash", 9, False), (2, "debt", -4, False), (3, "debt", -5, False)], "LG003"),
        ([(1, "cash", 100, True), (2, "debt", -100, True)], "LG016"),
        ([(1, "cash", 100, False), (2, "euro", -100, False)], "LG008"),
        ([(1, "cash", 100, False), (2, "closed", -100, False)], "LG006"),
        ([(1, "cash", 100, False), (2, "other", -100, False)], "LG007"),
        ([(1, "cash", 100, False), (2, str(UUID(int=7)), -100, False)], "LG005"),
        ([(1, "cash", 100, False), (2, "purse", -100, False)], "LG014"),
        ([(1, "cash", 0, False), (2, "debt", 0, False)], "23514"),
    ],
)
def test_postings_that_do_not_fit(
    attacker: Attacker, rows: list[tuple[int, str, int, bool]], code: str
) -> None:
    entry = attacker.entry(attacker.batch())
    with pytest.raises(psycopg.Error) as caught:
        attacker.post(*[(entry, *row) for row in rows])
    refused(attacker, code, caught.value)
    assert count(attacker, "entry") == count(attacker, "posting") == 0


def test_three_lines_declared_and_two_sent(attacker: Attacker) -> None:
    entry = attacker.entry(attacker.batch(), lines=3)
    with pytest.raises(psycopg.Error) as caught:
        attacker.post((entry, 1, "cash", 100, False), (entry, 2, "debt", -100, False))
    refused(attacker, "LG003", caught.value)


def test_one_more_line_later_in_the_same_transaction(attacker: Attacker) -> None:
    entry = attacker.whole()
    with pytest.raises(psycopg.Error) as caught:
        attacker.post((entry, 3, "cash", 100, False))
    refused(attacker, "LG003", caught.value)


def test_a_second_set_of_lines_for_a_finished_entry(attacker: Attacker) -> None:
    entry = attacker.whole()
    attacker.commit()
    with pytest.raises(psycopg.Error) as caught:
        attacker.post((entry, 3, "cash", 5, False), (entry, 4, "debt", -5, False))
    refused(attacker, "LG001", caught.value)
    assert count(attacker, "posting") == 2


def test_lines_without_an_entry(attacker: Attacker) -> None:
    ghost = new_id()
    with pytest.raises(psycopg.Error) as caught:
        attacker.post((ghost, 1, "cash", 100, False), (ghost, 2, "debt", -100, False))
    refused(attacker, "LG017", caught.value)


@pytest.mark.parametrize("with_header", [True, False])
def test_a_batch_without_lines_cannot_commit(attacker: Attacker, *, with_header: bool) -> None:
    batch = attacker.batch()
    if with_header:
        attacker.entry(batch)
    with pytest.raises(psycopg.Error) as caught:
        attacker.commit()
    refused(attacker, "LG002", caught.value)
    assert count(attacker, "posting_batch") == count(attacker, "entry") == 0


def test_the_batch_of_another_transaction(attacker: Attacker) -> None:
    attacker.whole()
    attacker.commit()
    row = attacker.connection.execute("SELECT id FROM posting_batch").fetchone()
    assert row is not None
    with pytest.raises(psycopg.Error) as caught:
        attacker.entry(row[0])
    refused(attacker, "LG001", caught.value)


def test_the_batch_of_another_body(attacker: Attacker) -> None:
    with pytest.raises(psycopg.Error) as caught:
        attacker.entry(attacker.batch("b"))
    refused(attacker, "LG007", caught.value)


def test_a_closed_period(attacker: Attacker) -> None:
    attacker.connection.execute("SELECT close_period(%s, 'one', 'two')", (attacker.period,))
    attacker.commit()
    with pytest.raises(psycopg.Error) as caught:
        attacker.entry(attacker.batch())
    refused(attacker, "LG009", caught.value)


@pytest.mark.parametrize("day", ["2026-12-01", "2027-01-01"])
def test_a_day_after_its_period(attacker: Attacker, day: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        attacker.entry(attacker.batch(), day=day)
    refused(attacker, "LG009", caught.value)


def test_closing_a_period_takes_two_people(attacker: Attacker) -> None:
    with pytest.raises(psycopg.Error) as caught:
        attacker.connection.execute("SELECT close_period(%s, 'one', 'one')", (attacker.period,))
    refused(attacker, "LG018", caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET effective_on = effective_on",
        "DELETE FROM entry",
        "TRUNCATE entry",
        "UPDATE posting SET amount = amount + 1",
        "DELETE FROM posting",
        "TRUNCATE posting",
        "UPDATE posting_batch SET entries_seen = 1",
        "DELETE FROM posting_batch",
        "UPDATE period SET state = 'open'",
        "UPDATE balance SET posted_debit = 1",
        "DELETE FROM pending_resolution",
        "INSERT INTO pending_resolution VALUES (gen_random_uuid(), gen_random_uuid(), 'posted', 1)",
        "UPDATE account SET currency = 'EUR'",
        "DELETE FROM account",
        (
            "INSERT INTO posting_batch (id, body, purpose, xid)"
            " VALUES (gen_random_uuid(), 'a', 'x', '1')"
        ),
        "ALTER TABLE posting DISABLE TRIGGER ALL",
        "SELECT resolve_pending(ARRAY[]::uuid[])",
        "SET session_replication_role = replica",
    ],
)
def test_what_the_application_may_not_even_try(attacker: Attacker, statement: str) -> None:
    attacker.whole()
    attacker.commit()
    with pytest.raises(psycopg.Error) as caught:
        attacker.connection.execute(statement.encode())
    refused(attacker, "42501", caught.value)
    assert (count(attacker, "entry"), count(attacker, "posting")) == (1, 2)


@pytest.mark.parametrize("table", ["entry", "posting", "pending_resolution"])
def test_even_the_owner_meets_a_trigger(attacker: Attacker, cluster: object, table: str) -> None:
    with psycopg.connect(cluster.admin_url) as owner:  # type: ignore[attr-defined]  # only this kind has it
        for statement in (f"DELETE FROM payments.{table}", f"TRUNCATE payments.{table}"):
            with pytest.raises(psycopg.Error) as caught:
                owner.execute(statement.encode())
            assert caught.value.sqlstate == "LG015"
            owner.rollback()


def test_the_same_event_twice(attacker: Attacker) -> None:
    attacker.whole(event="one")
    attacker.commit()
    with pytest.raises(psycopg.Error) as caught:
        attacker.whole(event="one")
    assert "uq_entry_event" in str(caught.value)
    refused(attacker, "23505", caught.value)


def mirror(attacker: Attacker, of: UUID, amount: int = 100) -> UUID:
    entry = attacker.entry(attacker.batch(), kind="reversal", refers_to=of)
    attacker.post((entry, 1, "debt", amount, False), (entry, 2, "cash", -amount, False))
    return entry


def test_a_second_reversal(attacker: Attacker) -> None:
    entry = attacker.whole()
    mirror(attacker, entry)
    attacker.commit()
    with pytest.raises(psycopg.Error) as caught:
        mirror(attacker, entry)
    assert "uq_entry_reversal" in str(caught.value)
    refused(attacker, "23505", caught.value)


def test_a_reversal_that_is_no_mirror(attacker: Attacker) -> None:
    entry = attacker.whole()
    with pytest.raises(psycopg.Error) as caught:
        mirror(attacker, entry, 99)
    refused(attacker, "LG011", caught.value)


@pytest.mark.parametrize("kind", ["reversal", "post", "void", "correction"])
def test_references_that_do_not_fit(attacker: Attacker, kind: str) -> None:
    target = attacker.whole(kind="pending" if kind in {"reversal", "correction"} else "posted")
    with pytest.raises(psycopg.Error) as caught:
        attacker.entry(attacker.batch(), kind=kind, refers_to=target)
    refused(attacker, "LG010", caught.value)


def resolve(attacker: Attacker, pending: UUID, off: int, posted: int, kind: str = "post") -> None:
    entry = attacker.entry(attacker.batch(), kind=kind, refers_to=pending, lines=4 if posted else 2)
    rows = [(entry, 1, "cash", -off, True), (entry, 2, "debt", off, True)]
    if posted:
        rows += [(entry, 3, "cash", posted, False), (entry, 4, "debt", -posted, False)]
    attacker.post(*rows)


@pytest.mark.parametrize(("off", "posted"), [(100, 101), (99, 99), (100, -50), (200, 100)])
def test_resolutions_that_do_not_fit(attacker: Attacker, off: int, posted: int) -> None:
    pending = attacker.whole(kind="pending")
    with pytest.raises(psycopg.Error) as caught:
        resolve(attacker, pending, off, posted)
    refused(attacker, "LG013", caught.value)


@pytest.mark.parametrize(("first", "word"), [("post", "posted"), ("void", "voided")])
def test_a_second_resolution(attacker: Attacker, first: str, word: str) -> None:
    pending = attacker.whole(kind="pending")
    resolve(attacker, pending, 100, 60 if first == "post" else 0, first)
    attacker.commit()
    with pytest.raises(psycopg.Error) as caught:
        resolve(attacker, pending, 100, 100)
    assert f"pending_already_{word}" in str(caught.value)
    refused(attacker, "LG012", caught.value)
    row = attacker.connection.execute("SELECT posted_amount FROM pending_resolution").fetchone()
    assert row == (60 if first == "post" else 0,)


def test_a_bound_counts_what_is_reserved(attacker: Attacker) -> None:
    entry = attacker.entry(attacker.batch())
    attacker.post((entry, 1, "purse", 100, False), (entry, 2, "cash", -100, False))
    reserve = attacker.entry(attacker.batch(), kind="pending")
    attacker.post((reserve, 1, "cash", 70, True), (reserve, 2, "purse", -70, True))
    attacker.commit()
    spend = attacker.entry(attacker.batch())
    with pytest.raises(psycopg.Error) as caught:
        attacker.post((spend, 1, "cash", 31, False), (spend, 2, "purse", -31, False))
    refused(attacker, "LG014", caught.value)
    spend = attacker.entry(attacker.batch())
    attacker.post((spend, 1, "cash", 30, False), (spend, 2, "purse", -30, False))
    attacker.commit()


def test_an_amount_beyond_bigint(attacker: Attacker) -> None:
    entry = attacker.entry(attacker.batch())
    with pytest.raises(psycopg.Error) as caught:
        attacker.post((entry, 1, "cash", 2**63, False), (entry, 2, "debt", -(2**63), False))
    refused(attacker, "22003", caught.value)
