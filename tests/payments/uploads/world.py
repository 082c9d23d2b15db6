"""Sends files in and does the work that follows, as the worker would."""

import io
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import text

from payments.payees.bank_details import DetailsVault
from payments.screening import tasks as screening_tasks
from payments.settings import PaymentsSettings
from payments.uploads import tasks
from payments.uploads.actions.receive import Declaration, receive_upload
from payments.uploads.queries import Fault, Upload, get_upload, list_faults
from payments.uploads.rules import Mapping
from shared import clock, outbox
from shared.crypto import Sealer
from shared.db import Database
from tests.payments.runs.world import BODY, UNA
from tests.payments.uploads.files import csv_of, total

# Their import is what makes the topics known.
TASKS = (tasks, screening_tasks)
LIMIT = 50_000_000


@dataclass
class Uploads:
    """The uploads of a body, and the worker."""

    database: Database
    settings: PaymentsSettings
    sealer: Sealer
    vault: DetailsVault
    ran: list[str] = field(default_factory=list)

    def send(self, content: bytes, count: int, pence: int, **changes: object) -> UUID:
        """Receive a file; returns its upload."""
        values: dict[str, object] = {
            "organisation": BODY,
            "programme": "winter-heating",
            "format": "csv",
            "filename": "grants.csv",
            "count": count,
            "pence": pence,
            "entry_on": None,
        }
        mapping = changes.pop("mapping", None)
        assert mapping is None or isinstance(mapping, Mapping)
        declaration = Declaration(**(values | changes))  # type: ignore[arg-type]  # as the test says
        with self.database.transaction() as session:
            return receive_upload(
                session,
                self.sealer,
                declaration,
                io.BytesIO(content),
                UNA,
                clock.now(),
                maximum_bytes=LIMIT,
                mapping=mapping,
            ).id

    def send_rows(self, content: list[tuple[str, ...]], **changes: object) -> UUID:
        """Receive rows as our CSV, rightly declared."""
        return self.send(csv_of(content), len(content), total(content), **changes)

    def work(self, *, most: int = 1_000) -> None:
        """Do what waits in the outbox until nothing of uploads and screening is left."""
        for _ in range(most):
            with self.database.transaction() as session:
                row = session.execute(
                    text(
                        "SELECT id, topic FROM outbox WHERE done_at IS NULL AND dead_at IS NULL"
                        " AND topic ~ '^payments[.](uploads|screening)[.]'"
                        " AND last_error IS NULL ORDER BY id LIMIT 1"
                    )
                ).one_or_none()
            if row is None:
                break
            self.ran.append(row.topic)
            outbox.run(self.database, self.settings, row.id, row.topic)
        with self.database.transaction() as session:
            failed = session.execute(
                text("SELECT topic, last_error FROM outbox WHERE last_error IS NOT NULL")
            ).all()
        assert not failed, failed

    def get(self, upload_id: UUID) -> Upload:
        """Return an upload as it is."""
        with self.database.transaction() as session:
            return get_upload(session, BODY, upload_id)

    def faults(self, upload_id: UUID) -> list[Fault]:
        """Return the faults of an upload."""
        with self.database.transaction() as session:
            return list_faults(session, upload_id, limit=1_000)[0]

    def payments(self, *columns: str) -> list[tuple[object, ...]]:
        """Return columns of all payments that came from files, in order of their rows."""
        chosen = ", ".join(columns or ("upload_row", "state", "amount_pence"))
        with self.database.transaction() as session:
            return [
                tuple(row)
                for row in session.execute(
                    text(
                        f"SELECT {chosen} FROM payment WHERE client_id = 'upload'"
                        " ORDER BY created_at, id"
                    )
                )
            ]

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        with self.database.transaction() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


ENTRY = date(2027, 1, 4)
