"""How far a stage is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.stages import models


@dataclass(frozen=True)
class Stage:
    """One stage of work on a subject (an upload, a run, a submission)."""

    id: UUID
    organisation: str
    subject_id: UUID
    name: str
    shards: int
    items: int
    shards_done: int
    items_done: int
    pence_done: int
    begun_at: datetime
    finished_at: datetime | None

    @property
    def percent(self) -> int:
        """How much is done, in whole percent rounded down."""
        return 100 * self.items_done // self.items if self.items else 100


_COLUMNS = [models.stage.c[name] for name in Stage.__dataclass_fields__]


def get_stage(session: Session, stage_id: UUID) -> Stage:
    """Return a stage that exists."""
    return Stage(*session.execute(select(*_COLUMNS).where(models.stage.c.id == stage_id)).one())


def list_stages(session: Session, subject_id: UUID) -> list[Stage]:
    """Return the stages of a subject in the order in which they began."""
    stage = models.stage.c
    found = session.execute(
        select(*_COLUMNS).where(stage.subject_id == subject_id).order_by(stage.begun_at, stage.id)
    )
    return [Stage(*row) for row in found]
