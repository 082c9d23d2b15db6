"""Runs of many payments, made at once, and the worker that does their work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session

from payments.payees.bank_details import normalise
from payments.runs import models
from payments.runs import tasks as runs_tasks
from payments.settings import PaymentsSettings
from shared import outbox
from shared.db import Database
from shared.ids import new_id, public_id
from tests.payments.runs.world import World

# Known to the outbox by being imported.
HANDLERS = (runs_tasks,)
_DUE = text(
    "SELECT id, topic FROM outbox WHERE done_at IS NULL AND topic LIKE 'payments.runs.%'"
    " AND topic <> 'payments.runs.tell_gateway' AND due_at <= clock_timestamp() ORDER BY id"
)


def fill_run(session: Session, world: World, count: int, programme: str = "clothing-grant") -> UUID:
    """Return a collecting run with so many payments of £1.00 and more, without cases."""
    made = world.create(session, programme=programme, case_reference=None)
    first = session.execute(
        select(models.payment).where(models.payment.c.public_id == made.payment_id)
    ).one()
    vault, details = world.desk.vault, normalise("99-00-01", "10000012")
    made_by_database = ("replaced_live", "rare_state")
    known = {name: value for name, value in first._mapping.items() if name not in made_by_database}
    rows = []
    for number in range(1, count):
        payment_id = new_id()
        rows.append(
            {
                **known,
                "id": payment_id,
                "public_id": public_id(),
                "amount_pence": 100 + number,
                "reference": f"BIG-{number}",
                "details_sealed": vault.seal(details, f"payment:{payment_id}"),
                "idempotency_key": f"big-{payment_id}",
            }
        )
    if rows:
        session.execute(insert(models.payment), rows)
    return UUID(made.run_id)


def due_work(database: Database) -> list[tuple[int, str]]:
    """Return id and topic of the runs' work that is due, news for cases apart."""
    with database.transaction() as session:
        return [(row.id, row.topic) for row in session.execute(_DUE)]


def work(
    database: Database,
    settings: PaymentsSettings,
    order: Callable[[list[tuple[int, str]]], list[tuple[int, str]]] = list,
) -> int:
    """Do what the worker does until nothing of the runs is due; returns how many works that was."""
    done = 0
    for _ in range(30):
        due = due_work(database)
        if not due:
            return done
        for job, topic in order(due):
            outbox.run(database, settings, job, topic)
            done += 1
    raise AssertionError("work never ends")


@dataclass
class Counted:
    """The statements that a block executed."""

    statements: list[str] = field(default_factory=list)


@contextmanager
def counting(database: Database) -> Iterator[Counted]:
    """Count the statements of a block."""
    counted = Counted()

    def note(_c: object, _k: object, statement: str, *_rest: object) -> None:
        counted.statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield counted
    event.remove(database.engine, "before_cursor_execute", note)
