"""CIBA beyond the official modules: who is told, who may answer, what stays secret."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from identity.accounts import tasks as account_tasks
from identity.oidc import ciba_tasks
from identity.oidc.ciba_core import TELL_TOPIC
from identity.oidc.polled_journey import PING_TOPIC
from identity.oidc.provider import Provider
from identity.relying_parties.grants import CIBA
from shared import outbox
from shared.clients.notifications import SentMessage
from tests.identity.oidc.grants import JEAN, PAYMENT, REFRESH, Grants, error_of, flow_of
from tests.identity.oidc.test_at_rest import dump
from tests.identity.oidc.test_device_grant import as_json
from tests.identity.oidc.test_single_use import in_parallel
from tests.identity.oidc.world import OIDC, decode
from tests.identity.people import text_of
from tests.support.outside import Outside, Reply


@dataclass
class Post:
    """Takes emails instead of the notifications service."""

    sent: list[dict[str, Any]] = field(default_factory=list)

    def send_email(self, **mail: Any) -> SentMessage:
        self.sent.append(mail)
        return SentMessage("id", "accepted")


@pytest.fixture
def post(grants: Grants, monkeypatch: pytest.MonkeyPatch) -> Post:
    made = Post()
    monkeypatch.setitem(account_tasks._CLIENTS, id(grants.world.settings), made)
    provider = Provider(grants.world.settings, grants.world.sealer)
    monkeypatch.setattr(ciba_tasks, "provider_of_worker", lambda: provider)
    return made


def work(grants: Grants, *topics: str) -> None:
    """Run what waits in the outbox once."""
    world = grants.world
    with world.database.transaction() as session:
        jobs = session.execute(
            text("SELECT id, topic FROM outbox WHERE done_at IS NULL ORDER BY id")
        ).all()
    for job in jobs:
        if job.topic in topics:
            outbox.run(world.database, world.settings, job.id, job.topic)


def test_the_person_is_told_by_an_email_without_rights(grants: Grants, post: Post) -> None:
    auth_req_id = grants.asked(binding_message="Tap 7")
    work(grants, TELL_TOPIC)
    (mail,) = post.sent
    assert mail["to"] == JEAN
    assert mail["template"] == "identity.request_waiting"
    words = mail["personalisation"]
    assert words == {
        "service": "Council service",
        "link": "http://localhost:8000/identity/requests",
    }
    assert auth_req_id not in str(mail)


def test_the_request_is_on_the_account_page_with_its_message(grants: Grants) -> None:
    grants.asked(binding_message="Tap 7")
    assert "1 request waits for you" in text_of(grants.world.http.get("/identity/account"))
    words = text_of(grants.world.http.get("/identity/requests"))
    assert "Council service" in words
    assert "Tap 7" in words
    flow = flow_of(grants.open_request())
    grants.world.http.get(f"/identity/continue?flow={flow}")
    words = text_of(grants.world.http.get(f"/identity/approve?flow={flow}"))
    assert "Approve only if the service shows you the same message." in words
    assert "Tap 7" in words


def test_an_unknown_address_is_answered_like_a_known_one(grants: Grants, post: Post) -> None:
    known = grants.ask()
    unknown = grants.ask(login_hint="nobody@example.test")
    assert known.status_code == unknown.status_code == 200
    assert known.json().keys() == unknown.json().keys()
    assert unknown.json()["expires_in"] == known.json()["expires_in"]
    work(grants, TELL_TOPIC)
    assert [mail["to"] for mail in post.sent] == [JEAN]
    waiting = grants.poll(unknown.json()["auth_req_id"])
    assert error_of(waiting) == (400, "authorization_pending")
    page = text_of(grants.world.http.get("/identity/requests"))
    assert page.count("Look at the request") == 1


def test_somebody_else_can_neither_see_nor_answer_it(grants: Grants) -> None:
    auth_req_id = grants.asked()
    request = grants.world.scalar("SELECT id FROM polled_request")
    own_flow = flow_of(grants.open_request())
    grants.world.sign_in("ross@example.test")
    assert "No service is waiting" in text_of(grants.world.http.get("/identity/requests"))
    taken = grants.people.send("/identity/requests", request=str(request))
    assert taken.status_code == 409
    for path in ("continue", "approve"):
        assert grants.world.http.get(f"/identity/{path}?flow={own_flow}").status_code == 403
    assert grants.decide(own_flow).status_code == 403
    assert grants.world.scalar("SELECT count(decided_at) FROM polled_request") == 0
    assert error_of(grants.poll(auth_req_id))[1] == "authorization_pending"


@pytest.mark.committed
def test_of_sixteen_parallel_polls_exactly_one_gets_tokens(grants: Grants) -> None:
    for _ in range(6):
        auth_req_id = grants.asked()
        grants.answer_request()
        answers = in_parallel(partial(grants.poll, auth_req_id))
        assert Counter(one.status_code for one in answers) == {200: 1, 400: 15}


def test_a_replayed_assertion_spends_nothing(grants: Grants) -> None:
    auth_req_id = grants.asked()
    grants.answer_request()
    used = grants.world.assertion("bank-service")
    other = grants.asked()
    assert grants.poll(other, client_assertion=used).status_code == 400
    refused = grants.poll(auth_req_id, client_assertion=used)
    assert error_of(refused) == (401, "invalid_client")
    assert grants.poll(auth_req_id).status_code == 200


def test_an_id_token_is_a_hint_to_its_person(grants: Grants) -> None:
    grants.register("bank-service", CIBA, REFRESH, "authorization_code", sector="bank.example")
    token = grants.world.tokens(client_id="bank-service")["id_token"]
    grants.asked(login_hint=None, id_token_hint=token)
    account = grants.world.scalar("SELECT account_id FROM polled_request")
    assert account == grants.person.account_id
    grants.register("other-bank", CIBA, redirect_uris=(), sector="other.example")
    foreign = grants.ask("other-bank", login_hint=None, id_token_hint=token)
    assert error_of(foreign) == (400, "invalid_request")
    grants.world.execute("DELETE FROM known_subject")
    unknown = grants.ask(login_hint=None, id_token_hint=token)
    assert error_of(unknown) == (400, "unknown_user_id")


def test_ordinary_clients_leave_no_trace_of_their_subjects(grants: Grants) -> None:
    grants.world.register()
    grants.world.tokens()
    assert grants.world.scalar("SELECT count(*) FROM known_subject") == 0


def test_a_signed_request_counts_once(grants: Grants) -> None:
    request = grants.signed()
    first = grants.ask(scope=None, login_hint=None, request=request)
    assert first.status_code == 200, first.text
    again = grants.ask(scope=None, login_hint=None, request=request)
    assert error_of(again) == (400, "invalid_request")
    assert grants.world.scalar("SELECT count(*) FROM polled_request") == 1
    beside = grants.ask(login_hint=None, request=grants.signed())
    assert error_of(beside) == (400, "invalid_request")


@pytest.mark.parametrize(
    "wrong",
    [
        {"requested_expiry": "0"},
        {"requested_expiry": "-5"},
        {"requested_expiry": "soon"},
        {"requested_expiry": "1e3"},
        {"user_code": "1234"},
        {"login_hint": None},
        {"login_hint_token": "x", "login_hint": None},
        {"id_token_hint": "x", "login_hint": None},
        {"scope": None},
        {"scope": "email"},
    ],
)
def test_wrong_requests_begin_nothing(grants: Grants, wrong: dict[str, str | None]) -> None:
    refused = grants.ask("bank-service", **wrong)
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"] in ("invalid_request", "invalid_scope")
    assert grants.world.scalar("SELECT count(*) FROM polled_request") == 0
    assert grants.world.scalar("SELECT count(*) FROM outbox") == 0


def test_a_wait_is_cut_to_the_longest_allowed(grants: Grants) -> None:
    assert grants.ask(requested_expiry="9999").json()["expires_in"] == 1800


def test_a_client_cannot_wear_a_person_down(grants: Grants) -> None:
    grants.asked()
    grants.asked(login_hint="nobody@example.test")
    grants.world.execute("UPDATE rate_counter SET used = 60")
    for hint in (JEAN, "nobody@example.test"):
        assert error_of(grants.ask(login_hint=hint)) == (429, "temporarily_unavailable")
    assert grants.world.scalar("SELECT count(*) FROM polled_request") == 2


def test_a_client_that_is_not_registered_for_it_is_refused(grants: Grants) -> None:
    grants.world.register()
    assert error_of(grants.ask("council-client")) == (400, "unauthorized_client")
    public = grants.post("/bc-authorize", None, client_id="tv-app", login_hint=JEAN)
    assert error_of(public) == (400, "unauthorized_client")


def test_a_payment_is_approved_with_a_fresh_sign_in_only(grants: Grants) -> None:
    grants.register(
        "bank-service",
        CIBA,
        redirect_uris=(),
        sector="bank.example",
        options={"authorization_details_types": ("payment_approval",)},
    )
    auth_req_id = grants.asked(authorization_details=as_json([PAYMENT]))
    grants.world.execute(
        "UPDATE sign_in_session SET authenticated_at = now() - interval '6 minutes'"
    )
    flow = flow_of(grants.open_request())
    onward = grants.world.http.get(f"/identity/continue?flow={flow}")
    assert onward.headers["location"].startswith("/identity/sign-in")
    grants.world.execute("UPDATE flow SET account_id = :account", account=grants.person.account_id)
    assert grants.decide(flow).headers["location"].startswith("/identity/sign-in")
    grants.world.execute("UPDATE sign_in_session SET authenticated_at = now()")
    consent = grants.world.http.get(f"/identity/continue?flow={flow}").headers["location"]
    assert "Approve the payment of £120.50" in text_of(grants.world.http.get(consent))
    grants.people.send(consent)
    assert "result=approved" in grants.decide(flow).headers["location"]
    tokens = grants.poll(auth_req_id).json()
    assert tokens["authorization_details"] == [PAYMENT]
    assert decode(tokens["access_token"])[1]["authorization_details"] == [PAYMENT]


def test_a_ping_is_sent_again_while_the_client_is_out_of_order(
    grants: Grants, post: Post, outside: Outside
) -> None:
    grants.register(
        "bank-service",
        CIBA,
        redirect_uris=(),
        sector="bank.example",
        options={
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": f"{outside.url}/ping",
        },
    )
    assert error_of(grants.ask()) == (400, "invalid_request")
    outside.replies["/ping"] = Reply(503)
    grants.asked(client_notification_token="t0ken")
    grants.answer_request()
    work(grants, PING_TOPIC)
    assert len(outside.sent) == 1
    undone = "SELECT count(*) FROM outbox WHERE topic = :topic AND done_at IS NULL"
    assert grants.world.scalar(undone, topic=PING_TOPIC) == 1
    outside.replies["/ping"] = Reply(204)
    grants.world.execute("UPDATE outbox SET due_at = now() - interval '1 s'")
    work(grants, PING_TOPIC)
    work(grants, PING_TOPIC)
    assert len(outside.sent) == 2
    assert outside.sent[1].headers["authorization"] == "Bearer t0ken"
    assert not post.sent


def test_nothing_secret_can_be_read_from_the_database(grants: Grants, outside: Outside) -> None:
    grants.register(
        "bank-service",
        CIBA,
        redirect_uris=(),
        sector="bank.example",
        options={
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": f"{outside.url}/ping",
        },
    )
    token = "an-invented-notification-token"
    auth_req_id = grants.asked(binding_message="Ask for Morag", client_notification_token=token)
    content = dump(grants.world)
    assert b"bank-service" in content
    for value in (auth_req_id, token, "Ask for Morag", JEAN):
        assert value.encode() not in content
        assert value.encode().hex().encode() not in content


def test_signing_out_does_not_end_what_was_approved_elsewhere(grants: Grants) -> None:
    auth_req_id = grants.asked()
    grants.answer_request()
    grants.people.send("/identity/sign-out")
    tokens = grants.poll(auth_req_id)
    assert tokens.status_code == 200
    bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
    assert grants.world.http.get(f"{OIDC}/userinfo", headers=bearer).status_code == 200
