"""Command of an operator: make an auditor's pack as a file."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import text

from payments.reports.auditor.packing import PackPlan, write_auditor_pack
from payments.reports.auditor.rules import check_days
from payments.reports.auditor.tasks import plan_pack
from payments.settings import get_settings
from shared import audit, clock
from shared.actors import SYSTEM
from shared.db import Database, make_engine
from shared.errors import Invalid, Problem

_BODY = text("SELECT EXISTS (SELECT FROM body WHERE organisation = :body)")


def make_auditor_pack(arguments: Sequence[str]) -> None:
    """Write the pack of BODY from FIRST to LAST day into FILE, which must not exist."""
    if len(arguments) != 4:  # noqa: PLR2004 - as the message says
        raise Invalid(title="auditor-pack takes a body, the first and last day, and a file")
    body, path = arguments[0], Path(arguments[3])
    try:
        first, last = (date.fromisoformat(one) for one in arguments[1:3])
    except ValueError as error:
        raise Invalid(title="Days are written as 2026-11-30") from error
    check_days(first, last, clock.london_date(clock.now()))
    settings = get_settings()
    plan = plan_pack(settings, body, first, last)
    engine = make_engine(settings.database_url, pool_size=2, service="payments-command")
    try:
        _make(Database(engine), plan, path)
    finally:
        engine.dispose()


def _make(database: Database, plan: PackPlan, path: Path) -> None:
    with database.transaction() as session:
        if not session.execute(_BODY, {"body": plan.body}).scalar_one():
            raise Problem("no_such_body", f"There is no body {plan.body}")
    try:
        target = path.open("xb+")
    except FileExistsError as error:
        raise Problem("file_exists", f"{path} exists") from error
    with target, database.transaction() as reading:
        reading.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        packed = write_auditor_pack(reading, plan, target, lambda step: print(f"{step} …"))
    facts = {
        "organisation": plan.body,
        "from": plan.first,
        "to": plan.last,
        "sha256": packed.sha256,
        "manifest_sha256": packed.manifest_sha256,
        "problem": packed.problem,
    }
    with database.transaction() as session:
        audit.record(session, SYSTEM, "payments.auditor_pack.made", "body", plan.body, facts)
    print(f"{path}: {packed.size} bytes, SHA-256 {packed.sha256}")
    print(f"manifest.json: SHA-256 {packed.manifest_sha256}")
    if packed.problem:
        raise Problem("ledger_broken", f"The ledger in it is not proved: {packed.problem}")


COMMANDS = {"auditor-pack": make_auditor_pack}
