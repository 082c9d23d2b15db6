"""Operator's command: fills an empty platform with bodies, programmes and payments to look at."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from payments.bank.actions import NewBankAccount, open_bank_account
from payments.payees.actions import Checker, CheckRequest, check_name
from payments.payees.bank_details import AccountType
from payments.payees.making import make_checker
from payments.payees.master.seeding import seed_payee
from payments.runs.actions.create import Desk, PayeeOrder, PaymentOrder, create_payment
from payments.runs.actions.set_up import BodyPlan, ProgrammePlan, set_up_body
from payments.runs.queries.payments import find_payment_by_key
from payments.screening.demo import load_demo_list
from payments.settings import PaymentsSettings, get_settings
from shared.actors import Actor
from shared.correlation import set_correlation_id
from shared.db import Database, make_engine

DEMO_FILE = Path(__file__).resolve().parents[2] / "deploy" / "demo" / "payments.yaml"
_ACTOR = Actor("system", "demo", name="Demonstration data")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Account(_Model):
    sort_code: str
    account_number: str
    name: str = Field(max_length=18)
    service_user_number: str


class _IncomeAccount(_Model):
    code: str
    name: str = Field(max_length=18)
    sort_code: str
    account_number: str


class _Programme(_Model):
    slug: str
    name: str
    release: Literal["on_approval", "by_hand"]
    approvals_needed: int = 1


class _Payee(_Model):
    name: str
    account_type: AccountType
    sort_code: str
    account_number: str


class _MasterPayee(_Model):
    reference: str
    name: str
    account_type: AccountType
    sort_code: str = ""
    account_number: str = ""
    roll_number: str = ""
    iban: str = ""
    beneficiary: str = ""
    gl_code: str = ""
    email: str = ""
    confirmed: bool = True


class _Payment(_Model):
    programme: str
    payee: _Payee
    amount_pence: int
    reference: str


class _Body(_Model):
    organisation: str
    name: str
    originating_account: _Account
    income_accounts: list[_IncomeAccount] = Field(default_factory=list)
    programmes: list[_Programme]
    payees: list[_MasterPayee] = Field(default_factory=list)
    payments: list[_Payment] = Field(default_factory=list)


class _Demo(_Model):
    bodies: list[_Body]


def seed_demo(arguments: Sequence[str]) -> None:
    """Make the bodies, programmes and payments of the demo file; what is there stays as it is.

    Names are checked with the provider of the settings; without an answer the payments wait as
    the policy says. Takes another file as its argument.
    """
    file = Path(arguments[0]) if arguments else DEMO_FILE
    demo = _Demo.model_validate(yaml.safe_load(file.read_text()))
    checker = _make_checker(get_settings())
    for body in demo.bodies:
        with checker.database.transaction() as session:
            set_up_body(session, _plan(body), _ACTOR, checker.clock())
            for account in body.income_accounts:
                open_bank_account(
                    session, NewBankAccount(body.organisation, **account.model_dump())
                )
        for one in body.payees:
            seed_payee(checker, body.organisation, **one.model_dump())
        made = sum(_order(checker, body, payment) for payment in body.payments)
        print(f"payments: {body.organisation} has its accounts; {made} payments are new")
    with checker.database.transaction() as session:
        if load_demo_list(session, _ACTOR, checker.clock()):
            print("payments: the invented sanctions list is in force")
    checker.database.engine.dispose()


def _make_checker(settings: PaymentsSettings) -> Checker:
    engine = make_engine(settings.database_url, pool_size=1, service="payments-seed")
    return make_checker(Database(engine), settings)


def _plan(body: _Body) -> BodyPlan:
    account = body.originating_account
    return BodyPlan(
        organisation=body.organisation,
        name=body.name,
        account_name=account.name,
        sort_code=account.sort_code,
        account_number=account.account_number,
        service_user_number=account.service_user_number,
        programmes=[
            ProgrammePlan(one.slug, one.name, one.release, one.approvals_needed)
            for one in body.programmes
        ],
    )


def _order(checker: Checker, body: _Body, payment: _Payment) -> int:
    """Order one demo payment, each in a story of its own; returns 1 when it is new."""
    set_correlation_id(None)
    key, now = f"demo-{payment.reference}", checker.clock()
    payee = payment.payee
    if _is_there(checker.database, body.organisation, key):
        return 0
    request = CheckRequest(
        body.organisation, payee.account_type, payee.name, payee.sort_code, payee.account_number
    )
    order = PaymentOrder(
        organisation=body.organisation,
        programme=payment.programme,
        payee=PayeeOrder(**payee.model_dump()),
        amount_pence=payment.amount_pence,
        currency="GBP",
        reference=payment.reference,
        case_reference=None,
        subject=None,
        check_id=check_name(checker, request, _ACTOR).check_id,
    )
    return _create(checker, order, key, now)


def _is_there(database: Database, organisation: str, key: str) -> bool:
    with database.transaction() as session:
        return find_payment_by_key(session, organisation, _ACTOR.id, key) is not None


def _create(checker: Checker, order: PaymentOrder, key: str, now: datetime) -> int:
    with checker.database.transaction() as session:
        desk = Desk(checker.vault, checker.tables)
        created = create_payment(session, desk, order, key, _ACTOR, now)
    if created.refusal is not None:
        raise created.refusal
    return int(not created.replayed)
