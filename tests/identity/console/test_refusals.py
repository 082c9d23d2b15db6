from collections.abc import Iterator
from datetime import timedelta

import pytest

from identity.oidc import refusals
from identity.oidc.actions import forget_expired
from identity.oidc.errors import ProtocolError
from identity.oidc.refusals import (
    PLACES,
    claimed_client,
    list_refusals,
    record_refusal,
    without_secrets,
)
from shared import clock
from tests.identity.console.office import BODY, CALLBACK, Office
from tests.identity.oidc.world import OIDC, World, ec_key
from tests.identity.people import text_of


@pytest.fixture(autouse=True)
def _fresh_throttle(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(refusals, "_throttle", refusals.Throttle())
    return


def kept(world: World, client_id: str = "council-client") -> list[tuple[str, str, str]]:
    with world.database.transaction() as session:
        found = list_refusals(session, client_id, clock.now())
    return [(one.endpoint, one.error, one.description) for one in found]


def test_a_refusal_at_each_endpoint_is_kept_for_its_client(client_world: World) -> None:
    world = client_world
    world.authorize(redirect_uri="https://elsewhere.example/")
    world.authorize(response_type="token")
    world.redeem("no such code")
    world.redeem("x", client_assertion=world.assertion(key=ec_key(number=9)))
    world.http.post(f"{OIDC}/token", data={"grant_type": "x"}, auth=("council-client", "wrong"))
    world.http.get(f"{OIDC}/userinfo", headers={"Authorization": "Bearer a.b.c"})
    errors = [(endpoint, error) for endpoint, error, _ in kept(world)]
    assert errors == [
        ("token", "unsupported_grant_type"),
        ("token", "invalid_client"),
        ("token", "invalid_grant"),
        ("authorize", "unsupported_response_type"),
        ("authorize", "invalid_request"),
    ]


def test_what_happens_every_day_and_success_leave_no_trace(client_world: World) -> None:
    world = client_world
    world.tokens()
    world.http.cookies.clear()
    world.authorize(prompt="none")
    assert kept(world) == []


def test_the_same_refusal_is_kept_once_in_ten_seconds(client_world: World) -> None:
    for _ in range(5):
        client_world.redeem("no such code")
    assert len(kept(client_world)) == 1


def test_a_refusal_at_token_keeps_what_it_decided(client_world: World) -> None:
    world = client_world
    code = world.code()
    assert world.redeem(code).status_code == 200
    assert world.redeem(code).status_code == 400
    assert world.scalar("SELECT count(*) FROM authorisation WHERE revoked_at IS NOT NULL") == 1
    assert kept(world)[0][1] == "invalid_grant"


def test_a_client_that_does_not_exist_has_no_list(world: World) -> None:
    world.authorize(client_id="nobody-at-all")
    assert world.scalar("SELECT count(*) FROM client_refusal") == 0


def test_the_list_is_a_ring_of_fifty_that_is_forgotten(client_world: World) -> None:
    world, now = client_world, clock.now()
    with world.database.transaction() as session:
        for number in range(PLACES + 20):
            error = ProtocolError("invalid_request", f"number {number}")
            record_refusal(session, "council-client", "token", error, now)
    found = kept(world)
    assert len(found) == PLACES
    assert found[0][2] == "number 69"
    assert found[-1][2] == "number 20"
    with world.database.transaction() as session:
        forget_expired(session, now + timedelta(days=31))
    assert world.scalar("SELECT count(*) FROM client_refusal") == 0


def test_nothing_secret_or_personal_is_kept() -> None:
    said = "Invalid scope: jean@person.example eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig"
    assert without_secrets(said) == "Invalid scope: … …"
    assert len(without_secrets("word " * 100)) <= 200


@pytest.mark.parametrize(
    ("params", "authorization", "expected"),
    [
        ({"client_id": "named"}, None, "named"),
        ({"client_assertion": "x.eyJzdWIiOiAiYnktand0In0.y"}, None, "by-jwt"),
        ({}, "Basic bmFtZTpzZWNyZXQ=", "name"),
        ({}, "Basic ***", ""),
        ({"client_assertion": "x.not-json.y"}, None, ""),
        ({}, None, ""),
    ],
    ids=["parameter", "assertion", "basic", "bad_basic", "bad_assertion", "nothing"],
)
def test_whose_list_a_request_belongs_to(
    params: dict[str, str], authorization: str | None, expected: str
) -> None:
    assert claimed_client(params, authorization) == expected


def test_the_page_says_what_to_do(office: Office) -> None:
    client_id = office.client(office.service())
    office.world.authorize(client_id=client_id, redirect_uri=f"{CALLBACK}/")
    for path in (f"{BODY}/clients/{client_id}", f"{BODY}/clients/{client_id}/refusals"):
        shown = text_of(office.viewer.get(path))
        assert "invalid_request · authorize" in shown
        assert "Compare them letter for letter" in shown
