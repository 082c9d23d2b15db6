"""The clients say what their neighbours understand: each call over a socket, to the real app."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import uvicorn
from sqlalchemy import text
from starlette.types import ASGIApp

from gateway.catalogue.actions import load_reference
from gateway.journeys.commands import publish_folder
from gateway.journeys.rules import payout_state
from payments.payees.providers.open_banking import open_names
from payments.payees.simulator import make_app as make_payee_names
from payments.runs import tasks as runs_tasks
from payments.runs.actions.history import NEWS
from payments.settings import PaymentsSettings
from shared.clients.base import ServiceClient
from shared.clients.gateway import GatewayClient
from shared.clients.notifications import Letter, NotificationsClient
from shared.clients.payments import PaymentsClient
from shared.db import Database, make_engine
from shared.errors import Problem
from shared.outbox import Job
from tests.contracts.house import ROOT, House
from tests.payments.runs.world import seed

Client = TypeVar("Client", bound=ServiceClient)

SUBJECT = "0191d6e0-0000-7000-8000-000000000001"
REFERENCE = "SWH-7K3M-9QPX"
PAYEE = {
    "name": "Morag Fictional",
    "account_type": "personal",
    "sort_code": "990001",
    "account_number": "10000012",
}
# What identity sends, by template.
EMAILS = {
    "identity.one_time_code": {"code": "123456", "minutes": "10"},
    "identity.account_changed": {"what": "Your password was changed."},
    "identity.staff_invitation": {
        "organisation": "Strathclachan Council",
        "link": "https://clachan.example/identity/console/invitation?token=x",
        "days": "7",
    },
}


@contextmanager
def listening(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve an application on a port of this machine for the duration of a block."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = server.force_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def payee_names_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with listening(make_payee_names(tmp_path_factory.mktemp("payee_names"))) as url:
        yield url


@pytest.fixture(scope="module")
def databases(house: House) -> Iterator[dict[str, Database]]:
    made = {
        name: Database(make_engine(service.settings.database_url, pool_size=2))
        for name, service in house.services.items()
    }
    with made["payments"].transaction() as session:
        seed(session)
    with made["gateway"].transaction() as session:
        load_reference(session)
    publish_folder(made["gateway"], ROOT / "services")
    yield made
    for database in made.values():
        database.engine.dispose()


@pytest.fixture(scope="module", autouse=True)
def front_door(house: House, databases: dict[str, Database]) -> Iterator[None]:
    with listening(house.app(), urlsplit(house.url).port or 0):
        yield
    close_the_names_client(house)


def close_the_names_client(house: House) -> None:
    """Close the one client of the simulator, which else lives as long as the process."""
    settings = house.services["payments"].settings
    assert isinstance(settings, PaymentsSettings)
    open_names(
        settings.payee_names_url + settings.payee_names_path,
        settings.payee_names_timeout_seconds,
        settings.payee_names_financial_id,
        settings.payee_names_token,
        settings.private_key_file,
    )._http.close()


@pytest.fixture(scope="module")
def payments(house: House) -> Iterator[PaymentsClient]:
    with closing_client(
        PaymentsClient(house.services["gateway"].settings, "gateway-service")
    ) as made:
        yield made


@pytest.fixture(scope="module")
def identitys(house: House) -> Iterator[NotificationsClient]:
    """The client of notifications that identity has."""
    settings = house.services["identity"].settings
    with closing_client(NotificationsClient(settings, "identity-service")) as made:
        yield made


@pytest.fixture(scope="module")
def gateways(house: House) -> Iterator[NotificationsClient]:
    """The client of notifications that the gateway has."""
    settings = house.services["gateway"].settings
    with closing_client(NotificationsClient(settings, "gateway-service")) as made:
        yield made


@contextmanager
def closing_client(client: Client) -> Iterator[Client]:
    """Close a client's connections after a block: in a service it lives as long as the process."""
    yield client
    client._http.close()


def order(payments: PaymentsClient, check_id: str, key: str, **changes: object) -> str:
    values: dict[str, object] = {
        "organisation": "strathclachan",
        "programme": "winter-heating",
        "subject": SUBJECT,
        "payee": PAYEE,
        "check_id": check_id,
        "amount_pence": 25_000,
        "reference": REFERENCE,
        "case_reference": REFERENCE,
        "idempotency_key": key,
    }
    return payments.make_payment(**(values | changes)).payment_id  # type: ignore[arg-type]  # members by name


def test_the_gateway_checks_a_payee(payments: PaymentsClient) -> None:
    found = payments.check_payee(organisation="strathclachan", details=PAYEE)
    assert found.outcome == "match"
    assert UUID(found.check_id)
    near = payments.check_payee(
        organisation="strathclachan", details=PAYEE | {"name": "M Fictional"}
    )
    assert (near.outcome, near.matched_name) == ("close_match", "Morag Fictional")
    with pytest.raises(Problem) as refused:
        payments.check_payee(organisation="strathclachan", details=PAYEE | {"sort_code": "9"})
    assert refused.value.status == 422
    assert [fault.field for fault in refused.value.fields] == ["sort_code"]


def test_the_gateway_asks_for_a_payment_once(
    payments: PaymentsClient, databases: dict[str, Database]
) -> None:
    check = payments.check_payee(organisation="strathclachan", details=PAYEE)
    first = order(payments, check.check_id, "asked-once")
    assert order(payments, check.check_id, "asked-once") == first
    with pytest.raises(Problem) as refused:
        order(payments, check.check_id, "asked-once", amount_pence=25_001)
    assert (refused.value.status, refused.value.code) == (409, "exists_with_different_amount_pence")
    with databases["payments"].transaction() as session:
        (row,) = session.execute(
            text("SELECT state, amount_pence FROM payment WHERE public_id = :id"), {"id": first}
        )
    assert tuple(row) == ("ready", 25_000)


def test_identity_has_emails_sent_and_mailboxes_made(identitys: NotificationsClient) -> None:
    for template, words in EMAILS.items():
        sent = [
            identitys.send_email(
                template=template,
                to="morag@person.example",
                personalisation=words,
                reference="attempt-1",
                idempotency_key=f"{template}:1",
            )
            for _ in range(2)
        ]
        assert sent[0] == sent[1]
        assert UUID(sent[0].id)
    moment = datetime(2026, 11, 20, 10, tzinfo=UTC)
    made = [
        identitys.create_mailbox(subject=SUBJECT, verified_at=moment, email="morag@person.example")
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_the_gateway_puts_a_letter_into_a_mailbox(
    identitys: NotificationsClient, gateways: NotificationsClient
) -> None:
    moment = datetime(2026, 11, 20, 10, tzinfo=UTC)
    identitys.create_mailbox(subject=SUBJECT, verified_at=moment, email="morag@person.example")
    letter = Letter("decision", [("Amount", "£250.00")], "Morag Fictional", ["1 Example Street"])

    def send(subject: str) -> str:
        return gateways.send_mailbox_message(
            subject=subject,
            sender="strathclachan",
            sender_name="Strathclachan Council",
            title="Your grant has been awarded",
            non_sensitive_title="A decision on your application",
            summary="We have awarded you £250.00.",
            body=["Dear Morag Fictional", "We have decided."],
            letter=letter,
            case_reference=REFERENCE,
            idempotency_key=f"letter-{subject}",
        ).id

    sent = send(SUBJECT)
    assert send(SUBJECT) == sent
    assert gateways.get_mailbox_message(sent).status == "initialized"
    with pytest.raises(Problem) as refused:
        send("nobody")
    assert refused.value.status == 404
    with pytest.raises(Problem):
        gateways.get_mailbox_message(str(uuid4()))


def test_every_word_of_payments_is_understood_by_the_gateway() -> None:
    assert NEWS
    for state, kind in NEWS.items():
        assert kind.startswith("payments.payment.")
        assert payout_state(state) is not None, state


def test_payments_tells_the_gateway_what_became_of_a_payment(
    house: House,
    payments: PaymentsClient,
    databases: dict[str, Database],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = payments.check_payee(organisation="strathclachan", details=PAYEE)
    reference = "SWH-2222-3333"
    payment_id = order(
        payments, check.check_id, "told", case_reference=reference, reference=reference
    )
    insert_case(databases["gateway"], reference, payment_id)
    settings = house.services["payments"].settings
    for state, kind in NEWS.items():
        payload: dict[str, str | int] = {
            "event_id": str(uuid4()),
            "type": kind,
            "state": state,
            "organisation": "strathclachan",
            "payment_id": payment_id,
            "occurred_at": "2026-11-22T10:00:00.000Z",
        }
        job = Job(1, "payments.runs.tell_gateway", payload, 1, databases["payments"], settings)
        with closing_client(GatewayClient(settings, "payments-service")) as client:
            monkeypatch.setattr(runs_tasks, "_gateway", lambda kept=client: kept)
            for _ in range(2):
                runs_tasks.tell_gateway(job)
    with databases["gateway"].transaction() as session:
        notices = session.execute(text("SELECT type FROM case_notice")).scalars().all()
        payout = session.execute(text("SELECT state, payment_id FROM payout")).one()
    assert sorted(notices) == sorted(NEWS.values())
    assert tuple(payout) == ("returned", payment_id)


def insert_case(database: Database, reference: str, payment_id: str) -> None:
    """Write a case that waits for news of its payment, as far as news need it."""
    with database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO instance (id, service_id, version, reference, correlation_id, state,"
                " step, attempt, rev, language, sealed, created_at, updated_at, expires_at,"
                " submitted_at)"
                " SELECT :id, service_id, current_version, :reference, 'story', 'completed',"
                " 'done', 1, 1, 'en', '', now(), now(), now(), now()"
                " FROM journey"
                " WHERE service_id = 'winter-heating-grant'"
            ),
            {"id": (identifier := uuid4()), "reference": reference},
        )
        session.execute(
            text(
                "INSERT INTO payout (instance_id, step, attempt, amount_pence, state, payment_id,"
                " reason, requested_at, changed_at)"
                " VALUES (:id, 'payment', 1, 25000, 'accepted', :payment_id, '', now(), now())"
            ),
            {"id": identifier, "payment_id": payment_id},
        )
