"""Payees are told once for each run, by the address in the master, when their programme says so."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault, normalise
from payments.reports.remittance.actions import after_move, choose, plan_advice
from payments.reports.remittance.queries import Advice
from payments.reports.remittance.tasks import send_advice
from payments.runs.rules import ADMINISTRATOR, AUDITOR, ROLE_NAMES
from shared import clock
from shared.clients.base import ServiceUnavailableError
from shared.db import Database
from shared.errors import Invalid, Problem
from shared.outbox import Job
from tests.payments.payees.master.desk import MORAG, Desk
from tests.payments.runs.console import Console
from tests.payments.runs.world import NOW, World, staff

Open = Callable[..., Console]
ADA = staff("Ada", ADMINISTRATOR)
SEND = "payments.remittance.send"


class Post:
    """Takes advice as notifications would; may refuse or be away."""

    def __init__(self) -> None:
        self.taken: list[Advice] = []
        self.fault: Exception | None = None

    def send(self, advice: Advice) -> str:
        if self.fault is not None:
            raise self.fault
        self.taken.append(advice)
        return f"message-{len(self.taken)}"


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def run_id(database: Database, world: World, vault: DetailsVault) -> UUID:
    """A sent run: three payments of a payee with an address, one of one without, one of none."""
    desk = Desk(database, vault)
    known = desk.make(replace(MORAG, email="morag@example.scot"))
    silent = desk.make(
        replace(MORAG, name="Niall Invented", details=normalise("990001", "10000020"))
    )
    with database.transaction() as session:
        made = [world.create(session) for _ in range(5)]
        ids = session.execute(text("SELECT id FROM payment ORDER BY id")).scalars().all()
        for id_, payee in zip(ids, (known, known, known, silent, None), strict=True):
            session.execute(
                text("UPDATE payment SET state = 'submitted', payee_id = :payee WHERE id = :id"),
                {"payee": payee, "id": id_},
            )
        choose(session, "winter-heating", "sent", ADA, NOW)
    return UUID(made[0].run_id)


def _job(database: Database) -> Job:
    with database.transaction() as session:
        row = session.execute(
            text(
                "UPDATE outbox SET attempt = attempt + 1 WHERE id = (SELECT min(id) FROM outbox"
                " WHERE topic = :topic AND done_at IS NULL) RETURNING id, payload, attempt"
            ),
            {"topic": SEND},
        ).one()
    return Job(row.id, SEND, dict(row.payload), row.attempt, database, None)  # type: ignore[arg-type]  # no setting is read


def _states(session: Session) -> list[tuple[str, int, int]]:
    rows = session.execute(
        text("SELECT state, payments, pence FROM remittance_advice ORDER BY payments DESC")
    )
    return [tuple(row) for row in rows]


def _plan(database: Database, run_id: UUID) -> int:
    with database.transaction() as session:
        return plan_advice(session, run_id, clock.now())


def test_many_payments_of_a_payee_are_one_advice_and_planning_twice_is_once(
    database: Database, run_id: UUID
) -> None:
    assert _plan(database, run_id) == 2
    assert _plan(database, run_id) == 0
    with database.transaction() as session:
        assert _states(session) == [("waiting", 3, 90_000), ("waiting", 1, 30_000)]
        jobs = text("SELECT count(*) FROM outbox WHERE topic = :topic")
        assert session.execute(jobs, {"topic": SEND}).scalar_one() == 1


def test_it_is_sent_to_the_address_in_the_master_and_written_down(
    database: Database, run_id: UUID, vault: DetailsVault, post: Post
) -> None:
    _plan(database, run_id)
    send_advice(_job(database), vault, post.send)
    (advice,) = post.taken
    assert (advice.email, advice.payments, advice.pence) == ("morag@example.scot", 3, 90_000)
    assert len(advice.references) == 3
    assert advice.account_tail == "0012"
    with database.transaction() as session:
        assert _states(session) == [("sent", 3, 90_000), ("no_address", 1, 30_000)]
        kept = session.execute(text("SELECT to_jsonb(a)::text FROM remittance_advice a")).scalars()
        assert "example.scot" not in " ".join(kept)


def test_a_refusal_is_kept_and_not_tried_again(
    database: Database, run_id: UUID, vault: DetailsVault, post: Post
) -> None:
    _plan(database, run_id)
    post.fault = Problem("address_refused", "No", status=422)
    send_advice(_job(database), vault, post.send)
    with database.transaction() as session:
        assert _states(session) == [("failed", 3, 90_000), ("no_address", 1, 30_000)]


def test_while_notifications_is_away_advice_waits_and_is_sent_once_later(
    database: Database, run_id: UUID, vault: DetailsVault, post: Post
) -> None:
    _plan(database, run_id)
    post.fault = ServiceUnavailableError("notifications")
    job = _job(database)
    with pytest.raises(ServiceUnavailableError):
        send_advice(job, vault, post.send)
    with database.transaction() as session:
        assert ("waiting", 3, 90_000) in _states(session)
    post.fault = None
    send_advice(job, vault, post.send)
    assert len(post.taken) == 1
    with database.transaction() as session:
        assert ("sent", 3, 90_000) in _states(session)


@pytest.mark.parametrize(
    ("send_when", "state", "planned"),
    [("never", "submitted", 0), ("sent", "submitted", 1), ("paid", "closed", 1), ("sent", "x", 0)],
)
def test_only_programmes_that_want_it_have_it_planned(
    database: Database, run_id: UUID, send_when: str, state: str, planned: int
) -> None:
    with database.transaction() as session:
        choose(session, "winter-heating", send_when, ADA, NOW)
        after_move(session, run_id, state, NOW)
        after_move(session, run_id, state, NOW)
        count = session.execute(
            text("SELECT count(*) FROM outbox WHERE topic = 'payments.remittance.plan'")
        ).scalar_one()
    assert count == planned


def test_when_paid_what_was_only_sent_is_not_told(database: Database, run_id: UUID) -> None:
    with database.transaction() as session:
        choose(session, "winter-heating", "paid", ADA, NOW)
    assert _plan(database, run_id) == 0
    with database.transaction() as session:
        session.execute(text("UPDATE payment SET state = 'paid'"))
    assert _plan(database, run_id) == 2


def test_an_unknown_choice_is_refused(session: Session) -> None:
    for slug, when in (("winter-heating", "sometimes"), ("nothing", "sent")):
        with pytest.raises(Invalid):
            choose(session, slug, when, ADA, NOW)
    assert session.execute(text("SELECT count(*) FROM remittance_setting")).scalar_one() == 0


@pytest.mark.parametrize("role", sorted(ROLE_NAMES))
def test_administrators_choose_auditors_see(console: Open, database: Database, role: str) -> None:
    person = console(staff("Somebody", role))
    page = person.get("/payments/settings/remittance")
    assert (person.status == 200) is (role in (ADMINISTRATOR, AUDITOR))
    assert ("Winter heating grant" in page) is (role in (ADMINISTRATOR, AUDITOR))
    person.get("/payments/") if role != ADMINISTRATOR else None
    person.post("/payments/settings/remittance", programme="winter-heating", send_when="paid")
    with database.transaction() as session:
        kept = session.execute(text("SELECT send_when FROM remittance_setting")).scalars().all()
    assert kept == (["paid"] if role == ADMINISTRATOR else [])


def test_the_payments_page_says_how_it_stands(
    console: Open, database: Database, run_id: UUID, vault: DetailsVault, post: Post
) -> None:
    _plan(database, run_id)
    send_advice(_job(database), vault, post.send)
    with database.transaction() as session:
        ids = session.execute(text("SELECT public_id FROM payment ORDER BY id")).scalars().all()
    person = console(staff("Audrey", AUDITOR))
    told = "Remittance advice sent by email"
    assert told in person.get(f"/payments/payments/{ids[0]}")
    assert "the payee has no email address" in person.get(f"/payments/payments/{ids[3]}")
    assert "Remittance advice" not in person.get(f"/payments/payments/{ids[4]}").split("<main")[1]
