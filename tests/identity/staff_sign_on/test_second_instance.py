"""Staff sign in through a second instance of our own provider, over a real socket."""

import re
from typing import Any
from uuid import UUID

import httpx

from identity.organisations.queries import list_staff_roles
from identity.signin.queries import get_session
from identity.staff_sign_on.actions import confirm_domain
from shared import clock
from shared.actors import SYSTEM
from tests.identity.console.office import BODY, CONSOLE, Colleague, Office
from tests.identity.oidc.world import PUBLIC_URL, SECRET
from tests.identity.people import text_of

BACK = f"{PUBLIC_URL}/identity/sign-in/organisation/callback"


def set_up(
    office: Office, issuer: str, *, method: str = "client_secret_post", **changes: str
) -> None:
    """Configure the council's provider as its owner does, and the client there."""
    sent = {
        "shape": "plain",
        "issuer": issuer,
        "client_id": f"clachan-{method}".replace("_", "-"),
        "auth_method": method,
        "secret": SECRET,
        "two_factors": "always",
    } | changes
    answer = office.owner.post(f"{BODY}/sign-on/provider", **sent)
    assert answer.status_code == 303, text_of(answer)
    keys: dict[str, Any] = {"auth_method": method}
    if method == "private_key_jwt":
        published = office.owner.get("/identity/staff-sign-on/strathclachan/jwks.json").json()
        assert "d" not in published["keys"][0]
        keys["jwks"] = published["keys"]
    office.world.register(
        f"clachan-{method}".replace("_", "-"),
        redirect_uris=(BACK,),
        scopes=("openid", "profile", "email"),
        first_party=True,
        grant_types=("authorization_code",),
        **keys,
    )
    office.owner.post(f"{BODY}/sign-on/domains", domain="strathclachan.example")
    with office.world.database.transaction() as session:
        confirm_domain(
            session,
            SYSTEM,
            "strathclachan",
            "strathclachan.example",
            by="operator",
            now=clock.now(),
        )
    assert office.owner.post(f"{BODY}/sign-on/switch", state="on").status_code == 303


def at_work(who: Colleague, address: str) -> str:
    """Sign in at the organisation's provider, where the person has a session, and come back."""
    cookies = {"clachan-session": who.http.cookies.get("clachan-session") or ""}
    with httpx.Client(cookies=cookies, trust_env=False) as browser:
        answer = browser.get(address)
        while "localhost:8000" not in answer.headers.get("location", ""):
            assert answer.status_code in (302, 303), answer.text
            place = httpx.URL(address).join(answer.headers["location"])
            answer = browser.get(place)
    return str(answer.headers["location"]).removeprefix(PUBLIC_URL)


def go(office: Office, email: str) -> tuple[Colleague, str]:
    """Ask for the way with a new browser; returns it and the address at the provider."""
    newcomer = Colleague(office.browser(), UUID(int=0), email)
    page = newcomer.post("/identity/sign-in/organisation", email=email)
    assert page.status_code == 200, text_of(page)
    found = re.search(r'href="([^"]+)" id="go"', page.text)
    assert found is not None, page.text
    return newcomer, found[1].replace("&amp;", "&")


def test_staff_sign_in_where_they_work_with_a_secret_and_with_a_key(
    office: Office, upstream_url: str
) -> None:
    issuer = f"{upstream_url}/identity/oidc"
    for method in ("client_secret_post", "client_secret_basic", "private_key_jwt"):
        office.world.execute("DELETE FROM upstream")
        set_up(office, issuer, method=method)
        newcomer, address = go(office, office.developer.email)
        assert address.startswith(f"{issuer}/authorize?")
        back = newcomer.get(at_work(office.developer, address))
        assert back.status_code == 303, back.text
        assert back.headers["location"] == "/identity/account"
        assert newcomer.get(BODY).status_code == 200
        assert "Dougal" in newcomer.get(BODY).text
    assert office.world.scalar("SELECT count(*) FROM upstream_link") == 1
    with office.world.database.transaction() as session:
        cookie = newcomer.http.cookies.get("clachan-session") or ""
        found = get_session(session, cookie, clock.now())
    assert found is not None
    assert found.methods == ("mfa",)
    assert found.level == "medium"


def test_an_answer_counts_once_and_in_its_own_browser(office: Office, upstream_url: str) -> None:
    set_up(office, f"{upstream_url}/identity/oidc")
    newcomer, address = go(office, office.developer.email)
    callback = at_work(office.developer, address)
    assert office.owner.get(callback).status_code == 404
    assert newcomer.get(callback).status_code == 303
    again = newcomer.get(callback)
    assert again.status_code == 404
    assert "was used already" in again.text


def test_who_was_not_invited_is_not_let_in(office: Office, upstream_url: str) -> None:
    set_up(office, f"{upstream_url}/identity/oidc")
    stranger = office.citizen
    newcomer, address = go(office, stranger.email)
    refused = newcomer.get(at_work(stranger, address))
    assert refused.status_code == 403
    assert "has not invited you" in refused.text
    assert office.world.scalar("SELECT count(*) FROM upstream_link") == 0


def test_who_is_invited_is_let_in_and_joins(office: Office, upstream_url: str) -> None:
    set_up(office, f"{upstream_url}/identity/oidc")
    invited = office.citizen
    office.owner.post(f"{BODY}/staff/invite", email=invited.email, roles=["identity.viewer"])
    newcomer, address = go(office, invited.email)
    assert newcomer.get(at_work(invited, address)).status_code == 303
    assert "Invitation" in newcomer.get(CONSOLE).text


def test_an_address_alone_is_not_enough(office: Office, upstream_url: str) -> None:
    """The domain of somebody's address must be the body's own, whatever its provider says."""
    set_up(office, f"{upstream_url}/identity/oidc")
    other = office.neighbour
    office.owner.post(f"{BODY}/staff/invite", email=other.email, roles=["identity.viewer"])
    newcomer, address = go(office, office.developer.email)
    refused = newcomer.get(at_work(other, address))
    assert refused.status_code == 403
    assert office.world.scalar("SELECT count(*) FROM upstream_link") == 0


def test_one_factor_there_is_one_factor_here(office: Office, upstream_url: str) -> None:
    set_up(office, f"{upstream_url}/identity/oidc", two_factors="")
    office.world.execute("UPDATE upstream SET medium_values = '{nothing-of-this}'")
    newcomer, address = go(office, office.developer.email)
    assert newcomer.get(at_work(office.developer, address)).status_code == 303
    assert newcomer.get(BODY).status_code == 403


def test_own_sign_in_can_be_made_a_must_only_by_who_came_that_way(
    office: Office, upstream_url: str
) -> None:
    set_up(office, f"{upstream_url}/identity/oidc")
    early = office.owner.post(f"{BODY}/sign-on/switch", state="enforced")
    assert early.status_code == 422
    assert "yourself first" in early.text
    newcomer, address = go(office, office.owner.email)
    assert newcomer.get(at_work(office.owner, address)).status_code == 303
    assert newcomer.post(f"{BODY}/sign-on/switch", state="enforced").status_code == 303
    refused = office.developer.get(BODY)
    assert refused.status_code == 403
    assert "Sign in with your organisation" in refused.text
    assert newcomer.get(BODY).status_code == 200
    with office.world.database.transaction() as session:
        assert list_staff_roles(session, office.developer.account_id) == []
        cookie = newcomer.http.cookies.get("clachan-session") or ""
        found = get_session(session, cookie, clock.now())
        assert found is not None
        assert list_staff_roles(session, office.owner.account_id, found.id) == [
            {"organisation": "strathclachan", "roles": ["identity.owner"]}
        ]


def test_somebody_signed_in_connects_their_own_account(office: Office, upstream_url: str) -> None:
    set_up(office, f"{upstream_url}/identity/oidc")
    office.owner.post(f"{BODY}/sign-on/switch", state="off")
    page = office.owner.post(f"{BODY}/sign-on/try")
    found = re.search(r'href="([^"]+)" id="go"', page.text)
    assert found is not None, page.text
    back = office.owner.get(at_work(office.citizen, found[1].replace("&amp;", "&")))
    assert back.headers["location"] == f"{BODY}/sign-on?done=linked"
    assert office.world.scalar("SELECT account_id FROM upstream_link") == office.owner.account_id


def test_a_provider_that_is_away_is_said_to_be_away(office: Office, upstream_url: str) -> None:
    set_up(office, f"{upstream_url}/identity/oidc")
    office.world.execute("UPDATE upstream SET issuer = 'http://127.0.0.1:9'")
    newcomer = Colleague(office.browser(), UUID(int=0), "")
    answer = newcomer.post("/identity/sign-in/organisation", email=office.developer.email)
    assert answer.status_code == 502
    assert "does not answer" in answer.text
    unknown = newcomer.post("/identity/sign-in/organisation", email="a@elsewhere.example")
    assert unknown.status_code == 422
    broken = office.owner.post(
        f"{BODY}/sign-on/provider",
        shape="plain",
        issuer="http://127.0.0.1:9",
        client_id="x",
        auth_method="private_key_jwt",
    )
    assert broken.status_code == 422
    assert "discovery document" in broken.text
