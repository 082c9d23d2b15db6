from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.notifications.conftest import Service, code_email

NOBODYS = "0195d0c4-0000-7000-8000-000000000000"
PATH = "/notifications/v1/messages"


def _counts(service: Service) -> tuple[object, object]:
    return (
        service.query("SELECT count(*) FROM message")[0][0],
        service.query("SELECT count(*) FROM outbox")[0][0],
    )


def test_an_email_is_accepted_and_reported(service: Service) -> None:
    answer = service.client.post(PATH, json=code_email(), headers=service.headers("messages.send"))
    assert answer.status_code == 201
    body = answer.json()
    assert body == {"id": body["id"], "status": "created"}
    report = service.client.get(f"{PATH}/{body['id']}", headers=service.headers("messages.send"))
    assert report.status_code == 200
    assert report.json()["status"] == "created"
    assert report.json()["possible_duplicate"] is False
    assert _counts(service) == (1, 1)


def test_the_same_key_sixteen_times_at_once_is_one_email(service: Service) -> None:
    headers = service.headers("messages.send")
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda _: service.client.post(PATH, json=code_email(), headers=headers), range(16)
            )
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert _counts(service) == (1, 1)


def test_the_same_key_with_another_body_is_refused(service: Service) -> None:
    headers = service.headers("messages.send")
    service.client.post(PATH, json=code_email(), headers=headers)
    answer = service.client.post(PATH, json=code_email(to="x@example.test"), headers=headers)
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_key_reused"
    assert _counts(service) == (1, 1)


def test_keys_belong_to_their_caller(service: Service) -> None:
    ids = {
        service.client.post(
            PATH, json=code_email(), headers=service.headers("messages.send", "k", client)
        ).json()["id"]
        for client in ("identity-service", "gateway-service")
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"template": "identity.unknown"}, "template"),
        ({"template": "../../secrets"}, "template"),
        ({"channel": "pigeon"}, "channel"),
        ({"channel": "sms"}, "template"),
        ({"language": "fr"}, "language"),
        ({"to": "nobody"}, "to"),
        ({"to": "a@b"}, "to"),
        ({"to": "a..b@example.test"}, "to"),
        ({"to": "a@example.test\r\nBcc: b@example.test"}, "to"),
        ({"personalisation": {"code": "1"}}, "personalisation.minutes"),
        ({"personalisation": {}}, "personalisation.code"),
        ({"personalisation": {"code": "1", "minutes": "2", "x": "3"}}, "personalisation.x"),
        ({"personalisation": {"code": "1" * 2001, "minutes": "2"}}, "personalisation.code"),
        ({"personalisation": {"code": None, "minutes": "2"}}, "body.personalisation.code"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_request_names_the_field_and_changes_nothing(
    service: Service, change: dict[str, object], field: str
) -> None:
    answer = service.client.post(
        PATH, json=code_email(**change), headers=service.headers("messages.send")
    )
    assert answer.status_code == 422
    named = [fault["field"] for fault in answer.json()["fields"]]
    assert field in named or field.removeprefix("body.") in named
    assert _counts(service) == (0, 0)
    assert service.query("SELECT count(*) FROM idempotency_key") == [(0,)]


def test_a_refused_request_may_be_sent_again_with_the_same_key(service: Service) -> None:
    headers = service.headers("messages.send")
    assert service.client.post(PATH, json=code_email(to="no"), headers=headers).status_code == 422
    assert service.client.post(PATH, json=code_email(), headers=headers).status_code == 201


def test_the_key_is_needed(service: Service) -> None:
    answer = service.client.post(
        PATH, json=code_email(), headers=service.headers("messages.send", None)
    )
    assert answer.status_code == 422
    assert _counts(service) == (0, 0)


def test_another_callers_message_is_unknown(service: Service) -> None:
    made = service.client.post(PATH, json=code_email(), headers=service.headers("messages.send"))
    other = service.headers("messages.send", None, "gateway-service")
    assert service.client.get(f"{PATH}/{made.json()['id']}", headers=other).status_code == 404
    assert service.client.get(f"{PATH}/{uuid4()}", headers=other).status_code == 404


ROUTES = [
    ("POST", PATH, "messages.send"),
    ("GET", f"{PATH}/{NOBODYS}", "messages.send"),
    ("POST", "/notifications/v1/mailboxes", "mailbox.create"),
    ("POST", "/notifications/v1/mailbox-messages", "mailbox.send"),
    ("GET", f"/notifications/v1/mailbox-messages/{NOBODYS}", "mailbox.send"),
]
SCOPES = ("messages.send", "mailbox.create", "mailbox.send", "payments.write", "")


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
@pytest.mark.parametrize("scope", SCOPES)
def test_each_route_admits_its_scope_and_no_other(
    service: Service, method: str, path: str, needed: str, scope: str
) -> None:
    answer = service.client.request(method, path, json={}, headers=service.headers(scope))
    if scope == needed:
        assert answer.status_code in (404, 422)
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == "scope_insufficient"
    assert _counts(service) == (0, 0)


@pytest.mark.parametrize(("method", "path", "needed"), ROUTES)
@pytest.mark.parametrize("kind", ["none", "cookie", "expired", "audience", "issuer", "garbage"])
def test_each_route_refuses_who_has_no_good_token(
    service: Service, method: str, path: str, needed: str, kind: str
) -> None:
    changes: dict[str, dict[str, object]] = {
        "expired": {"exp": 1},
        "audience": {"aud": "https://elsewhere.example"},
        "issuer": {"iss": "https://elsewhere.example"},
    }
    headers = {"Idempotency-Key": "k"}
    if kind in changes:
        headers["Authorization"] = f"Bearer {service.token(needed, **changes[kind])}"
    elif kind == "garbage":
        headers["Authorization"] = "Bearer abc.def.ghi"
    elif kind == "cookie":
        service.sign_in("sub-morag")
    answer = service.client.request(method, path, json=code_email(), headers=headers)
    assert answer.status_code == 401
    assert _counts(service) == (0, 0)
