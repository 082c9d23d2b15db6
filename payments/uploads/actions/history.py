"""Writing down what happened to an upload, and moving it on."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from payments.stages.queries import get_stage
from payments.uploads import models
from payments.uploads.queries import Upload
from payments.uploads.rules import UploadState
from shared import audit
from shared.actors import Actor
from shared.ids import new_id


def note_upload(
    session: Session,
    actor: Actor,
    upload: Upload,
    kind: str,
    now: datetime,
    details: Mapping[str, str | int | None] | None = None,
) -> None:
    """Add a line to the story of an upload and to the audit trail."""
    session.execute(
        insert(models.upload_event).values(
            id=new_id(),
            organisation=upload.organisation,
            upload_id=upload.id,
            at=now,
            kind=kind,
            actor_id=actor.id,
            actor_name=actor.name,
            details=dict(details or {}),
        )
    )
    audit.record(
        session,
        actor,
        f"payments.upload.{kind}",
        "upload",
        upload.id,
        {"reference": upload.reference, **(details or {})},
        correlation=upload.correlation_id,
    )


def is_current(session: Session, stage_id: UUID, upload: Upload, state: UploadState) -> bool:
    """Tell whether a stage is what the upload is at: one that was begun before may still run."""
    return upload.state == state and get_stage(session, stage_id).begun_at == upload.state_at


def move_upload(
    session: Session, upload: Upload, state: UploadState, now: datetime, **values: object
) -> None:
    """Set the state of a locked upload, and whatever else changes with it."""
    session.execute(
        update(models.upload)
        .where(models.upload.c.id == upload.id)
        .values(state=state, state_at=now, **values)
    )
