"""Commands of an operator: export the ledger for an auditor, prove it here and now."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import text

from payments.ledger.queries import list_faults
from payments.ledger.seal.export import export_ledger, write_verifier
from payments.ledger.verifier.checks import verify
from payments.ledger.verifier.merkle import BrokenError
from payments.settings import get_settings
from shared.db import Database, make_engine
from shared.errors import Invalid, Problem

_BODIES = text("SELECT DISTINCT body FROM account ORDER BY body")


def export_for_auditor(arguments: Sequence[str]) -> None:
    """Write BODY's ledger and the verifier into FOLDER."""
    if len(arguments) != 2:  # noqa: PLR2004 - as the message says
        raise Invalid(title="export-ledger takes a body and an empty folder")
    body, folder = arguments[0], Path(arguments[1])
    try:
        count = _export(_database(), body, folder)
    except FileExistsError as error:
        raise Problem("folder_not_empty", str(error)) from error
    write_verifier(folder / "verifier.pyz")
    print(f"{count} entries of {body} are in {folder}; run: python verifier.pyz verify {folder}")


def verify_here(arguments: Sequence[str]) -> None:
    """Prove the ledger of every body, or of those named, against the running database."""
    database = _database()
    with database.transaction() as session:
        known = list(session.execute(_BODIES).scalars())
    if unknown := set(arguments) - set(known):
        raise Invalid(title=f"no such body: {', '.join(sorted(unknown))}")
    for body in arguments or known:
        _verify_body(database, body)


COMMANDS = {"export-ledger": export_for_auditor, "verify-ledger": verify_here}


def _verify_body(database: Database, body: str) -> None:
    with tempfile.TemporaryDirectory(prefix="ledger-") as name:
        folder = Path(name) / "export"
        _export(database, body, folder)
        try:
            proved = verify(folder)
        except BrokenError as error:
            raise Problem("ledger_broken", f"{body}: {error}") from error
    with database.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        faults = list_faults(session, body)
    if faults:
        raise Problem("ledger_broken", f"{body}: {faults[0]}")
    print(f"{body}: {json.dumps(proved)}")


def _export(database: Database, body: str, folder: Path) -> int:
    with database.transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        return export_ledger(session, body, folder)


def _database() -> Database:
    settings = get_settings()
    return Database(make_engine(settings.database_url, pool_size=2, service="payments-command"))
