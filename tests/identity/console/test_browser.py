"""The console in Chromium without scripts: accessible on a desk and on a phone."""

import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from deploy.assets import sources
from identity.oidc import refusals
from shared.db import Database
from tests.identity.console.office import BODY, CALLBACK, CONSOLE, Colleague, Office, pem
from tests.identity.oidc.world import ec_key
from tests.identity.serving import served
from tests.support.browser import assert_accessible, screenshot

pytestmark = pytest.mark.browser
WIDTHS = {"desktop": 1280, "phone": 375}


@pytest.fixture
def address(
    office: Office, identity_database: Database, identity_url: str, key_file: Path
) -> Iterator[str]:
    """The same provider on a socket, for a real browser."""
    with served(identity_url, key_file, "x" * 40) as url:
        yield url


class Desk:
    """Somebody's browser, which photographs and checks what it is told to look at."""

    def __init__(self, browser: Browser, address: str, who: Colleague) -> None:
        self.address = address
        self.context: BrowserContext = browser.new_context()
        cookie = who.http.cookies.get("clachan-session") or ""
        self.context.add_cookies([{"name": "clachan-session", "value": cookie, "url": address}])
        found = sources()

        def serve(route: Route) -> None:
            name = route.request.url.partition("/assets/")[2].partition("?")[0]
            path = found.get(name)
            if path is None or name.endswith(".js"):
                route.fulfill(status=404)
                return
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            route.fulfill(body=path.read_bytes(), content_type=kind)

        self.context.route("**/assets/**", serve)
        self.page: Page = self.context.new_page()

    def open(self, path: str) -> None:
        self.page.goto(self.address + path)

    def look(self, name: str) -> None:
        for kind, width in WIDTHS.items():
            self.page.set_viewport_size({"width": width, "height": 900})
            screenshot(self.page, f"console-{name}-{kind}")
            assert_accessible(self.page)
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def press(self, name: str) -> None:
        main = self.page.locator("main")
        button = main.get_by_role("button", name=name, exact=True)
        with self.page.expect_navigation():
            button.or_(main.get_by_role("link", name=name, exact=True)).first.click()


@pytest.fixture(autouse=True)
def _fresh_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_throttle", refusals.Throttle())


def test_a_developer_registers_a_client_and_tests_it(
    office: Office, browser: Browser, address: str
) -> None:
    desk = Desk(browser, address, office.developer)
    page = desk.page
    desk.open(CONSOLE)
    desk.look("01-bodies")
    desk.open(BODY)
    desk.look("02-body-empty")
    desk.press("Add a service")
    desk.press("Save")
    desk.look("03-service-error")
    page.fill("#name", "Council tax")
    page.fill("#purpose", "People pay their council tax and see what they owe.")
    desk.press("Save")
    desk.look("04-service-empty")
    desk.press("Register a sandbox client")
    desk.look("05-name")
    desk.press("Continue")
    desk.press("Continue")
    desk.look("06-software-error")
    page.check('input[value="oidc"]')
    desk.press("Continue")
    page.fill("#redirect_uris", f"{CALLBACK}\nhttp://localhost:3000/callback")
    desk.look("07-redirects")
    desk.press("Continue")
    desk.look("08-sign-out")
    desk.press("Continue")
    page.check('input[value="keys"]')
    page.fill("#keys", "nonsense")
    desk.press("Continue")
    desk.look("09-keys-error")
    page.check('input[value="keys"]')
    page.fill("#keys", pem(ec_key()))
    desk.press("Continue")
    page.get_by_label("Their email address").check()
    desk.press("Continue")
    desk.look("10-scopes-error")
    page.fill("#purpose-email", "To send the bill")
    desk.press("Continue")
    page.fill("#contacts", "web@strathclachan.example")
    desk.look("11-contacts")
    desk.press("Continue")
    desk.look("12-answers")
    desk.press("Register the client")
    _look_at_the_client(office, desk)
    desk.context.close()


def _look_at_the_client(office: Office, desk: Desk) -> None:
    """See what a registered client's developers have, from its values to a test sign-in."""
    page = desk.page
    page.locator("summary").first.click()
    desk.look("13-registered")
    found = re.search(r"clients/([a-z0-9]{13})", page.content())
    assert found is not None
    desk.press("Go to the client")
    office.world.authorize(client_id=found[1], redirect_uri=f"{CALLBACK}/")
    page.reload()
    desk.look("14-client")
    desk.press("Check my configuration")
    desk.press("Check now")
    desk.look("15-check")
    desk.open(f"{BODY}/clients/{found[1]}/keys")
    desk.look("16-keys")
    desk.open(f"{BODY}/clients/{found[1]}/trials")
    desk.look("17-trial-start")
    desk.press("Start the test")
    desk.look("18-trial-go")
    desk.press("Sign in as your service would ask")
    desk.look("18-trial-person")
    page.check('input[value="verified"]')
    desk.press("Sign in as this person")
    page.check('input[value="yes"]')
    desk.press("Continue")
    desk.look("19-trial")
    assert "The sign-in works" in page.content()
    desk.open(f"{BODY}/services/{office.world.scalar('SELECT id FROM body_service')}/live")
    desk.look("20-live")


def test_an_owner_looks_after_staff_and_their_sign_in(
    office: Office, browser: Browser, address: str
) -> None:
    for person in (office.developer, office.viewer):
        assert person.account_id
    desk = Desk(browser, address, office.owner)
    page = desk.page
    desk.open(f"{BODY}/staff/invite")
    desk.press("Send the invitation")
    desk.look("30-invite-error")
    page.fill("#email", "newcomer@strathclachan.example")
    page.get_by_label("Developer", exact=True).check()
    desk.press("Send the invitation")
    desk.look("31-staff")
    desk.open(f"{BODY}/staff/{office.viewer.account_id}")
    desk.look("32-roles")
    desk.press("Remove this person")
    desk.look("33-remove")
    desk.open(f"{BODY}/sign-on")
    page.fill("#domain", "strathclachan.example")
    desk.press("Add")
    desk.look("34-sign-on")
    desk.open(f"{BODY}/sign-on/provider")
    desk.press("Save")
    desk.look("35-provider-error")
    desk.open(f"{BODY}/settings")
    desk.look("36-settings")
    desk.open("/identity/sign-in/organisation")
    desk.look("37-ask")
    desk.open(f"{CONSOLE}/apply")
    desk.look("38-apply")
    desk.context.close()
    operator = Desk(browser, address, office.operator)
    operator.open(f"{CONSOLE}/operations")
    operator.look("40-operations")
    operator.open(f"{CONSOLE}/operations/bodies")
    operator.look("41-all")
    operator.open(f"{CONSOLE}/operations/bodies/strathclachan")
    operator.look("42-decide")
    operator.context.close()
