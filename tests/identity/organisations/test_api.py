from typing import Any

import pytest

from identity.relying_parties.rules import RelyingParty
from shared.tokens import Claims
from tests.identity.console.office import Office
from tests.identity.oidc.world import OIDC, World, decode

SCOPE = "identity.organisations.read"
API = "/identity/v1/organisations"


@pytest.fixture
def office(world: World) -> Office:
    made = Office(world)
    made.found()
    return made


def token_of(world: World, **changes: object) -> str:
    """Register a service account and return its access token."""
    client: RelyingParty = world.register(
        "reading-service",
        grant_types=("client_credentials",),
        scopes=(SCOPE,),
        redirect_uris=(),
        sector="",
        **changes,
    )
    answer = world.http.post(
        f"{OIDC}/token",
        data={
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": world.assertion(client.client_id),
        },
    )
    return str(answer.json()["access_token"])


def ask(office: Office, path: str = "", scope: str = SCOPE) -> Any:
    """Call the API as a program whose token is good."""
    claims = Claims("reading-service", "reading-service", frozenset({scope}), {})

    class Verifier:
        def verify(self, _token: str) -> Claims:
            return claims

    for route in office.world.http.app.routes:  # type: ignore[attr-defined]  # the test client holds our own app
        app = getattr(route, "app", None)
        if app is not None and hasattr(app, "state"):
            app.state.runtime.tokens = Verifier()
    return office.world.http.get(API + path, headers={"Authorization": "Bearer x"})


def test_a_token_of_a_service_account_names_its_body(world: World) -> None:
    _header, claims = decode(token_of(world, organisation="glenmore"))
    assert claims["organisation"] == "glenmore"


def test_bodies_are_listed_page_by_page(office: Office) -> None:
    first = ask(office, "?limit=2").json()
    assert [body["slug"] for body in first["organisations"]] == ["clachan-operations", "glenmore"]
    second = ask(office, f"?limit=2&after={first['next']}").json()
    assert [body["name"] for body in second["organisations"]] == ["Strathclachan Council"]
    assert second["next"] is None
    assert ask(office, "/glenmore").json()["status"] == "approved"


def test_staff_are_named_as_the_asked_client_sees_them(office: Office) -> None:
    people = {office.owner.account_id, office.viewer.account_id}
    office.world.register("payments-console", first_party=True)
    found = ask(office, "/strathclachan/staff?client_id=payments-console&limit=1").json()
    rest = ask(
        office,
        f"/strathclachan/staff?client_id=payments-console&limit=1&after={found['next']}",
    ).json()
    everybody = found["staff"] + rest["staff"]
    assert sorted(role for member in everybody for role in member["roles"]) == [
        "identity.owner",
        "identity.viewer",
    ]
    assert rest["next"] is None
    assert not {member["subject"] for member in everybody} & {str(one) for one in people}


def test_refusals_are_problems(office: Office) -> None:
    office.world.register("somebody-else")
    for path, status in (
        ("/nowhere", 404),
        ("/nowhere/staff?client_id=x", 404),
        ("/strathclachan/staff", 422),
        ("/strathclachan/staff?client_id=somebody-else", 422),
        ("/strathclachan/staff?client_id=unknown", 422),
        ("?limit=0", 422),
    ):
        answer = ask(office, path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
    assert ask(office, scope="another").status_code == 403
