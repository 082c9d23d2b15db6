"""Files of name checks: nothing asked twice, nothing lost, a kill leaves one row in doubt."""

import threading
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from payments.payees.actions import Checker
from payments.payees.bank_details import DetailsVault
from payments.payees.bulk import tasks
from payments.payees.bulk.actions import begin_batch, go_on, start_batch, stop_batch, validate_shard
from payments.payees.bulk.queries import count_answers, get_batch, list_results
from payments.payees.bulk.rules import NameRow, cut_parts, open_part, part_of, read_names
from payments.payees.modulus.tables import TableFiles
from payments.payees.provider import NameAnswer, NameQuestion, NoAnswerError
from shared import clock
from shared.actors import Actor
from shared.crypto import Sealer
from shared.db import Database
from shared.errors import Conflict, Invalid, NotFound
from shared.outbox import Job

BODY = "strathclachan"
COP = Actor("staff", "person-Cora", BODY, frozenset({"payments.confirmation_of_payee"}), "Cora")
OTHER = Actor("staff", "person-Other", "glenmore", COP.roles, "Other")


class Killed(BaseException):
    """The process ends here: no handler of exceptions sees it."""


@dataclass
class Bank:
    """Answers by the name; dies or is silent where told."""

    asked: list[NameQuestion] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    kill_at: set[int] = field(default_factory=set)

    def verify(self, question: NameQuestion) -> NameAnswer:
        self.asked.append(question)
        if len(self.asked) in self.kill_at:
            raise Killed
        if question.name in self.silent:
            raise NoAnswerError("silent")
        if question.name.startswith("Close"):
            return NameAnswer(matched=False, reason_code="MBAM", name="Held Name")
        return NameAnswer(matched=question.name.startswith("Good"), reason_code="ANNM")


@dataclass
class World:
    database: Database
    checker: Checker
    bank: Bank

    def begin(self, rows: list[NameRow], actor: Actor = COP) -> UUID:
        """Take a file in, validate it and begin to ask."""
        with self.database.transaction() as session:
            batch_id = begin_batch(
                session,
                self.checker.vault,
                BODY,
                "page",
                "n.csv",
                b"digest",
                [astuple(row) for row in rows],
                actor,
                clock.now(),
            )
            stage_id = session.execute(text("SELECT id FROM stage")).scalar_one()
        for _ in range(2):  # a job that runs twice has its effect once
            with self.database.transaction() as session:
                validate_shard(session, self.checker, stage_id, 1)
        for _ in range(2):
            with self.database.transaction() as session:
                start_batch(session, batch_id, 2, clock.now())
        return batch_id

    def jobs(self) -> list[Job]:
        """Claim every lane job that is open, as a worker would after a lost lease too."""
        with self.database.transaction() as session:
            rows = session.execute(
                text(
                    "UPDATE outbox SET attempt = attempt + 1 WHERE done_at IS NULL"
                    " AND topic = 'payments.payees.ask_names'"
                    " RETURNING id, payload, attempt"
                )
            ).all()
        return [
            Job(row.id, "t", dict(row.payload), row.attempt, self.database, None)  # type: ignore[arg-type]  # no setting is read
            for row in rows
        ]

    def work(self, *, until_killed: bool = False) -> int:
        """Run every lane until none is left; returns how often a process was killed."""
        kills = 0
        while jobs := self.jobs():
            for job in jobs:
                try:
                    tasks.run_lane(job, self.checker, 10_000)
                except Killed:
                    kills += 1
                    if until_killed:
                        return kills
        return kills

    def counts(self, batch_id: UUID) -> dict[str, int]:
        """Return the kept totals by outcome and code."""
        with self.database.transaction() as session:
            found = count_answers(session, batch_id)
        return {f"{one.outcome}/{one.reason_code}": one.rows for one in found}

    def state(self, batch_id: UUID) -> str:
        with self.database.transaction() as session:
            return get_batch(session, BODY, batch_id).state


@pytest.fixture
def world(payments_database: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(tasks, "PAUSE_SECONDS", 0)
    bank = Bank()
    vault = DetailsVault(sealer, "secret")
    checker = Checker(payments_database, bank, TableFiles(None, None), vault, clock.now)
    return World(payments_database, checker, bank)


def _row(name: str, number: int = 1, **more: str) -> NameRow:
    return replace(NameRow("personal", name, "99-00-01", f"{10_000_000 + number}"), **more)


def _rows(count: int) -> list[NameRow]:
    return [_row(f"Good {number}", number) for number in range(count)]


def test_every_row_gets_its_answer(world: World) -> None:
    rows = [
        _row("Good One", 1),
        _row("Bad One", 2),
        _row("Close One", 3),
        _row("", 4),
        _row("Good IBAN", iban="GB29NWBK60161331926819", sort_code="", account_number=""),
    ]
    batch_id = world.begin(rows)
    world.work()
    assert world.state(batch_id) == "done"
    assert world.counts(batch_id) == {
        "match/": 2,
        "no_match/ANNM": 1,
        "close_match/MBAM": 1,
        "invalid/": 1,
    }
    with world.database.transaction() as session:
        found = list_results(session, world.checker.vault, batch_id)
        lines = session.execute(text("SELECT count(*) FROM audit_event")).scalar_one()
        sealed = session.execute(text("SELECT sealed FROM name_batch_part")).scalar_one()
    assert [(one.number, one.outcome, one.matched_name) for one in found] == [
        (1, "match", None),
        (2, "no_match", None),
        (3, "close_match", "Held Name"),
        (4, "invalid", None),
        (5, "match", None),
    ]
    assert found[3].fault == "Enter the name on the account"
    assert [one.row for one in found] == rows
    assert lines == 1  # one for the file, none for each row
    assert b"Good" not in bytes(sealed)


def test_a_question_that_stands_there_twice_is_asked_once(world: World) -> None:
    batch_id = world.begin(
        [_row("Good One"), _row("GOOD  one"), _row("Close One"), _row("Good One")]
    )
    world.work()
    assert len(world.bank.asked) == 2
    assert world.counts(batch_id) == {"match/": 3, "close_match/MBAM": 1}
    with world.database.transaction() as session:
        found = list_results(session, world.checker.vault, batch_id, outcome="match")
    assert [(one.number, one.same_as) for one in found] == [(1, None), (2, 1), (4, 1)]


def test_a_kill_between_claim_and_record_leaves_one_row_in_doubt(world: World) -> None:
    batch_id = world.begin(_rows(12))
    world.bank.kill_at = {4, 9}
    assert world.work() == 2
    assert world.state(batch_id) == "done"
    assert world.counts(batch_id) == {"match/": 12}
    # Only the rows in doubt were asked again, and under the same id.
    names = [question.name for question in world.bank.asked]
    assert len(names) == 14
    ids = {(question.name, question.interaction_id) for question in world.bank.asked}
    assert len(ids) == 12
    with world.database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM name_check")).scalar_one() == 12


def test_two_workers_at_once_ask_no_row_twice(world: World) -> None:
    batch_id = world.begin(_rows(40))
    threads = [
        threading.Thread(target=tasks.run_lane, args=(job, world.checker, 10_000))
        for job in world.jobs()
    ]
    assert len(threads) == 2
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.state(batch_id) == "done"
    assert len(world.bank.asked) == 40
    assert world.counts(batch_id) == {"match/": 40}


def test_silence_is_tried_three_times_and_can_be_asked_again(world: World) -> None:
    world.bank.silent = {"Good 1"}
    batch_id = world.begin(_rows(3))
    world.work()
    assert world.counts(batch_id) == {"match/": 2, "unable_to_check/NOANSWER": 1}
    assert [one.name for one in world.bank.asked].count("Good 1") == 3
    world.bank.silent = set()
    with world.database.transaction() as session:
        go_on(session, batch_id, COP, clock.now(), lanes=2)
    assert world.state(batch_id) == "running"
    world.work()
    assert world.counts(batch_id) == {"match/": 3}
    assert world.state(batch_id) == "done"
    assert len(world.bank.asked) == 6
    with pytest.raises(Conflict), world.database.transaction() as session:
        go_on(session, batch_id, COP, clock.now(), lanes=2)


def test_a_stopped_file_asks_nothing_and_goes_on_where_it_was(world: World) -> None:
    batch_id = world.begin(_rows(10))
    world.bank.kill_at = {3}
    world.work(until_killed=True)
    with world.database.transaction() as session:
        stop_batch(session, batch_id, COP, clock.now())
    asked = len(world.bank.asked)
    world.work()  # the row in doubt is still answered
    assert len(world.bank.asked) == asked + 1
    with pytest.raises(Conflict), world.database.transaction() as session:
        stop_batch(session, batch_id, COP, clock.now())
    with world.database.transaction() as session:
        go_on(session, batch_id, COP, clock.now(), lanes=1)
    world.work()
    assert world.counts(batch_id) == {"match/": 10}
    assert len(world.bank.asked) == 11


def test_fishing_by_file_is_limited(world: World) -> None:
    batch_id = world.begin([_row(f"Name {number}") for number in range(15)])
    world.work()
    assert world.counts(batch_id) == {"no_match/ANNM": 10, "invalid/": 5}
    assert world.state(batch_id) == "done"


def test_the_same_file_within_a_day_is_refused(world: World) -> None:
    batch_id = world.begin(_rows(2))
    with pytest.raises(Conflict) as refused:
        world.begin(_rows(2))
    assert (refused.value.code, refused.value.detail) == ("file_known", str(batch_id))
    with world.database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM name_batch")).scalar_one() == 1


def test_a_file_without_a_good_row_is_done_at_once(world: World) -> None:
    batch_id = world.begin([_row(""), _row("x", sort_code="1")])
    assert world.state(batch_id) == "done"
    assert world.counts(batch_id) == {"invalid/": 2}


@pytest.mark.parametrize("step", [stop_batch, lambda *a: go_on(*a, lanes=1)], ids=["stop", "go_on"])
def test_another_body_moves_nothing(world: World, step: Callable[..., None]) -> None:
    batch_id = world.begin(_rows(1))
    with pytest.raises(NotFound), world.database.transaction() as session:
        step(session, batch_id, OTHER, clock.now())
    assert world.state(batch_id) == "running"


def _refusal(content: bytes) -> str:
    try:
        return f"rows: {len(list(read_names(content)))}"
    except Invalid as invalid:
        return f"{invalid.fields[0].field}: {invalid.fields[0].message}"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    assert _refusal(content).startswith(("file: ", "rows: "))


def test_rows_beyond_one_part_keep_their_numbers() -> None:
    parts = list(cut_parts([["personal", f"N{number}"] for number in range(1, 1202)]))
    assert [(first, last) for first, last, _ in parts] == [(1, 500), (501, 1000), (1001, 1201)]
    assert part_of(500) == 1
    assert part_of(501) == 2
    assert open_part(parts[1][2].replace('"]', '", "1", "2"]'))[0].name == "N501"


def test_more_rows_than_allowed_are_refused() -> None:
    content = b"account_type,name\n" + b"personal,x\n" * 200_001
    assert "more than 200,000 rows" in _refusal(content)
