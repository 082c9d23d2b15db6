"""The sector of a client, which makes subjects, stays once people have signed in to it."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from identity.relying_parties.rules import RelyingParty
from shared.errors import FieldError

_STORED = text(
    """
    SELECT r.sector, r.subject_type, r.profile,
           r.first_used_at IS NOT NULL
             OR EXISTS (SELECT FROM authorisation a WHERE a.client_id = r.client_id)
             OR EXISTS (SELECT FROM remembered_consent c WHERE c.client_id = r.client_id) AS is_used
      FROM relying_party r WHERE r.client_id = :client_id
    """
)
# Before authorisations are forgotten, their clients are marked as used: no sign-in pays for it.
MARK_USED = text(
    """
    UPDATE relying_party SET first_used_at = :now
     WHERE first_used_at IS NULL AND client_id IN (
       SELECT client_id FROM authorisation WHERE expires_at < :now)
    """
)


def check_sector_kept(session: Session, party: RelyingParty) -> list[FieldError]:
    """Return what is wrong with a changed registration: people would get other subjects."""
    row = session.execute(_STORED, {"client_id": party.client_id}).one_or_none()
    if row is None or not row.is_used:
        return []
    was = (row.profile, row.subject_type, "" if row.subject_type == "public" else row.sector)
    sector = "" if party.subject_type == "public" else party.sector
    if was == (party.profile, party.subject_type, sector):
        return []
    return [
        FieldError(
            "sector",
            "must stay as it is with profile and subject type: people have signed in already, and"
            " each would become somebody else",
        )
    ]
