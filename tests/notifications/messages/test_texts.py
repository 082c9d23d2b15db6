"""Texts over SMPP and calls over HTTP, against the simulated telephone network on real sockets."""

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from notifications.channels.provider import Arrival, Delivery
from notifications.channels.simulator import make_app, start_smsc
from notifications.channels.simulator.texts import TEXTS_FILE, TextStore
from notifications.channels.simulator.voice import make_voice_app
from notifications.messages.actions import record_delivery
from shared import clock
from tests.notifications.conftest import Service

PATH = "/notifications/v1/messages"
MOBILE = "+447700900123"
LANDLINE = "+441632960001"


@pytest.fixture
def network(service: Service, tmp_path: Path) -> Iterator[TextStore]:
    """The message centre and the caller, listening; the service is told where."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start_smsc(tmp_path, "127.0.0.1", 0), loop).result(5)
    service.settings.smpp_port = server.sockets[0].getsockname()[1]
    service.settings.smpp_timeout_seconds = 2
    door = socket.create_server(("127.0.0.1", 0))
    service.settings.voice_url = f"http://127.0.0.1:{door.getsockname()[1]}"
    caller = uvicorn.Server(
        uvicorn.Config(make_voice_app(tmp_path), lifespan="off", log_config=None, access_log=False)
    )
    answering = threading.Thread(target=caller.run, kwargs={"sockets": [door]}, daemon=True)
    answering.start()
    while not caller.started:
        time.sleep(0.02)
    yield TextStore(tmp_path / TEXTS_FILE)
    caller.should_exit = True
    answering.join(5)
    loop.call_soon_threadsafe(server.close)
    asyncio.run_coroutine_threadsafe(asyncio.sleep(0.05), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def order(channel: str = "sms", **changes: object) -> dict[str, object]:
    template = "identity.text_code" if channel == "sms" else "identity.spoken_code"
    return {
        "channel": channel,
        "template": template,
        "to": MOBILE if channel == "sms" else LANDLINE,
        "personalisation": {"code": "914207", "minutes": "15"},
        "reference": "check-1",
    } | changes


def send(service: Service, channel: str = "sms", **changes: object) -> str:
    answer = service.client.post(
        PATH, json=order(channel, **changes), headers=service.headers("messages.send")
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def status(service: Service, message_id: str) -> object:
    headers = service.headers("messages.send", None)
    return service.client.get(f"{PATH}/{message_id}", headers=headers).json()["status"]


def events(service: Service) -> list[object]:
    return [row[0] for row in service.query("SELECT event FROM message_event ORDER BY id")]


def test_a_text_arrives_and_its_receipt_is_recorded(service: Service, network: TextStore) -> None:
    message_id = send(service)
    service.work()
    (text,) = network.find(to=MOBILE)
    assert text.words.startswith("914207 is your security code for Clachan. It works for 15 min")
    assert text.sender == "Clachan"
    assert len(text.words) <= 160
    assert status(service, message_id) in ("sent", "delivered")
    service.work()
    assert status(service, message_id) == "delivered"
    assert events(service) == ["created", "claimed", "taken", "arrived"]
    assert service.query("SELECT personalisation_sealed FROM message") == [(None,)]
    assert network.untold() == []
    service.work(2)
    assert len(network.find()) == 1


@pytest.mark.parametrize(
    ("fault", "after"), [("missed", "temporary-failure"), ("unreachable", "permanent-failure")]
)
@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_what_did_not_arrive_is_reported(
    service: Service, network: TextStore, channel: str, fault: str, after: str
) -> None:
    network.play(fault)  # type: ignore[arg-type]  # one of the store's words
    message_id = send(service, channel)
    service.work(2)
    assert status(service, message_id) == after


def test_a_call_reads_the_code_digit_by_digit(service: Service, network: TextStore) -> None:
    message_id = send(service, "voice")
    service.work()
    (call,) = network.find(to=LANDLINE)
    assert call.words.count("nine, one, four, two, zero, seven") == 2
    assert "914207" not in call.words
    service.work()
    assert status(service, message_id) == "delivered"


def test_gaelic_texts_keep_their_accents(service: Service, network: TextStore) -> None:
    send(service, language="gd")
    service.work()
    (text,) = network.find()
    assert "còd tèarainteachd" in text.words
    assert len(text.words) <= 160


def test_a_refused_number_fails_for_good(service: Service, network: TextStore) -> None:
    network.play("refuse")
    message_id = send(service)
    service.work(2)
    assert status(service, message_id) == "permanent-failure"
    assert events(service)[-1] == "refused"
    assert network.find() == []


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_later_means_later(service: Service, network: TextStore, channel: str) -> None:
    network.play("later")
    message_id = send(service, channel)
    service.work()
    assert status(service, message_id) == "sending"
    network.play("none")
    service.work()
    assert len(network.find()) == 1
    assert status(service, message_id) in ("sent", "delivered")


def test_a_network_that_is_away_is_tried_again(service: Service, network: TextStore) -> None:
    here = service.settings.smpp_port
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        service.settings.smpp_port = closed.getsockname()[1]
        message_id = send(service)
        service.work()
    assert status(service, message_id) == "sending"
    service.settings.smpp_port = here
    service.work()
    assert len(network.find()) == 1


def test_a_wrong_password_for_the_message_centre_sends_nothing(
    service: Service, network: TextStore
) -> None:
    service.settings.smpp_password = "wrong"
    message_id = send(service)
    service.work()
    assert status(service, message_id) == "sending"
    assert network.find() == []


@pytest.mark.parametrize(
    "change",
    [
        {"to": "07700900123"},
        {"to": "+4477"},
        {"to": "a@example.test"},
        {"template": "identity.one_time_code"},
        {"template": "identity.spoken_code"},
        {"personalisation": {"code": "914207"}},
    ],
    ids=["no country", "too short", "an email", "an email's", "a call's", "minutes missing"],
)
def test_a_wrong_order_is_refused_and_changes_nothing(
    service: Service, change: dict[str, object]
) -> None:
    answer = service.client.post(
        PATH, json=order(**change), headers=service.headers("messages.send")
    )
    assert answer.status_code == 422
    assert service.query("SELECT count(*) FROM message") == [(0,)]
    assert service.query("SELECT count(*) FROM outbox") == [(0,)]


def test_a_template_of_texts_is_not_for_email(service: Service) -> None:
    body = order(template="identity.text_code") | {"channel": "email", "to": "a@example.test"}
    answer = service.client.post(PATH, json=body, headers=service.headers("messages.send"))
    assert answer.status_code == 422


def test_sixteen_receipts_for_one_text_count_once(service: Service, network: TextStore) -> None:
    send(service)
    service.work()
    with service.database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE message SET state = 'sent', completed_at = NULL, provider_reference = 'r-1'"
        )

    def keep(_: int) -> bool:
        with service.database.transaction() as session:
            return record_delivery(
                session, "sms", Delivery("r-1", Arrival.ARRIVED, "DELIVRD 000"), clock.now()
            )

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(keep, range(16))) == 1
    assert network.find()


def test_a_number_and_a_code_are_nowhere_at_rest_or_in_logs(
    service: Service,
    network: TextStore,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        send(service)
        send_voice = service.client.post(
            PATH, json=order("voice"), headers=service.headers("messages.send", "key-2")
        )
        assert send_voice.status_code == 201
        service.work(2)
    assert len(network.find()) == 2
    said = caplog.text + "".join(capsys.readouterr())
    kept = "".join(
        str(service.query(f"SELECT * FROM {table}"))
        for table in ("message", "message_event", "outbox", "audit_event", "idempotency_key")
    )
    assert "message.tried" in said
    for secret in ("914207", "393134323037", "7700900123", "1632960001", "nine, one, four"):
        assert secret not in kept
        assert secret not in said


def test_the_inbox_shows_texts_and_calls(
    service: Service, network: TextStore, tmp_path: Path
) -> None:
    send(service)
    service.work()
    with TestClient(make_app(tmp_path)) as inbox:
        page = inbox.get("/texts").text
        assert '<p class="code">914207</p>' in page
        assert f"Text to {MOBILE}" in page
        (found,) = inbox.get("/api/texts", params={"to": "7700 900123"}).json()
        assert found["code"] == "914207"
        assert inbox.post("/texts/faults", data={"kind": "missed"}).status_code == 200
        assert network.fault() == "missed"
        assert inbox.delete("/api/texts").status_code == 204
    assert network.find() == []
