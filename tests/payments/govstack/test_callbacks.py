"""Callbacks: sent signed through the guarded client, written down, tried again, given up."""

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.govstack.actions.callbacks import (
    SIGNATURE,
    Waiting,
    get_waiting,
    note_attempt,
    plan_callback,
    send,
)
from payments.govstack.rules import body_sha256
from shared.guarded_http import Answer, GuardedHttp, OutboundError
from tests.payments.runs.world import BODY, NOW

URL = "https://source.example/callback"
REPORT = {"RequestID": "request-0001", "NumberFailedCases": 0}


class FakeHttp(GuardedHttp):
    """Answers as told and keeps what it was sent."""

    def __init__(self, status: int | None) -> None:
        super().__init__()
        self.status = status
        self.sent: list[tuple[str, str, object, Mapping[str, str]]] = []

    def _send(
        self,
        method: str,
        url: str,
        maximum_bytes: int,
        *,
        headers: Mapping[str, str],
        **more: object,
    ) -> Answer:
        assert maximum_bytes > 0
        self.sent.append((method, url, more["json"], headers))
        if self.status is None:
            raise OutboundError("cannot be reached: ConnectError")
        return Answer(self.status, {}, b"")


def _planned(session: Session, **changes: object) -> Waiting:
    plan_callback(session, BODY, URL, REPORT, NOW, correlation="story", **changes)  # type: ignore[arg-type]  # a method
    row = session.execute(text("SELECT id FROM govstack_callback")).scalar_one()
    waiting = get_waiting(session, row)
    assert waiting is not None
    return waiting


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_callback_is_sent_signed(payments_session: Session, method: str) -> None:
    waiting = _planned(payments_session, method=method)
    key = ECKey.generate_key("P-256")
    key.ensure_kid()
    http = FakeHttp(202)
    assert send(http, key, waiting, NOW) == ""
    ((sent_method, url, body, headers),) = http.sent
    assert (sent_method, url, body) == (method, URL, REPORT)
    assert headers["X-CorrelationID"] == "story"
    claims = jwt.decode(headers[SIGNATURE], key, algorithms=["ES256"]).claims
    assert claims["aud"] == URL
    assert claims["body_sha256"] == body_sha256(json.loads(json.dumps(body))).hex()
    note_attempt(payments_session, waiting, "", NOW)
    assert get_waiting(payments_session, waiting.id) is None


@pytest.mark.parametrize("status", [None, 302, 404, 500])
def test_a_failed_callback_is_tried_eight_times(
    payments_session: Session, status: int | None
) -> None:
    waiting: Waiting | None = _planned(payments_session)
    for attempt in range(1, 9):
        assert waiting is not None
        fault = send(FakeHttp(status), None, waiting, NOW)
        assert fault
        note_attempt(payments_session, waiting, fault, NOW)
        # The same attempt noted twice is one attempt.
        note_attempt(payments_session, waiting, fault, NOW)
        waiting = get_waiting(payments_session, waiting.id)
        row = payments_session.execute(
            text("SELECT state, attempts, last_answer FROM govstack_callback")
        ).one()
        state = "given_up" if attempt == 8 else "waiting"
        assert tuple(row) == (state, attempt, fault)
    assert waiting is None
    due = payments_session.execute(
        text("SELECT max(due_at) FROM outbox WHERE topic = 'payments.govstack.call_back'")
    ).scalar_one()
    assert due == NOW + timedelta(seconds=30 * 4**6)


@pytest.mark.parametrize("url", ["", "x" * 501, "https://a.example/\n"])
def test_no_address_is_no_callback(payments_session: Session, url: str) -> None:
    plan_callback(payments_session, BODY, url, REPORT, NOW)
    count = payments_session.execute(text("SELECT count(*) FROM govstack_callback")).scalar_one()
    assert count == 0


@pytest.mark.parametrize(
    "url", ["http://source.example/", "https://127.0.0.1/", "https://u:p@source.example/", "none"]
)
def test_addresses_that_are_not_for_us_to_call_are_not_called(
    payments_session: Session, url: str
) -> None:
    plan_callback(payments_session, BODY, url, REPORT, NOW)
    row = payments_session.execute(text("SELECT id FROM govstack_callback")).scalar_one()
    waiting = get_waiting(payments_session, row)
    assert waiting is not None
    assert send(GuardedHttp(), None, waiting, NOW) != ""
