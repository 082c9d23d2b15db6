"""What the operator's demonstration has of vouchers and payment orders."""

from datetime import datetime
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from payments.bank.tasks import vault_of
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from payments.runs.rules import APPROVER, UPLOADER
from payments.settings import get_settings
from payments.vouchers.actions.batches import approve_batch, put_batch_forward
from payments.vouchers.actions.funds import decide_funding, make_group, propose_funding
from payments.vouchers.actions.merchants import NewMerchant, add_merchant
from payments.vouchers.queries import find_group, get_batch
from payments.vouchers.rules import Kind, parse_lines
from shared import clock
from shared.actors import Actor
from shared.db import Database, make_engine
from shared.money import parse_pounds

DEMO_FILE = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "vouchers.yaml"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Merchant(_Model):
    name: str
    sort_code: str
    account_number: str


class _Batch(_Model):
    kind: Kind
    purpose: str
    approved: bool
    lines: str


class _Group(_Model):
    organisation: str
    name: str
    programme: str
    days_valid: int
    funds: str
    merchants: list[_Merchant] = Field(default_factory=list)
    batches: list[_Batch] = Field(default_factory=list)


class Demo(_Model):
    """The groups of the demo file."""

    groups: list[_Group]


def seed_demo(file: Path = DEMO_FILE) -> None:
    """Make the demo file's groups with their money, merchants and batches; what is there stays."""
    settings = get_settings()
    demo = Demo.model_validate(yaml.safe_load(file.read_text()))
    database = Database(make_engine(settings.database_url, pool_size=1, service="payments-seed"))
    tables = TableFiles(settings.modulus_weights_file, settings.modulus_substitutions_file)
    desk = Desk(vault_of(settings), tables)
    with database.transaction() as session:
        made = sum(make_demo(session, desk, group, clock.now()) for group in demo.groups)
    database.engine.dispose()
    print(f"payments: {made} voucher groups are new")


def make_demo(session: Session, desk: Desk, group: _Group, now: datetime) -> int:
    """Make one group where it is not there yet; returns how many were made."""
    if find_group(session, group.organisation, group.name) is not None:
        return 0
    body = group.organisation
    maker = Actor("system", "demo-maker", body, frozenset({UPLOADER}), "Demonstration data")
    decider = Actor("system", "demo-decider", body, frozenset({APPROVER}), "Demonstration data")
    group_id = make_group(session, group.name, group.programme, group.days_valid, maker, now)
    funding = propose_funding(session, group_id, parse_pounds(group.funds), maker, now)
    decide_funding(session, funding, agree=True, actor=decider, now=now)
    for merchant in group.merchants:
        order = NewMerchant(group_id, merchant.name, merchant.sort_code, merchant.account_number)
        add_merchant(session, desk, order, maker, now)
    for batch in group.batches:
        lines, faults = parse_lines(batch.lines)
        if faults:
            raise ValueError(faults[0].message)
        batch_id = put_batch_forward(
            session, desk.vault, group_id, batch.kind, batch.purpose, lines, maker, now
        )
        if batch.approved:
            signed = get_batch(session, body, batch_id).content_sha256
            approve_batch(session, desk.vault, batch_id, signed, decider, now)
    return 1
