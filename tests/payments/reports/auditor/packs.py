"""Packs as tests make them."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from payments.reports.auditor.packing import Packed, PackPlan, write_auditor_pack
from payments.runs.rules import ADMINISTRATOR, AUDITOR, RECONCILER
from shared import clock
from shared.db import Database
from tests.payments.runs.world import BODY, staff

TODAY = clock.london_date(clock.now())
# A test that runs over midnight stays within them.
FIRST, LAST = TODAY - timedelta(days=10), TODAY + timedelta(days=1)
AUDRA, ADA = staff("Audra", AUDITOR), staff("Ada", ADMINISTRATOR)
RITA, RORY = staff("Rita", RECONCILER), staff("Rory", RECONCILER)


def pack(database: Database, target: Path, key: bytes | None = None) -> tuple[Packed, list[str]]:
    told: list[str] = []
    plan = PackPlan(BODY, FIRST, LAST, "scotland", key)
    with target.open("wb+") as file, database.transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        return write_auditor_pack(session, plan, file, told.append), told
