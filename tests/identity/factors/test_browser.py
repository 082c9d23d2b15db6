"""Passkeys, codes and step-up in a real browser, with and without scripts, on desk and phone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.identity.factors.person import EMAIL, level
from tests.identity.people import PASSWORD, People
from tests.support.browser import assert_accessible, screenshot

pytestmark = pytest.mark.browser

SECURITY = "/identity/account/security"
SIGN_IN = "/identity/sign-in"
LANDED = re.compile(r"https://council\.example/callback\?code=")


@pytest.fixture(params=[1280, 375])
def context(
    request: pytest.FixtureRequest, browser: Browser, address: str
) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=address, viewport={"width": request.param, "height": 900})
    made.set_default_timeout(10_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def add_device(page: Page) -> tuple[Any, str]:
    """Give the browser a device that knows its owner; returns its session and id."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return cdp, made["authenticatorId"]


def look(page: Page, name: str) -> None:
    size = page.viewport_size
    assert size is not None
    screenshot(page, f"factors-{name}-{size['width']}")
    assert_accessible(page)


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name=name, exact=True).click()


def sign_up(people: People, page: Page) -> None:
    page.goto("/identity/create-account")
    page.fill("#email", EMAIL)
    page.fill("#password", PASSWORD)
    press(page, "Continue")
    page.fill("#code", people.newest_code())
    press(page, "Continue")
    expect(page.locator("h1")).to_have_text("Your account")


def sign_out(page: Page) -> None:
    page.goto("/identity/sign-out")
    press(page, "Sign out")


def add_passkey(page: Page) -> None:
    page.goto(SECURITY)
    page.click("#add-passkey")
    page.fill("#name", "My phone")
    look(page, "new-passkey")
    press(page, "Add the passkey")
    expect(page.get_by_role("alert")).to_contain_text("The passkey was added")


def begin(people: People, asked: dict[str, Any]) -> str:
    """Begin a flow in the person's browser as a client that wants a level; returns its id."""
    flow = people.begin_flow()
    people.world.execute(
        "UPDATE flow SET request = jsonb_set(request, '{asked}', cast(:asked AS jsonb)),"
        " browser_hash = (SELECT browser_hash FROM known_browser LIMIT 1) WHERE id = :id",
        asked=json.dumps(asked),
        id=flow,
    )
    return flow


def test_a_passkey_is_added_used_and_removed(people: People, page: Page) -> None:
    sign_up(people, page)
    add_device(page)
    look(page, "account")
    add_passkey(page)
    look(page, "security")
    sign_out(page)
    # The device answers the quiet question inside the email field; nobody presses anything.
    page.goto(SIGN_IN)
    page.wait_for_url("**/identity/account")
    assert level(people) == ("high", ["hwk", "user", "pop"])
    page.goto("/identity/account/sessions")
    look(page, "sessions")
    page.goto(SECURITY)
    page.get_by_role("link", name="Remove My phone").click()
    look(page, "remove")
    press(page, "Remove")
    expect(page.get_by_role("alert")).to_contain_text("The passkey was removed")
    assert people.world.scalar("SELECT count(*) FROM passkey") == 0


def test_the_button_signs_in_and_says_when_the_device_says_no(people: People, page: Page) -> None:
    sign_up(people, page)
    cdp, device = add_device(page)
    add_passkey(page)
    sign_out(page)
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.goto(SIGN_IN)
    look(page, "sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.locator("#passkey-form-failed")).to_be_visible()
    look(page, "sign-in-refused")
    cdp.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    press(page, "Sign in with a passkey")
    expect(page.locator("h1")).to_have_text("Your account")


def test_a_service_that_wants_more_gets_it(people: People, page: Page) -> None:
    sign_up(people, page)
    wish = {"acr_values": ["high"]}
    flow = begin(people, wish)
    page.goto(f"/identity/continue?flow={flow}")
    expect(page.locator("h1")).to_have_text("One more step to sign in")
    look(page, "step-up-none")
    add_device(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.fill("#name", "Security key")
    press(page, "Add the passkey")
    expect(page.locator("h1")).to_have_text("One more step to sign in")
    look(page, "step-up-passkey")
    # The service lives nowhere: that the browser is sent to it is enough.
    with page.expect_request(LANDED):
        page.get_by_role("button", name="Use a passkey").click()
    assert level(people) == ("high", ["pwd", "otp", "hwk", "user", "pop"])


def test_a_confirmation_takes_a_passkey(people: People, page: Page) -> None:
    sign_up(people, page)
    add_device(page)
    add_passkey(page)
    people.world.execute("UPDATE sign_in_session SET authenticated_at = now() - interval '1 h'")
    page.goto(f"{SECURITY}/backup-codes")
    press(page, "Make backup codes")
    expect(page.locator("h1")).to_have_text("Confirm that it is you")
    look(page, "confirm")
    press(page, "Use a passkey")
    expect(page.locator("h1")).to_have_text("Backup codes")
    press(page, "Make backup codes")
    expect(page.locator("#codes li")).to_have_count(10)
    look(page, "backup-codes")
    page.emulate_media(media="print")
    expect(page.locator(".ds_page__top")).to_be_hidden()


@pytest.fixture
def plain_page(browser: Browser, address: str, context: BrowserContext) -> Iterator[Page]:
    """A page in a browser whose scripts are off, as wide as the other one's."""
    width = context.new_page().viewport_size
    made = browser.new_context(base_url=address, viewport=width, java_script_enabled=False)
    made.set_default_timeout(10_000)
    yield made.new_page()
    made.close()


def shoot(page: Page, name: str) -> None:
    size = page.viewport_size
    assert size is not None
    screenshot(page, f"factors-plain-{name}-{size['width']}")


def test_without_scripts_codes_do_it_all(people: People, plain_page: Page) -> None:
    page = plain_page
    sign_up(people, page)
    page.goto(f"{SECURITY}/passkeys/new")
    expect(page.locator("#passkey-form-no-script")).to_be_visible()
    expect(page.locator("#passkey-form")).to_be_hidden()
    shoot(page, "new-passkey")
    page.get_by_role("link", name="Add an authenticator app instead").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    shoot(page, "new-app")
    page.fill("#code", pyotp.TOTP(secret).now())
    press(page, "Add the app")
    people.world.execute("UPDATE totp SET last_step = last_step - 10")
    sign_out(page)
    page.goto(SIGN_IN)
    expect(page.locator("#passkey-form-no-script")).to_be_visible()
    shoot(page, "sign-in")
    page.fill("#email", EMAIL)
    page.fill("#password", PASSWORD)
    press(page, "Continue")
    expect(page.locator("h1")).to_have_text("Enter the code from your authenticator app")
    page.get_by_role("link", name="Try another way").click()
    shoot(page, "another-way")
    page.get_by_label("A code by email").check()
    press(page, "Continue")
    shoot(page, "email-code")
    page.get_by_role("link", name="Try another way").click()
    page.get_by_label("A code from your authenticator app").check()
    press(page, "Continue")
    page.fill("#code", "000000")
    press(page, "Continue")
    assert page.title().startswith("Error: ")
    shoot(page, "app-code-wrong")
    page.fill("#code", pyotp.TOTP(secret).now())
    press(page, "Continue")
    expect(page.locator("h1")).to_have_text("Your account")
    assert level(people) == ("medium", ["pwd", "otp"])


def test_an_app_is_added_by_its_picture(people: People, page: Page) -> None:
    sign_up(people, page)
    page.goto(f"{SECURITY}/authenticator-app")
    picture = page.get_by_role("img", name="QR code with the key for your app")
    expect(picture).to_be_visible()
    look(page, "new-app")
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] >= 200
    assert abs(box["width"] - box["height"]) < 2
