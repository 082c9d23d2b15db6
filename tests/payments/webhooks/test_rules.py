"""Addresses, signatures and pauses, without a database."""

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from payments.webhooks.rules import (
    LONGEST_REST,
    PAUSES,
    Attempt,
    check_types,
    check_url,
    make_secret,
    message_name,
    next_attempt_at,
    read_message_name,
    read_retry_after,
    rest_until,
    sign,
    write_message,
)
from shared import clock

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MESSAGE = UUID("01a201b4-6742-7000-8000-26bf23d11ad1")


def test_a_foreign_package_verifies_what_is_signed_and_nothing_that_was_changed() -> None:
    secret, other = make_secret(), make_secret()
    body = write_message("payment.paid", AT, {"payment_id": "a" * 26, "reference": "Ærø"})
    headers = sign([secret], message_name(MESSAGE), clock.now(), body)
    assert Webhook(secret).verify(body, headers)["type"] == "payment.paid"
    for key, data, changed in (
        (other, body, headers),
        (secret, body.replace(b"paid", b"held"), headers),
        (secret, body, headers | {"webhook-id": "msg_other"}),
        (secret, body, headers | {"webhook-timestamp": str(int(clock.now().timestamp()) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(data, changed)


def test_while_secrets_change_over_either_of_them_verifies() -> None:
    old, new = make_secret(), make_secret()
    body = write_message("run.sent", AT, {})
    headers = sign([new, old], message_name(MESSAGE), clock.now(), body)
    assert headers["webhook-signature"].count("v1,") == 2
    assert Webhook(old).verify(body, headers) == Webhook(new).verify(body, headers)


def test_a_secret_is_one_of_the_specification() -> None:
    secret = make_secret()
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
    assert secret != make_secret()


def test_a_message_has_type_timestamp_and_data_and_is_the_same_every_time() -> None:
    one = write_message("payment.sent", AT, {"b": 1, "a": None})
    assert one == write_message("payment.sent", AT, {"a": None, "b": 1})
    assert json.loads(one) == {
        "type": "payment.sent",
        "timestamp": "2026-11-22T10:00:00.000Z",
        "data": {"a": None, "b": 1},
    }


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://finance.example.scot/",
        "http://finance.example.scot/",
        "https://127.0.0.1/",
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://bank.internal/",
        "https://database/",
        "https://una:secret@finance.example.scot/",
        "https://finance.example.scot/#part",
        "https://finance.example.scot:99999/",
        "https://finance.example.scot/\nX-Other: 1",
        "https://finance.example.scot/" + "a" * 2000,
        "finance.example.scot",
    ],
)
def test_addresses_that_may_not_be_asked_are_refused(url: str) -> None:
    assert [fault.field for fault in check_url(url, [])] == ["url"]


def test_good_addresses_pass_and_a_test_may_allow_its_own_host() -> None:
    assert check_url("https://finance.example.scot:8443/hooks?a=b", []) == []
    assert check_url("http://127.0.0.1:9999/hook", ["127.0.0.1"]) == []
    assert check_url("ftp://127.0.0.1:9999/hook", ["127.0.0.1"]) != []


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_a_fault(text: str) -> None:
    assert len(check_url(text, [])) in (0, 1)


def test_a_program_chooses_events_of_payments_only() -> None:
    assert check_types(["payment.paid", "run.sent"], of_program=False) == []
    assert check_types(["payment.paid"], of_program=True) == []
    assert check_types(["run.sent"], of_program=True) != []
    assert check_types([], of_program=False) != []
    assert check_types(["payment.exploded"], of_program=False) != []


def _failure(status: int | None = 500, retry_after: int | None = None) -> Attempt:
    return Attempt(1, AT, status, "", 5, retry_after)


def test_a_message_is_tried_ten_times_over_three_days_and_then_given_up() -> None:
    moments = [next_attempt_at(_failure(), number) for number in range(1, len(PAUSES) + 2)]
    assert moments[-1] is None
    assert [moment is not None for moment in moments[:-1]] == [True] * len(PAUSES)
    assert timedelta(days=3) <= sum(PAUSES, timedelta()) <= timedelta(days=4)


def test_a_busy_receiver_says_how_long_up_to_a_day_and_others_do_not() -> None:
    assert next_attempt_at(_failure(503, 600), 1) == AT + timedelta(seconds=600)
    assert next_attempt_at(_failure(429, 10**8), 1) == AT + timedelta(days=1)
    assert next_attempt_at(_failure(500, 600), 1) == AT + PAUSES[0]


def test_an_address_in_trouble_rests_longer_and_longer_but_is_not_forgotten() -> None:
    rests = [rest_until([_failure()], failures) - AT for failures in range(1, 30)]
    assert rests == sorted(rests)
    assert rests[0] == PAUSES[0]
    assert rests[-1] == LONGEST_REST


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_success_is_success(status: int) -> None:
    assert Attempt(1, AT, status, "", 1).is_success


@pytest.mark.parametrize("status", [None, 199, 300, 302, 404, 410, 500])
def test_everything_else_is_not(status: int | None) -> None:
    assert not Attempt(1, AT, status, "", 1).is_success


def test_ids_of_messages_are_read_back_and_nothing_else_is() -> None:
    assert read_message_name(message_name(MESSAGE)) == MESSAGE
    for text in ("", "msg_", "msg_xyz", message_name(MESSAGE) + "0", "msg_" + "G" * 32):
        assert read_message_name(text) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), (" 12 ", 12), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)],
)
def test_retry_after_in_seconds_is_read(value: str | None, seconds: int | None) -> None:
    assert read_retry_after(value) == seconds
