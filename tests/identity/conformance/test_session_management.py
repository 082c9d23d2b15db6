"""The modules of oidcc-session-management-certification-test-plan."""

import hashlib

import pytest

from tests.identity.oidc.world import CALLBACK, OIDC, World, answer_of
from tests.identity.registrar import Registrar

AFTER = "https://council.example/after"


def state_for(client_id: str, origin: str, cookie: str, told: str) -> str:
    """Return what the page in the client's frame computes (section 3.2)."""
    salt = told.partition(".")[2]
    content = f"{client_id} {origin} {cookie} {salt}".encode()
    return f"{hashlib.sha256(content).hexdigest()}.{salt}"


def test_oidcc_session_management_discovery_endpoint_verification(world: World) -> None:
    metadata = world.http.get(f"{OIDC}/.well-known/openid-configuration").json()
    frame = world.http.get(metadata["check_session_iframe"])
    assert frame.status_code == 200
    assert frame.headers["content-type"].startswith("text/html")
    policy = frame.headers["content-security-policy"]
    assert "frame-ancestors *" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "x-frame-options" not in frame.headers
    script = world.http.get(f"{OIDC}/check-session.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert frame.text.count("<script") == 1
    assert '<script src="check-session.js"></script>' in frame.text


def test_oidcc_session_management_rp_initiated_logout(registrar: Registrar) -> None:
    world = registrar.world
    client = registrar.register(post_logout_redirect_uris=[AFTER])
    answer = client.authorize()
    told = answer_of(answer)["session_state"]
    cookie = world.http.cookies["clachan-state"]
    assert state_for(client.id, "https://council.example", cookie, told) == told
    tokens = client.redeem(answer_of(answer)["code"]).json()
    params = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": AFTER}
    gone = world.http.get(f"{OIDC}/logout", params=params)
    assert gone.headers["location"] == AFTER
    assert "clachan-state" not in world.http.cookies
    # With another person the same browser has another state.
    world.sign_in("ross@example.test")
    client.authorize()
    assert world.http.cookies["clachan-state"] != cookie


def test_two_answers_of_one_session_agree_and_two_salts_differ(registrar: Registrar) -> None:
    world = registrar.world
    client = registrar.register()
    first, second = (answer_of(client.authorize())["session_state"] for _ in range(2))
    assert first != second
    cookie = world.http.cookies["clachan-state"]
    for told in (first, second):
        assert state_for(client.id, "https://council.example", cookie, told) == told


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://council.example:443/callback", "https://council.example"),
        ("https://council.example:8443/callback", "https://council.example:8443"),
        ("https://COUNCIL.example/callback", "https://council.example"),
    ],
)
def test_the_origin_is_written_as_browsers_do(registrar: Registrar, uri: str, origin: str) -> None:
    client = registrar.register(redirect_uris=[uri])
    told = answer_of(client.authorize())["session_state"]
    cookie = registrar.world.http.cookies["clachan-state"]
    assert state_for(client.id, origin, cookie, told) == told


def test_who_does_not_want_it_gets_neither_state_nor_cookie(client_world: World) -> None:
    answer = client_world.authorize(redirect_uri=CALLBACK)
    assert "session_state" not in answer_of(answer)
    assert "clachan-state" not in client_world.http.cookies


def test_the_cookie_tells_nothing_that_opens_a_session(registrar: Registrar) -> None:
    world = registrar.world
    registrar.register().authorize()
    state = world.http.cookies["clachan-state"]
    session = world.http.cookies["clachan-session"]
    assert state != session
    world.http.cookies.clear()
    world.http.cookies.set("clachan-session", state)
    assert world.http.get("/identity/account").status_code == 303
