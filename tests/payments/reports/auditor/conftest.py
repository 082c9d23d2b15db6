"""A body with a run, a journal, a sealed ledger and signed checkpoints."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from payments.gl.journals.actions import post_journal, submit_journal
from payments.gl.journals.queries import get_journal
from payments.gl.journals.rules import JournalDraft, JournalLine
from payments.ledger.own.actions import open_own_account
from payments.ledger.seal.checkpoints import Signer, make_checkpoints
from payments.ledger.seal.sealing import seal
from payments.runs.actions.approve import approve
from payments.settings import PaymentsSettings
from shared import clock
from shared.db import Database
from shared.ids import new_id
from tests.payments.reports.auditor.packs import ADA, RITA, RORY, TODAY
from tests.payments.runs.console import make_settings
from tests.payments.runs.world import ALAN, BODY, NOW, World, make_waiting_run

_HOLD = text(
    "INSERT INTO hold (id, organisation, level, reason, owner, review_on, placed_by_id,"
    " placed_by_name, placed_at, lifted_by_id, lifted_by_name, lifted_at, lift_reason)"
    " VALUES (:id, :body, 'body', 'Something looks wrong', 'Rita', :day, 'person-Rita', 'Rita',"
    " now(), 'person-Rory', 'Rory', now(), 'It was not')"
)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("audit.example", Ed25519PrivateKey.generate())


@pytest.fixture
def books(database: Database, world: World, signer: Signer) -> Database:
    """A run approved by another person, a journal by two people, all sealed and signed."""
    with database.transaction() as session:
        made = make_waiting_run(session, world)
        approve(session, made, world.run_hash(session, made), ALAN, NOW)
        session.execute(text("UPDATE run SET run_date = :day"), {"day": TODAY})
        open_own_account(session, BODY, "own.fees", "expense", ADA, bounded=False)
        session.execute(_HOLD, {"id": new_id(), "body": BODY, "day": TODAY})
    lines = (JournalLine("own.fees", 500, "=1+1"), JournalLine("programme_expenditure", -500))
    draft = JournalDraft(TODAY, "Fees", "Wrong account", lines)
    with database.transaction() as session:
        number, _ = submit_journal(session, BODY, draft, new_id(), RITA, clock.now())
    with database.transaction() as session:
        seen = get_journal(session, BODY, number).content_sha256.hex()
        post_journal(session, BODY, number, seen, RORY, clock.now())
    with database.transaction() as session:
        seal(session, NOW)
    with database.transaction() as session:
        make_checkpoints(session, signer, NOW)
    return database


@pytest.fixture
def settings(payments_url: str, key_file: Path, private_key: Path) -> PaymentsSettings:
    return make_settings(payments_url, key_file, private_key)
