"""What uploads that paid nobody held of people is deleted after some days (contract 11)."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.uploads.actions.history import note_upload
from payments.uploads.queries import load_upload
from shared.actors import SYSTEM

# Pieces of a mebibyte.
AT_ONCE = 64
_OLD = text(
    """
    SELECT u.id FROM upload u
     WHERE u.state IN ('abandoned', 'refused') AND u.state_at < :before
       AND EXISTS (SELECT FROM upload_chunk c WHERE c.upload_id = u.id)
     ORDER BY u.id LIMIT 1 FOR UPDATE OF u SKIP LOCKED
    """
)
_DELETE = text(
    """
    WITH piece AS MATERIALIZED (
      SELECT number FROM upload_chunk WHERE upload_id = :upload ORDER BY number LIMIT :most)
    DELETE FROM upload_chunk c USING piece
     WHERE c.upload_id = :upload AND c.number = piece.number
    RETURNING c.number
    """
)
_LEFT = text("SELECT EXISTS (SELECT FROM upload_chunk WHERE upload_id = :upload)")


def delete_abandoned(
    session: Session, keep_days: int, now: datetime, most: int = AT_ONCE
) -> UUID | None:
    """Delete a batch of the sealed bytes of one upload that is given up or refused long enough.

    Its row stays with hash and totals; the batch that leaves nothing writes the audit line. Returns
    the upload, None when there is no such upload any more.
    """
    before = now - timedelta(days=keep_days)
    upload_id: UUID | None = session.execute(_OLD, {"before": before}).scalar_one_or_none()
    if upload_id is None:
        return None
    session.execute(_DELETE, {"upload": upload_id, "most": most})
    if not session.execute(_LEFT, {"upload": upload_id}).scalar_one():
        upload = load_upload(session, upload_id)
        details: dict[str, str | int | None] = {"after_days": keep_days, "pieces": upload.chunks}
        note_upload(session, SYSTEM, upload, "content_deleted", now, details)
    return upload_id
