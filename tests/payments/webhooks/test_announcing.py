"""Who is told of what: only those who listen, only of what moved, in a few statements."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from payments.runs.actions.approve import approve, reject
from payments.runs.models import payment
from payments.webhooks.actions.announce import announce_fact, announce_moves
from payments.webhooks.rules import PAYMENT_EVENTS, RUN_EVENTS
from shared.db import Database
from tests.payments.runs.world import ALAN, BODY, NOW, World, make_waiting_run

Listen = Callable[..., UUID]


def told(session: Session, endpoint_id: UUID) -> list[tuple[str, str]]:
    """Return type and subject of what an endpoint will be told, in order."""
    rows = session.execute(
        text(
            "SELECT e.type, e.subject FROM webhook_delivery d JOIN webhook_event e"
            " ON e.id = d.event_id WHERE d.endpoint_id = :id ORDER BY e.id"
        ),
        {"id": endpoint_id},
    )
    return [(row.type, row.subject) for row in rows]


def jobs(session: Session) -> int:
    return int(
        session.execute(
            text("SELECT count(*) FROM outbox WHERE topic = 'payments.webhooks.deliver'")
        ).scalar_one()
    )


def _approve(database: Database, world: World) -> UUID:
    with database.transaction() as session:
        run_id = make_waiting_run(session, world)
        approve(session, run_id, world.run_hash(session, run_id), ALAN, NOW)
    return run_id


def test_nobody_listens_and_nothing_is_written(database: Database, world: World) -> None:
    _approve(database, world)
    with database.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM webhook_event")).scalar_one() == 0
        assert jobs(session) == 0


def test_an_endpoint_hears_what_it_chose_of_payments_and_runs(
    database: Database, world: World, listen: Listen
) -> None:
    endpoint = listen("payment.approved", "run.approved", "run.put_forward")
    _approve(database, world)
    with database.transaction() as session:
        types = [name for name, _ in told(session, endpoint)]
        assert sorted(types) == [
            "payment.approved",
            "payment.approved",
            "run.approved",
            "run.put_forward",
        ]
        data = session.execute(
            text("SELECT data FROM webhook_event WHERE type = 'payment.approved' LIMIT 1")
        ).scalar_one()
    assert data["word"] == "approved"
    assert data["amount_pence"] == 30000
    shown = str(data)
    assert "Morag" not in shown
    assert "10000012" not in shown


def test_another_body_hears_nothing(database: Database, world: World, listen: Listen) -> None:
    theirs = listen("payment.approved", "run.approved", organisation="glenmore")
    _approve(database, world)
    with database.transaction() as session:
        assert told(session, theirs) == []


def test_a_program_hears_of_its_own_payments_only(
    database: Database, world: World, listen: Listen
) -> None:
    own = listen("payment.approved", client_id="gateway-service")
    stranger = listen("payment.approved", client_id="another-program")
    _approve(database, world)
    with database.transaction() as session:
        assert len(told(session, own)) == 2
        assert told(session, stranger) == []
        assert session.execute(text("SELECT count(*) FROM webhook_event")).scalar_one() == 2


def test_a_payment_that_is_held_at_once_is_told(
    database: Database, world: World, listen: Listen
) -> None:
    endpoint = listen("payment.held")
    with database.transaction() as session:
        made = world.create(session, check_id=None)
    with database.transaction() as session:
        assert told(session, endpoint) == [("payment.held", made.payment_id)]


def test_a_run_that_is_sent_back_is_told(database: Database, world: World, listen: Listen) -> None:
    endpoint = listen("run.sent_back")
    with database.transaction() as session:
        run_id = make_waiting_run(session, world)
        reject(session, run_id, "Wrong amounts", ALAN, NOW)
    with database.transaction() as session:
        assert [name for name, _ in told(session, endpoint)] == ["run.sent_back"]


def test_a_refused_step_tells_nobody(database: Database, world: World, listen: Listen) -> None:
    endpoint = listen("run.approved")
    with database.transaction() as session:
        run_id = make_waiting_run(session, world)
    with pytest.raises(Exception, match="changed"), database.transaction() as session:
        approve(session, run_id, b"other", ALAN, NOW)
    with database.transaction() as session:
        assert told(session, endpoint) == []


def test_a_whole_range_is_told_set_based_and_only_what_moved_now(
    database: Database, world: World, listen: Listen
) -> None:
    endpoint = listen("payment.approved")
    later = NOW + timedelta(minutes=1)
    with database.transaction() as session:
        made = [world.create(session) for _ in range(30)]
        run_id = UUID(made[0].run_id)
        ids = (
            session.execute(
                select(payment.c.id).where(payment.c.run_id == run_id).order_by(payment.c.id)
            )
            .scalars()
            .all()
        )
        session.execute(
            text("UPDATE payment SET state = 'approved', state_at = :at WHERE id <= :last"),
            {"at": later, "last": ids[19]},
        )
        before = jobs(session)
        statements: list[str] = []

        def note(*arguments: object) -> None:
            statements.append(str(arguments[2]))

        event.listen(database.engine, "before_cursor_execute", note)
        count = announce_moves(session, BODY, run_id, "approved", ids[5], ids[29], later)
        again = announce_moves(session, BODY, run_id, "approved", ids[0], ids[29], NOW)
        event.remove(database.engine, "before_cursor_execute", note)
        assert count == 15
        assert again == 0
        assert len(statements) == 5
        assert jobs(session) == before + 1
        assert len(told(session, endpoint)) == 15


def test_a_fact_of_the_body_is_told_to_the_consoles_endpoints(
    database: Database, listen: Listen
) -> None:
    own = listen("upload.finished")
    with database.transaction() as session:
        assert announce_fact(session, BODY, "upload.finished", "u-1", {"rows": 3}, NOW) == 1
        assert announce_fact(session, "glenmore", "upload.finished", "u-2", {}, NOW) == 0
        assert told(session, own) == [("upload.finished", "u-1")]


def test_an_endpoint_that_is_off_misses_what_happens_and_a_stopped_one_catches_up(
    database: Database, listen: Listen
) -> None:
    off, stopped, gone = (listen("upload.finished") for _ in range(3))
    with database.transaction() as session:
        for endpoint, state, reason in (
            (off, "switched_off", ""),
            (stopped, "suspended", "failing"),
            (gone, "suspended", "gone"),
        ):
            session.execute(
                text(
                    "UPDATE webhook_endpoint SET state = :state, state_reason = :reason,"
                    " state_at = :now WHERE id = :id"
                ),
                {"state": state, "reason": reason, "now": NOW, "id": endpoint},
            )
        announce_fact(session, BODY, "upload.finished", "u-1", {}, NOW)
        announce_fact(session, BODY, "upload.finished", "u-2", {}, NOW + timedelta(days=31))
        assert told(session, off) == []
        assert told(session, stopped) == [("upload.finished", "u-1")]
        assert told(session, gone) == []


def test_every_event_has_a_name_of_its_own() -> None:
    names = [*PAYMENT_EVENTS.values(), *RUN_EVENTS.values()]
    assert len(names) == len(set(names))


def test_a_program_hears_of_payments_and_uploads_that_it_sent_as_files(
    database: Database, world: World, listen: Listen
) -> None:
    own = listen("payment.held", "upload.finished", client_id="finance")
    other = listen("payment.held", "upload.finished", client_id="another")
    with database.transaction() as session:
        announce_fact(session, BODY, "upload.finished", "U-1", {}, NOW, client_id="finance")
        assert told(session, own) == [("upload.finished", "U-1")]
        assert told(session, other) == []
