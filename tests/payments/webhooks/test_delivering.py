"""Delivering over a real socket: at least once, signed, with patience and an end to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from payments.webhooks.actions import deliver as delivering
from payments.webhooks.actions.announce import announce_fact
from payments.webhooks.actions.deliver import Courier, deliver, find_next_run
from payments.webhooks.actions.endpoints import (
    replay_message,
    replay_since,
    rotate_secret,
    send_test,
    switch_endpoint,
)
from payments.webhooks.queries import get_endpoint, list_attempts, list_deliveries
from payments.webhooks.rules import PAUSES, ROTATION, SUSPEND_AFTER
from shared import clock
from shared.crypto import Sealer
from shared.db import Database
from shared.guarded_http import GuardedHttp
from tests.payments.runs.world import BODY
from tests.payments.webhooks.hooks import ADA, HOOK, Watch
from tests.support.outside import Outside, Reply

Listen = Callable[..., UUID]
Secret = Callable[[UUID], str]
TYPE = "upload.finished"


def happen(database: Database, *names: str) -> None:
    with database.transaction() as session:
        for name in names:
            announce_fact(session, BODY, TYPE, name, {"name": name}, clock.now())


def states(database: Database, endpoint_id: UUID) -> list[tuple[str, int]]:
    with database.transaction() as session:
        found = list_deliveries(session, endpoint_id)
    return [(one.state, one.attempts) for one in reversed(found)]


def endpoint_row(database: Database, endpoint_id: UUID) -> tuple[str, str, bool, bool]:
    with database.transaction() as session:
        one = get_endpoint(session, BODY, endpoint_id)
    return one.state, one.state_reason, one.failing_since is None, one.paused_until is None


def test_messages_arrive_signed_and_are_written_down(
    database: Database, courier: Courier, listen: Listen, secret_of: Secret, outside: Outside
) -> None:
    endpoint = listen(TYPE)
    happen(database, *(f"u-{number}" for number in range(70)))
    deliver(courier, endpoint)
    assert len(outside.sent) == 70
    verifier = Webhook(secret_of(endpoint))
    names = {verifier.verify(sent.body, sent.headers)["data"]["name"] for sent in outside.sent}
    assert names == {f"u-{number}" for number in range(70)}
    assert {sent.headers["content-type"] for sent in outside.sent} == {"application/json"}
    assert len({sent.headers["webhook-id"] for sent in outside.sent}) == 70
    assert set(states(database, endpoint)) == {("delivered", 1)}
    with database.transaction() as session:
        last = list_deliveries(session, endpoint, limit=1)[0]
        (attempt,) = list_attempts(session, endpoint, last.event_id)
        assert find_next_run(session, endpoint, clock.now()) is None
    assert (attempt.status, attempt.error) == (200, "")
    deliver(courier, endpoint)
    assert len(outside.sent) == 70


def test_killed_between_sending_and_recording_it_is_sent_again_under_the_same_id(
    database: Database,
    courier: Courier,
    listen: Listen,
    outside: Outside,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint = listen(TYPE)
    happen(database, "u-1")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "record", die)
        with pytest.raises(KeyboardInterrupt):
            deliver(courier, endpoint)
    assert states(database, endpoint) == [("waiting", 0)]
    # The dead worker's lease runs on; the work is not forgotten, only later.
    deliver(courier, endpoint)
    assert len(outside.sent) == 1
    with database.transaction() as session:
        again = find_next_run(session, endpoint, watch.now())
    assert again is not None
    assert again > watch.now()
    watch.ahead = again - clock.now() + timedelta(seconds=1)
    deliver(courier, endpoint)
    first, second = outside.sent
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert states(database, endpoint) == [("delivered", 1)]


def test_two_workers_do_not_deliver_to_one_address_at_once(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint = listen(TYPE)
    happen(database, *(f"u-{number}" for number in range(40)))
    threads = [Thread(target=deliver, args=(courier, endpoint)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outside.sent) == 40
    assert set(states(database, endpoint)) == {("delivered", 1)}


def test_what_fails_is_tried_again_later_and_then_given_up(
    database: Database, courier: Courier, listen: Listen, outside: Outside, watch: Watch
) -> None:
    endpoint, good = listen(TYPE), listen(TYPE, path="/good")
    outside.serve(HOOK, "", status=500)
    outside.serve("/good", "")
    happen(database, "u-1")
    for number in range(1, len(PAUSES) + 2):
        deliver(courier, endpoint)
        wanted = "waiting" if number <= len(PAUSES) else "given_up"
        assert states(database, endpoint) == [(wanted, number)]
        if number <= len(PAUSES):
            deliver(courier, endpoint)
            assert states(database, endpoint) == [(wanted, number)]
            watch.ahead += PAUSES[number - 1] + timedelta(minutes=31)
    deliver(courier, good)
    assert states(database, good) == [("delivered", 1)]


def test_one_bad_message_does_not_hold_up_the_others(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint = listen(TYPE)
    outside.replies[HOOK] = lambda sent: Reply(500 if b'"bad"' in sent.body else 204)
    happen(database, "bad", "u-1", "u-2")
    deliver(courier, endpoint)
    assert states(database, endpoint) == [("waiting", 1), ("delivered", 1), ("delivered", 1)]
    assert endpoint_row(database, endpoint) == ("enabled", "", True, True)


def test_an_address_that_takes_nothing_rests_is_probed_and_is_stopped_after_days(
    database: Database, courier: Courier, listen: Listen, outside: Outside, watch: Watch
) -> None:
    endpoint = listen(TYPE)
    outside.serve(HOOK, "", status=503)
    happen(database, *(f"u-{number}" for number in range(40)))
    deliver(courier, endpoint)
    assert len(outside.sent) == 32
    assert endpoint_row(database, endpoint) == ("enabled", "", False, False)
    watch.ahead = timedelta(hours=1)
    deliver(courier, endpoint)
    assert len(outside.sent) == 36
    watch.ahead = SUSPEND_AFTER + timedelta(hours=2)
    deliver(courier, endpoint)
    assert endpoint_row(database, endpoint)[:2] == ("suspended", "failing")
    sent = len(outside.sent)
    watch.ahead += timedelta(days=1)
    deliver(courier, endpoint)
    assert len(outside.sent) == sent
    with database.transaction() as session:
        assert find_next_run(session, endpoint, watch.now()) is None
        noted = session.execute(
            text("SELECT count(*) FROM audit_event WHERE action = 'payments.webhook.suspended'")
        ).scalar_one()
    assert noted == 1
    outside.serve(HOOK, "")
    with database.transaction() as session:
        one = get_endpoint(session, BODY, endpoint)
        switch_endpoint(session, one, ADA, watch.now(), on=True)
    deliver(courier, endpoint)
    assert {state for state, _ in states(database, endpoint)} == {"delivered"}


def test_an_address_that_is_gone_is_stopped_at_once(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint = listen(TYPE)
    outside.serve(HOOK, "", status=410)
    happen(database, "u-1")
    deliver(courier, endpoint)
    assert endpoint_row(database, endpoint)[:2] == ("suspended", "gone")


def test_a_busy_address_is_left_alone_as_long_as_it_asks(
    database: Database, courier: Courier, listen: Listen, outside: Outside, watch: Watch
) -> None:
    endpoint = listen(TYPE)
    outside.serve(HOOK, "", status=429, headers={"Retry-After": "7200"})
    happen(database, "u-1")
    deliver(courier, endpoint)
    with database.transaction() as session:
        again = find_next_run(session, endpoint, watch.now())
    assert again is not None
    assert again - watch.now() > timedelta(minutes=119)


def test_redirects_are_not_followed(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint = listen(TYPE)
    elsewhere = outside.serve("/elsewhere", "")
    outside.serve(HOOK, "", status=302, headers={"Location": elsewhere})
    happen(database, "u-1")
    deliver(courier, endpoint)
    assert [sent.path for sent in outside.sent] == [HOOK]
    assert states(database, endpoint) == [("waiting", 1)]


def test_an_address_that_leads_to_a_private_network_is_never_asked(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint = listen(TYPE)
    happen(database, "u-1")
    with database.transaction() as session:
        session.execute(text("UPDATE webhook_endpoint SET url = replace(url, 'http:', 'https:')"))
    deliver(replace(courier, outbound=GuardedHttp(2.0)), endpoint)
    assert outside.sent == []
    with database.transaction() as session:
        last = list_deliveries(session, endpoint)[0]
        (attempt,) = list_attempts(session, endpoint, last.event_id)
    assert attempt.status is None
    assert attempt.error == "leads to a private network"


def test_a_new_secret_signs_beside_the_old_one_for_a_day(
    database: Database,
    courier: Courier,
    listen: Listen,
    secret_of: Secret,
    sealer: Sealer,
    outside: Outside,
    watch: Watch,
) -> None:
    endpoint = listen(TYPE)
    old = secret_of(endpoint)
    with database.transaction() as session:
        one = get_endpoint(session, BODY, endpoint)
        rotate_secret(session, sealer, one, ADA, clock.now())
    new = secret_of(endpoint)
    assert new != old
    happen(database, "u-1")
    deliver(courier, endpoint)
    for secret in (old, new):
        Webhook(secret).verify(outside.sent[0].body, outside.sent[0].headers)
    watch.ahead = ROTATION + timedelta(minutes=1)
    happen(database, "u-2")
    deliver(courier, endpoint)
    assert outside.sent[1].headers["webhook-signature"].count("v1,") == 1


def _replayed(session: Session, endpoint_id: UUID, name: str) -> None:
    one = get_endpoint(session, BODY, endpoint_id)
    found = list_deliveries(session, endpoint_id, subject=name)[0]
    replay_message(session, one, found.message_id, ADA, clock.now())


def test_messages_are_delivered_again_on_request_under_their_old_ids(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint = listen(TYPE)
    began = clock.now()
    happen(database, "u-1", "u-2")
    deliver(courier, endpoint)
    with database.transaction() as session:
        _replayed(session, endpoint, "u-1")
    deliver(courier, endpoint)
    with database.transaction() as session:
        one = get_endpoint(session, BODY, endpoint)
        assert replay_since(session, one, began, ADA, clock.now()) == 2
    deliver(courier, endpoint)
    assert len(outside.sent) == 5
    assert len({sent.headers["webhook-id"] for sent in outside.sent}) == 2


def test_a_new_endpoint_can_have_what_happened_before_it_was_there(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    listen(TYPE)
    began = clock.now()
    happen(database, "u-1")
    late = listen(TYPE, path="/late")
    foreign = listen(TYPE, organisation="glenmore", path="/foreign")
    outside.serve("/late", "")
    with database.transaction() as session:
        one = get_endpoint(session, BODY, late)
        other = get_endpoint(session, "glenmore", foreign)
        assert replay_since(session, one, began, ADA, clock.now()) == 1
        assert replay_since(session, other, began, ADA, clock.now()) == 0
    deliver(courier, late)
    assert [sent.path for sent in outside.sent] == ["/late"]


def test_a_test_message_goes_to_its_endpoint_only(
    database: Database, courier: Courier, listen: Listen, outside: Outside
) -> None:
    endpoint, other = listen(TYPE), listen(TYPE)
    with database.transaction() as session:
        send_test(session, get_endpoint(session, BODY, endpoint), ADA, clock.now())
    deliver(courier, other)
    assert outside.sent == []
    deliver(courier, endpoint)
    assert b"webhook.test" in outside.sent[0].body
