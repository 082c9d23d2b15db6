"""The script of the session's frame, in a real browser between two origins."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route
from starlette.testclient import TestClient

from identity.oidc.session_management import session_state
from tests.identity.oidc.world import World

pytestmark = pytest.mark.browser

OP = "https://id.clachan.example"
RP = "https://bins.clachan.example"
FRAME = "/identity/oidc/check-session"
SHOWN = f"""<!DOCTYPE html><title>RP</title><iframe id="op" src="{OP}{FRAME}"></iframe>"""
ASK = """
(message) => new Promise((resolve) => {
  addEventListener("message", (event) => resolve([event.data, event.origin]), {once: true});
  document.getElementById("op").contentWindow.postMessage(message, PLACE);
})
""".replace("PLACE", f'"{OP}"')


@pytest.fixture
def relying_party(world: World, browser: Browser) -> Iterator[Page]:
    """A client's page with the provider's frame; both origins are answered from here."""
    http: TestClient = world.http

    def answer(route: Route) -> None:
        place = urlsplit(route.request.url)
        if f"{place.scheme}://{place.netloc}" == RP:
            route.fulfill(status=200, content_type="text/html", body=SHOWN)
            return
        served = http.get(place.path)
        route.fulfill(status=served.status_code, headers=dict(served.headers), body=served.content)

    context = browser.new_context()
    page = context.new_page()
    page.route("**/*", answer)
    page.goto(f"{RP}/")
    page.frame_locator("#op").locator("html").wait_for(state="attached")
    yield page
    context.close()


def set_cookie(page: Page, value: str) -> None:
    cookie = {"name": "clachan-state", "value": value, "url": OP, "secure": True}
    page.context.add_cookies([{**cookie, "sameSite": "None"}])  # type: ignore[list-item]  # a dict


def test_the_frame_tells_whether_the_session_is_the_one_the_client_knows(
    relying_party: Page,
) -> None:
    told = session_state("bins", f"{RP}/callback", "first", "salt")
    set_cookie(relying_party, "first")
    assert relying_party.evaluate(ASK, f"bins {told}") == ["unchanged", OP]
    assert relying_party.evaluate(ASK, f"others {told}") == ["changed", OP]
    set_cookie(relying_party, "second")
    assert relying_party.evaluate(ASK, f"bins {told}") == ["changed", OP]
    relying_party.context.clear_cookies()
    assert relying_party.evaluate(ASK, f"bins {told}") == ["changed", OP]


@pytest.mark.parametrize("message", ["", "bins", "bins a", "bins a.b c", "bins a.b.c", "bins .b"])
def test_a_message_of_another_shape_is_an_error(relying_party: Page, message: str) -> None:
    set_cookie(relying_party, "first")
    assert relying_party.evaluate(ASK, message) == ["error", OP]
