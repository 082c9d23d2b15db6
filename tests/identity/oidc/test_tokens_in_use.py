"""Userinfo, introspection and revocation (RFC 6750, 7662, 7009)."""

import pytest
from httpx2 import Response

from identity.organisations.actions import save_organisation, set_staff_roles
from shared import clock
from shared.actors import SYSTEM
from tests.identity.oidc.world import (
    ASSERTION_TYPE,
    OIDC,
    PUBLIC_URL,
    SCOT,
    World,
    decode,
)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def as_client(world: World, path: str, client_id: str, **form: str) -> Response:
    sent = form | {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": world.assertion(client_id),
    }
    return world.http.post(f"{OIDC}{path}", data=sent)


def test_userinfo_tells_what_the_scopes_stand_for(world: World) -> None:
    world.register(first_party=True)
    world.sign_in()
    token = world.tokens(scope="openid email")["access_token"]
    for answer in (
        world.http.get(f"{OIDC}/userinfo", headers=bearer(token)),
        world.http.post(f"{OIDC}/userinfo", headers=bearer(token)),
        world.http.post(f"{OIDC}/userinfo", data={"access_token": token}),
        world.http.get(f"{OIDC}/userinfo", headers={"Authorization": f"bEaReR {token}"}),
    ):
        claims = answer.json()
        assert claims.pop("sub")
        assert claims == {"email": "jean@example.test", "email_verified": True}


def test_without_scopes_userinfo_tells_the_subject_only(client_world: World) -> None:
    tokens = client_world.tokens()
    claims = client_world.http.get(
        f"{OIDC}/userinfo", headers=bearer(tokens["access_token"])
    ).json()
    assert claims == {"sub": decode(tokens["id_token"])[1]["sub"]}


def test_staff_roles_are_in_id_token_and_userinfo(world: World) -> None:
    world.register(first_party=True)
    person = world.sign_in()
    now = clock.now()
    with world.database.transaction() as session:
        save_organisation(
            session, SYSTEM, slug="strathclachan", name="Strathclachan Council", now=now
        )
        set_staff_roles(
            session,
            SYSTEM,
            account_id=person.account_id,
            organisation="strathclachan",
            roles=["payments.uploader"],
            now=now,
        )
    expected = [{"organisation": "strathclachan", "roles": ["payments.uploader"]}]
    tokens = world.tokens(scope="openid staff")
    assert decode(tokens["id_token"])[1]["staff"] == expected
    answer = world.http.get(f"{OIDC}/userinfo", headers=bearer(tokens["access_token"]))
    assert answer.json()["staff"] == expected


def test_a_token_in_the_query_does_not_count(client_world: World) -> None:
    token = client_world.tokens()["access_token"]
    answer = client_world.http.get(f"{OIDC}/userinfo", params={"access_token": token})
    assert answer.status_code == 401


def test_two_tokens_at_once_are_refused(client_world: World) -> None:
    token = client_world.tokens()["access_token"]
    answer = client_world.http.post(
        f"{OIDC}/userinfo", headers=bearer(token), data={"access_token": token}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("kind", ["none", "id_token", "refresh_token", "changed", "garbage"])
def test_what_is_no_access_token_is_refused(client_world: World, kind: str) -> None:
    tokens = client_world.tokens()
    head, body, _signature = tokens["access_token"].split(".")
    wrong = {"changed": f"{head}.{body}.{'A' * 86}", "garbage": "a.b.c", "none": ""} | tokens
    answer = client_world.http.get(f"{OIDC}/userinfo", headers=bearer(wrong[kind]))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "sub" not in answer.text


def test_a_token_of_the_other_issuer_is_refused(world: World) -> None:
    world.register("sandboxscot01", profile="scotaccount")
    world.sign_in()
    token = world.tokens(SCOT, client_id="sandboxscot01")["access_token"]
    assert world.http.get(f"{OIDC}/userinfo", headers=bearer(token)).status_code == 401


def test_a_programs_own_token_is_no_persons(world: World) -> None:
    world.register("robot-service", grant_types=("client_credentials",), scopes=("payments.read",))
    token = as_client(world, "/token", "robot-service", grant_type="client_credentials").json()[
        "access_token"
    ]
    assert decode(token)[1]["aud"] == PUBLIC_URL
    assert world.http.get(f"{OIDC}/userinfo", headers=bearer(token)).status_code == 401


def test_revoking_a_refresh_token_ends_the_family(client_world: World) -> None:
    tokens = client_world.tokens()
    done = as_client(client_world, "/revoke", "council-client", token=tokens["refresh_token"])
    assert done.status_code == 200
    assert client_world.refresh(tokens["refresh_token"]).status_code == 400
    answer = client_world.http.get(f"{OIDC}/userinfo", headers=bearer(tokens["access_token"]))
    assert answer.status_code == 401


def test_revoking_an_access_token_ends_it_alone(client_world: World) -> None:
    tokens = client_world.tokens()
    as_client(client_world, "/revoke", "council-client", token=tokens["access_token"])
    answer = client_world.http.get(f"{OIDC}/userinfo", headers=bearer(tokens["access_token"]))
    assert answer.status_code == 401
    assert client_world.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_nobody_revokes_or_learns_about_anothers_token(world: World, kind: str) -> None:
    world.register()
    world.register("other-client")
    world.sign_in()
    tokens = world.tokens()
    assert as_client(world, "/revoke", "other-client", token=tokens[kind]).status_code == 200
    told = as_client(world, "/introspect", "other-client", token=tokens[kind]).json()
    assert told == {"active": False}
    answer = world.http.get(f"{OIDC}/userinfo", headers=bearer(tokens["access_token"]))
    assert answer.status_code == 200
    assert world.refresh(tokens["refresh_token"]).status_code == 200


def test_introspection_tells_the_owner_and_platform_services(world: World) -> None:
    world.register()
    world.register(
        "robot-service",
        grant_types=("client_credentials",),
        scopes=("payments.read",),
        first_party=True,
    )
    world.sign_in()
    tokens = world.tokens()
    for client_id in ("council-client", "robot-service"):
        told = as_client(world, "/introspect", client_id, token=tokens["access_token"]).json()
        assert (told["active"], told["client_id"], told["scope"]) == (
            True,
            "council-client",
            "openid",
        )
    own = as_client(world, "/introspect", "council-client", token=tokens["refresh_token"]).json()
    assert own["active"] is True
    as_client(world, "/revoke", "council-client", token=tokens["refresh_token"])
    for kind in ("access_token", "refresh_token"):
        told = as_client(world, "/introspect", "council-client", token=tokens[kind]).json()
        assert told == {"active": False}


@pytest.mark.parametrize("path", ["/revoke", "/introspect"])
def test_undated_and_replayed_assertions_do_not_count_alone(world: World, path: str) -> None:
    """S5."""
    world.register()
    for assertion, times in ((world.assertion(iat=None), 1), (world.assertion(), 2)):
        sent = {
            "token": "x",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        for _ in range(times):
            answer = world.http.post(f"{OIDC}{path}", data=sent)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert world.http.post(f"{OIDC}{path}", data={"token": "x"}).status_code == 401
