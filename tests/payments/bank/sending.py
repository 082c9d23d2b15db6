"""Does the work that follows the beginning of a bank file."""

from uuid import UUID

from sqlalchemy import text

from payments.bank.submissions.parts import seal_file, write_part
from payments.payees.bank_details import DetailsVault
from shared.db import Database
from tests.payments.bank.written import NOW

_STAGE = text("SELECT id, shards FROM stage WHERE subject_id = :id ORDER BY begun_at DESC LIMIT 1")


def write_parts(
    database: Database, vault: DetailsVault, submission: UUID, *numbers: int
) -> list[bool]:
    """Write parts of a file in the order given, all in their order when none is."""
    with database.transaction() as session:
        stage, shards = session.execute(_STAGE, {"id": submission}).one()
    done = []
    for number in numbers or range(1, shards + 1):
        with database.transaction() as session:
            done.append(write_part(session, vault, stage, number, NOW))
    return done


def seal_submission(database: Database, vault: DetailsVault, submission: UUID) -> bool:
    """Seal a file; tells whether it was not sealed before."""
    with database.transaction() as session:
        return seal_file(session, vault, submission, NOW)
