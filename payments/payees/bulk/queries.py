"""How files of name checks stand, and what became of their rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from payments.payees.bank_details import DetailsVault
from payments.payees.bulk.models import (
    name_batch,
    name_batch_count,
    name_batch_part,
    name_batch_row,
)
from payments.payees.bulk.rules import NameRow, open_part, part_of
from payments.payees.models import name_check
from shared.actors import Actor, ActorKind
from shared.errors import NotFound


@dataclass(frozen=True)
class Batch:
    """One file of name checks."""

    id: UUID
    organisation: str
    source: str
    file_name: str
    rows: int
    state: str
    created_by_kind: ActorKind
    created_by_id: str
    created_by_name: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def actor(self) -> Actor:
        """Who asks: the person or program that sent the file."""
        return Actor(
            self.created_by_kind, self.created_by_id, self.organisation, name=self.created_by_name
        )


@dataclass(frozen=True)
class Counted:
    """How many rows came to one answer."""

    outcome: str
    reason_code: str
    rows: int


@dataclass(frozen=True)
class ResultRow:
    """One row with what it said and what became of it."""

    number: int
    row: NameRow
    state: str
    outcome: str | None
    reason_code: str | None
    modulus_result: str | None
    fault: str
    same_as: int | None
    check_id: UUID | None
    matched_name: str | None


_COLUMNS = [name_batch.c[name] for name in Batch.__dataclass_fields__]


def get_batch(session: Session, organisation: str, batch_id: UUID, *, lock: bool = False) -> Batch:
    """Return a file of this body, locked where asked; refuses every other."""
    query = select(*_COLUMNS).where(
        name_batch.c.organisation == organisation, name_batch.c.id == batch_id
    )
    row = session.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("no_such_batch", "There is no such file of name checks")
    return Batch(*row)


def get_batch_of_work(session: Session, batch_id: UUID) -> Batch:
    """Return a file that exists, whoever's it is; for the worker."""
    return Batch(*session.execute(select(*_COLUMNS).where(name_batch.c.id == batch_id)).one())


def list_batches(
    session: Session, organisation: str, *, offset: int, limit: int
) -> tuple[list[Batch], int]:
    """Return files newest first, and how many there are."""
    own = name_batch.c.organisation == organisation
    total = session.execute(select(func.count()).where(own)).scalar_one()
    rows = session.execute(
        select(*_COLUMNS).where(own).order_by(name_batch.c.id.desc()).offset(offset).limit(limit)
    )
    return [Batch(*row) for row in rows], total


def count_answers(session: Session, batch_id: UUID) -> list[Counted]:
    """Return how many rows came to each answer, from totals that are kept."""
    rows = session.execute(
        select(
            name_batch_count.c.outcome,
            name_batch_count.c.reason_code,
            func.sum(name_batch_count.c.rows),
        )
        .where(name_batch_count.c.batch_id == batch_id)
        .group_by(name_batch_count.c.outcome, name_batch_count.c.reason_code)
        .order_by(name_batch_count.c.outcome, name_batch_count.c.reason_code)
    )
    return [Counted(row[0], row[1], int(row[2])) for row in rows if row[2]]


def read_part(session: Session, vault: DetailsVault, batch_id: UUID, part: int) -> list[NameRow]:
    """Return the rows of one part of a file."""
    sealed = session.execute(
        select(name_batch_part.c.sealed).where(
            name_batch_part.c.batch_id == batch_id, name_batch_part.c.number == part
        )
    ).scalar_one()
    return open_part(vault.open_text(bytes(sealed), f"name_batch:{batch_id}:{part}"))


def list_results(
    session: Session,
    vault: DetailsVault,
    batch_id: UUID,
    *,
    outcome: str = "",
    reason_code: str = "",
    offset: int = 0,
    limit: int = 50,
) -> list[ResultRow]:
    """Return rows in their order with what became of them, one outcome or code where asked."""
    wanted: list[ColumnElement[bool]] = [name_batch_row.c.batch_id == batch_id]
    if outcome:
        wanted.append(name_batch_row.c.outcome == outcome)
    if reason_code:
        wanted.append(name_batch_row.c.reason_code == reason_code)
    rows = session.execute(
        select(
            name_batch_row.c.number,
            name_batch_row.c.state,
            name_batch_row.c.outcome,
            name_batch_row.c.reason_code,
            name_batch_row.c.modulus_result,
            name_batch_row.c.fault,
            name_batch_row.c.same_as,
            name_batch_row.c.check_id,
            name_check.c.matched_name_sealed,
        )
        .outerjoin(name_check, name_check.c.id == name_batch_row.c.check_id)
        .where(and_(*wanted))
        .order_by(name_batch_row.c.number)
        .offset(offset)
        .limit(limit)
    ).all()
    content = _read_rows(session, vault, batch_id, [row.number for row in rows])
    return [
        ResultRow(
            number=row.number,
            row=content[row.number],
            state=row.state,
            outcome=row.outcome,
            reason_code=row.reason_code,
            modulus_result=row.modulus_result,
            fault=row.fault,
            same_as=row.same_as,
            check_id=row.check_id,
            matched_name=vault.open_text(
                bytes(row.matched_name_sealed), f"name_check:{row.check_id}:matched_name"
            )
            if row.matched_name_sealed is not None
            else None,
        )
        for row in rows
    ]


def _read_rows(
    session: Session, vault: DetailsVault, batch_id: UUID, numbers: Sequence[int]
) -> dict[int, NameRow]:
    """Return what these rows say; a part is opened once however many of its rows are wanted."""
    wanted = set(numbers)
    parts = session.execute(
        select(name_batch_part.c.number, name_batch_part.c.first, name_batch_part.c.sealed).where(
            name_batch_part.c.batch_id == batch_id,
            name_batch_part.c.number.in_({part_of(number) for number in wanted}),
        )
    )
    found: dict[int, NameRow] = {}
    for part in parts:
        rows = open_part(
            vault.open_text(bytes(part.sealed), f"name_batch:{batch_id}:{part.number}")
        )
        numbered = enumerate(rows, part.first)
        found |= {number: row for number, row in numbered if number in wanted}
    return found
