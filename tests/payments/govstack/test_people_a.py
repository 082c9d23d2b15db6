"""Shape A's messages: beneficiaries, prepayment validation, bulk payment."""

import threading
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from payments.govstack.actions.batches import take_batch, work_on
from payments.govstack.shape_a.rules import read_batch
from payments.payees.bank_details import DetailsVault
from payments.payees.modulus.tables import TableFiles
from payments.runs.actions.create import Desk
from shared import clock
from shared.actors import SYSTEM
from shared.db import Database
from tests.payments.govstack.calls import BODY, PAYEE, batch, instruction, registration, without

SAVE = ("register-beneficiary", "update-beneficiary-details")
PAY = ("bulk-payment", "credit-instructions")


@pytest.fixture
def desk(govstack_vault: DetailsVault) -> Desk:
    return Desk(govstack_vault, TableFiles(None, None))


def _work(database: Database, desk: Desk, programme: str = "winter-heating") -> None:
    """Do what the worker does with batches that were taken over."""
    with database.transaction() as session:
        rows = session.execute(text("SELECT id FROM govstack_batch WHERE state = 'received'"))
        for row_id in rows.scalars().all():
            work_on(session, desk, UUID(str(row_id)), programme, SYSTEM, clock.now())


def _count(database: Database, table: str) -> int:
    with database.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _code(client: TestClient, path: str, body: object) -> tuple[int, str, str]:
    answer = client.post(path, json=body)
    said = answer.json()
    assert set(said) == {"ResponseCode", "ResponseDescription", "RequestID"}
    assert 1 <= len(said["ResponseDescription"]) <= 200
    return answer.status_code, said["ResponseCode"], said["RequestID"]


@pytest.mark.parametrize("path", SAVE)
def test_a_beneficiary_is_saved(door: TestClient, sandbox: Database, path: str) -> None:
    assert _code(door, path, registration()) == (200, "00", "request-0001")
    assert _code(door, path, registration()) == (200, "00", "request-0001")
    assert _count(sandbox, "govstack_beneficiary") == 1


def test_only_the_id_is_needed_and_changes_are_versions(
    door: TestClient, sandbox: Database
) -> None:
    short = registration(Beneficiaries=[{"PayeeFunctionalID": PAYEE}])
    assert _code(door, "register-beneficiary", short)[:2] == (200, "00")
    assert _code(door, "update-beneficiary-details", registration())[:2] == (200, "00")
    assert _code(door, "update-beneficiary-details", short)[:2] == (200, "00")
    with sandbox.transaction() as session:
        rows = session.execute(
            text("SELECT version, address_sealed IS NULL FROM govstack_beneficiary ORDER BY 1")
        ).all()
    assert [tuple(row) for row in rows] == [(1, True), (2, False)]


ENTRY = {"PayeeFunctionalID": PAYEE}
BAD_REGISTRATIONS = {
    "no-source": without(registration(), "SourceBBID"),
    "short-source": registration(SourceBBID="invalid"),
    "long-source": registration(SourceBBID="x" * 13),
    "number-source": registration(SourceBBID=123456789012),
    "no-list": without(registration(), "Beneficiaries"),
    "empty-list": registration(Beneficiaries=[]),
    "not-a-list": registration(Beneficiaries={"a": 1}),
    "texts": registration(Beneficiaries=["x"]),
    "no-payee": registration(Beneficiaries=[{}]),
    "short-payee": registration(Beneficiaries=[{"PayeeFunctionalID": "invalid"}]),
    "long-payee": registration(Beneficiaries=[{"PayeeFunctionalID": "x" * 21}]),
    "control-signs": registration(Beneficiaries=[{"PayeeFunctionalID": "x\n" * 10}]),
    "unknown-modality": registration(Beneficiaries=[ENTRY | {"PaymentModality": "05"}]),
    "long-modality": registration(Beneficiaries=[ENTRY | {"PaymentModality": "001"}]),
    "long-address": registration(Beneficiaries=[ENTRY | {"FinancialAddress": "1" * 31}]),
    "number-address": registration(Beneficiaries=[ENTRY | {"FinancialAddress": 12}]),
    "twice": registration(Beneficiaries=[ENTRY, ENTRY]),
}


@pytest.mark.parametrize("path", SAVE)
@pytest.mark.parametrize("name", sorted(BAD_REGISTRATIONS))
def test_a_registration_is_refused_whole(
    door: TestClient, sandbox: Database, path: str, name: str
) -> None:
    body = BAD_REGISTRATIONS[name]
    assert _code(door, path, body) == (400, "01", "request-0001")
    assert _count(sandbox, "govstack_beneficiary") == 0


BAD_BATCHES = {
    "no-source": without(batch(), "SourceBBID"),
    "no-batch": without(batch(), "BatchID"),
    "short-source": batch(SourceBBID="invalid"),
    "short-batch": batch(BatchID="invalid"),
    "empty-list": batch(CreditInstructions=[]),
    "no-instruction-id": batch(without(instruction(), "InstructionID")),
    "short-instruction-id": batch(instruction(InstructionID="instructionID")),
    "no-payee": batch(without(instruction(), "PayeeFunctionalID")),
    "short-payee": batch(instruction(PayeeFunctionalID="PayeeFunctionalID")),
    "no-amount": batch(without(instruction(), "Amount")),
    "null-amount": batch(instruction(Amount=None)),
    "text-amount": batch(instruction(Amount="100")),
    "true-amount": batch(instruction(Amount=True)),
    "zero": batch(instruction(Amount=0)),
    "negative": batch(instruction(Amount=-5)),
    "half-pence": batch(instruction(Amount=0.001)),
    "huge": batch(instruction(Amount=10**300)),
    "no-currency": batch(without(instruction(), "Currency")),
    "short-currency": batch(instruction(Currency="US")),
    "other-currency": batch(instruction(Currency="EUR")),
    "two-currencies": batch(
        instruction(), instruction(InstructionID="instruction-0002", Currency="USD")
    ),
    "long-narration": batch(instruction(Narration="x" * 51)),
    "same-ids": batch(instruction(), instruction()),
}


@pytest.mark.parametrize("path", PAY)
@pytest.mark.parametrize("name", sorted(BAD_BATCHES))
def test_a_bulk_payment_is_refused_whole(
    door: TestClient, sandbox: Database, path: str, name: str
) -> None:
    assert _code(door, path, BAD_BATCHES[name]) == (400, "01", "request-0002")
    assert _count(sandbox, "govstack_batch") == _count(sandbox, "outbox") == 0


@pytest.mark.parametrize("name", sorted(BAD_BATCHES))
def test_a_validation_refuses_the_same_with_its_code_only(door: TestClient, name: str) -> None:
    assert _code(door, "prepayment-validation", BAD_BATCHES[name]) == (200, "01", "request-0002")


def test_a_validation_needs_narrations_and_a_payment_does_not(door: TestClient) -> None:
    body = batch(without(instruction(), "Narration"))
    assert _code(door, "prepayment-validation", body)[1] == "01"
    assert _code(door, "bulk-payment", body)[1] == "00"


@pytest.mark.parametrize("path", [*SAVE, *PAY, "prepayment-validation"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"nothing"])
def test_what_is_no_json_is_refused(door: TestClient, path: str, content: bytes) -> None:
    answer = door.post(path, content=content)
    assert (answer.status_code, answer.json()["ResponseCode"]) == (400, "01")


@pytest.mark.parametrize("currency", ["USD", "GBP"])
@pytest.mark.parametrize("worker", ["quick", "late"])
def test_a_validation_tells_who_cannot_be_paid(
    door: TestClient, sandbox: Database, desk: Desk, currency: str, worker: str
) -> None:
    foreign = {"PayeeFunctionalID": "payee-functional-002", "FinancialAddress": "LI48088007514234"}
    door.post("register-beneficiary", json=registration())
    door.post("register-beneficiary", json=registration(Beneficiaries=[foreign]))
    others = ("payee-functional-001", "payee-functional-002", "payee-functional-003")
    sent = [
        instruction(InstructionID=f"instruction-000{n}", PayeeFunctionalID=one, Currency=currency)
        for n, one in enumerate(others, 1)
    ]
    assert _code(door, "prepayment-validation", batch(*sent)) == (200, "00", "request-0002")
    if worker == "quick":
        _work(sandbox, desk)
    question = {"RequestID": "request-0002", "Source_BatchID": "batch-000001"}
    answer = door.post("prepayment-validation-response", json=question)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            **question,
            "NumberFailedCases": 2,
            "FailedAccounts": [
                {
                    "InstructionID": "instruction-0002",
                    "FailureReason": "The financial address is not a UK bank account",
                },
                {
                    "InstructionID": "instruction-0003",
                    "FailureReason": "The payee is not registered",
                },
            ],
        },
    )
    assert _count(sandbox, "payment") == 0


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"RequestID": "request-0002"},
        {"RequestID": "request-0002", "Source_BatchID": "batch-unseen"},
    ],
)
def test_a_validation_that_was_not_asked_for_has_no_result(
    door: TestClient, question: dict[str, str]
) -> None:
    answer = door.post("prepayment-validation-response", json=question)
    assert (answer.status_code, answer.json()["ResponseCode"]) == (400, "01")


def test_a_bulk_payment_becomes_a_run_once(door: TestClient, sandbox: Database, desk: Desk) -> None:
    door.post("register-beneficiary", json=registration())
    unknown = instruction(
        InstructionID="instruction-0002", PayeeFunctionalID="payee-functional-009"
    )
    sent = batch(instruction(), unknown)
    for path in (*PAY, *PAY):
        assert _code(door, path, sent) == (200, "00", "request-0002")
        _work(sandbox, desk)
    with sandbox.transaction() as session:
        run = session.execute(
            text("SELECT state, source, declared_count, declared_pence FROM run")
        ).one()
        paid = session.execute(
            text(
                "SELECT state, amount_pence, currency, reference, payee_name, account_tail,"
                " hold_code FROM payment"
            )
        ).one()
        outcomes = session.execute(
            text("SELECT failure, payment_id IS NULL FROM govstack_instruction ORDER BY number")
        ).all()
    assert tuple(run) == ("collecting", "govstack", 1, 1234)
    assert tuple(paid) == (
        "held",
        1234,
        "GBP",
        "WINTER HEATING",
        PAYEE,
        "0012",
        "name_not_checked",
    )
    assert [tuple(row) for row in outcomes] == [("", False), ("The payee is not registered", True)]


def test_another_body_under_the_request_id_is_refused(door: TestClient, sandbox: Database) -> None:
    assert _code(door, "bulk-payment", batch())[:2] == (200, "00")
    other = batch(instruction(Amount=12.35))
    assert _code(door, "bulk-payment", other) == (400, "01", "request-0002")
    # Another source may use the same id.
    assert _code(door, "bulk-payment", batch(SourceBBID="source-bb-02"))[:2] == (200, "00")
    assert _count(sandbox, "govstack_batch") == 2


def test_a_rehearsal_is_never_paid_and_may_be_repeated(
    door: TestClient, sandbox: Database, desk: Desk
) -> None:
    door.post("register-beneficiary", json=registration())
    dollars = instruction(Currency="USD", Amount=100)
    assert _code(door, "bulk-payment", batch(dollars)) == (200, "00", "request-0002")
    changed = batch(without(dollars, "Narration"))
    assert _code(door, "bulk-payment", changed) == (200, "00", "request-0002")
    _work(sandbox, desk)
    assert _count(sandbox, "payment") == _count(sandbox, "run") == 0
    with sandbox.transaction() as session:
        states = session.execute(text("SELECT DISTINCT state FROM govstack_batch")).scalars().all()
    assert states == ["rehearsed"]


def test_amounts_are_exact(door: TestClient, sandbox: Database) -> None:
    content = (
        b'{"RequestID": "request-0002", "SourceBBID": "source-bb-01", "BatchID": "batch-000001",'
        b' "CreditInstructions": [{"InstructionID": "instruction-0001", "PayeeFunctionalID":'
        b' "payee-functional-001", "Amount": 0.29, "Currency": "GBP"}]}'
    )
    assert door.post("bulk-payment", content=content).status_code == 200
    with sandbox.transaction() as session:
        assert session.execute(text("SELECT total_pence FROM govstack_batch")).scalar_one() == 29


def test_addresses_are_kept_sealed(door: TestClient, sandbox: Database) -> None:
    door.post("register-beneficiary", json=registration())
    with sandbox.transaction() as session:
        for table in ("govstack_beneficiary", "audit_event", "outbox"):
            found = session.execute(text(f"SELECT string_agg(t::text, ' ') FROM {table} t"))
            assert "10000012" not in (found.scalar_one() or "")


def test_of_many_equal_orders_at_once_one_is_taken(
    sandbox: Database, govstack_vault: DetailsVault
) -> None:
    order = read_batch(batch(instruction(Amount=12)), "payment", is_open=False)
    start, outcomes = threading.Barrier(8), []

    def send() -> None:
        start.wait()
        with sandbox.transaction() as session:
            _, is_new = take_batch(
                session, govstack_vault, BODY, order, "", "winter-heating", SYSTEM, clock.now()
            )
        outcomes.append(is_new)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [False] * 7 + [True]
    assert _count(sandbox, "govstack_batch") == 1
    assert _count(sandbox, "govstack_instruction") == 1
    with sandbox.transaction() as session:
        works = session.execute(
            text("SELECT count(*) FROM outbox WHERE topic = 'payments.govstack.work'")
        ).scalar_one()
    assert works == 1


def test_working_on_a_batch_twice_pays_once(
    door: TestClient, sandbox: Database, desk: Desk
) -> None:
    door.post("register-beneficiary", json=registration())
    door.post("bulk-payment", json=batch())
    with sandbox.transaction() as session:
        row_id = session.execute(text("SELECT id FROM govstack_batch")).scalar_one()
    for _ in range(2):
        with sandbox.transaction() as session:
            done = work_on(session, desk, row_id, "winter-heating", SYSTEM, clock.now())
            assert done.state == "in_run"
    assert _count(sandbox, "payment") == _count(sandbox, "run") == 1


def test_a_batch_nobody_of_which_can_be_paid_makes_no_run(
    door: TestClient, sandbox: Database, desk: Desk
) -> None:
    door.post("bulk-payment", json=batch())
    _work(sandbox, desk)
    with sandbox.transaction() as session:
        assert session.execute(text("SELECT state FROM govstack_batch")).scalar_one() == "refused"
    assert _count(sandbox, "run") == 0


@pytest.mark.parametrize("modality", ["02", "03"])
def test_who_is_not_paid_by_account_is_told(
    door: TestClient, sandbox: Database, desk: Desk, modality: str
) -> None:
    entry = {
        "PayeeFunctionalID": PAYEE,
        "PaymentModality": modality,
        "FinancialAddress": "99000110000012",
    }
    door.post("register-beneficiary", json=registration(Beneficiaries=[entry]))
    door.post("bulk-payment", json=batch())
    _work(sandbox, desk)
    with sandbox.transaction() as session:
        failure = session.execute(text("SELECT failure FROM govstack_instruction")).scalar_one()
    assert "not through this call" in failure
