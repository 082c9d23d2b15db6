"""Operator's commands: building blocks that may call, and a sandbox put in place."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from payments.bank.tasks import vault_of
from payments.govstack.actions.seeding import add_building_block, seed_sandbox
from payments.govstack.sandbox import SandboxPlan
from payments.settings import get_settings
from shared import clock
from shared.actors import Actor
from shared.db import Database, make_engine

DEMO_FILE = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "govstack.yaml"
_TWO = 2
_ACTOR = Actor("system", "operator", name="Operator")


def seed_govstack(arguments: Sequence[str]) -> None:
    """Set the GovStack sandbox to what a file says: `seed-govstack [FILE]`.

    Vouchers of the same serial number go back to the file's state. Does nothing where no open
    listener is configured.
    """
    settings = get_settings()
    if not settings.govstack_open_body:
        print("payments: no open GovStack listener is configured; nothing to put in place")
        return
    file = Path(arguments[0]) if arguments else DEMO_FILE
    plan = SandboxPlan.model_validate(yaml.safe_load(file.read_text()))
    database = Database(make_engine(settings.database_url, pool_size=1, service="payments-seed"))
    with database.transaction() as session:
        seed_sandbox(
            session,
            vault_of(settings),
            settings.govstack_open_body,
            plan,
            _ACTOR,
            clock.now(),
        )
    database.engine.dispose()
    print(f"payments: the GovStack sandbox has {len(plan.vouchers)} vouchers")


def register_building_block(arguments: Sequence[str]) -> None:
    """Let a building block ask for vouchers of a body: `register-building-block BODY NAME`.

    Registering it again changes nothing.
    """
    if len(arguments) != _TWO:
        raise SystemExit("use: python -m payments register-building-block BODY NAME")
    organisation, name = arguments
    settings = get_settings()
    database = Database(make_engine(settings.database_url, pool_size=1, service="payments-seed"))
    with database.transaction() as session:
        add_building_block(session, organisation, name, _ACTOR, clock.now())
    database.engine.dispose()
    print(f"payments: {name} may ask for vouchers of {organisation}")
