"""Logs and traces tell what happened and never what was secret about it (S2)."""

import logging

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import logs, tracing
from tests.identity.oidc.world import ASSERTION_TYPE, CALLBACK, SCOT, World


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("clachan"))
    return exporter


def test_no_secret_of_a_sign_in_is_logged_or_traced(
    spans: InMemorySpanExporter, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.register("sandboxscot01", profile="scotaccount")
    person = world.sign_in()
    logs.configure("identity", world.settings.model_copy(update={"log_level": "INFO"}))
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # the test's own client
    code = world.code(SCOT, client_id="sandboxscot01")
    assertion = world.assertion("sandboxscot01", SCOT)
    params = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": world.verifier,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    answer = world.http.post(f"{SCOT}/token", params=params)
    refused = world.http.post(f"{SCOT}/token", params=params)
    logged = capsys.readouterr().out
    logs.configure("identity", world.settings)
    assert (answer.status_code, refused.status_code) == (200, 401)
    traced = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "/identity/scotaccount/token" in traced
    assert "request.served" in logged
    tokens = answer.json()
    secrets = [code, assertion, world.verifier, person.cookie]
    secrets += [tokens[name] for name in ("access_token", "id_token", "refresh_token")]
    for secret in secrets:
        assert secret not in traced
        assert secret not in logged
