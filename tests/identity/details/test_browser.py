"""An account over its life in a real browser: telephone, change of address, closure."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from deploy.assets import collect
from shared.web import assets
from tests.identity.people import PASSWORD, People
from tests.support.browser import assert_accessible, screenshot

pytestmark = pytest.mark.browser

WIDTHS = (1280, 375)
OLD, NEW = "ann@person.example", "ann.new@person.example"


@pytest.fixture(scope="module")
def assets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    collect(folder)
    return folder


@pytest.fixture
def address(people: People, assets_folder: Path) -> Iterator[str]:
    """Serve identity on a port of its own, with the assets that another process serves else."""
    assets.use_assets(assets_folder)
    app = Starlette(
        routes=[
            Mount("/assets", StaticFiles(directory=assets_folder)),
            Mount("", people.http.app),
        ]
    )
    door = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    people.world.settings.public_url = f"http://localhost:{door.getsockname()[1]}"
    yield people.world.settings.public_url
    server.should_exit = True
    thread.join(10)
    assets.use_assets(None)


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=address, viewport={"width": request.param, "height": 800}, java_script_enabled=True
    )
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def look(page: Page, name: str) -> None:
    size = page.viewport_size
    assert size is not None
    screenshot(page, f"accounts-{name}-{size['width']}")
    assert_accessible(page)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def type_code(people: People, page: Page) -> None:
    """Type the newest code to an address or number, once its page is there."""
    field = page.get_by_label("Code", exact=True)
    field.wait_for()
    field.fill(people.newest_check_code())


def sign_up(people: People, page: Page) -> None:
    page.goto("/identity/create-account")
    page.get_by_label("Email address").fill(OLD)
    page.get_by_label("Choose a password").fill(PASSWORD)
    press(page, "Continue")
    page.get_by_label("Code").wait_for()
    page.get_by_label("Code").fill(people.newest_code())
    press(page, "Continue")
    page.get_by_role("heading", name="Your account").wait_for()


def add_phone(people: People, page: Page) -> None:
    look(page, "home")
    page.get_by_role("link", name="Add telephone").click()
    press(page, "Continue")
    look(page, "phone-error")
    page.get_by_label("Mobile or landline number").fill("07700 900123")
    look(page, "phone")
    press(page, "Continue")
    page.get_by_text("I have not got the code").click()
    look(page, "phone-code")
    page.get_by_label("Code", exact=True).fill("000000")
    press(page, "Confirm this number")
    look(page, "phone-code-error")
    type_code(people, page)
    press(page, "Confirm this number")
    look(page, "phone-added")
    page.goto("/identity/account/phone")
    look(page, "phone-shown")
    page.get_by_role("button", name="Remove the number").or_(
        page.get_by_role("link", name="Remove the number")
    ).click()
    look(page, "phone-old")
    page.get_by_role("link", name="I no longer have this telephone").click()
    people.verify_identity()
    page.reload()
    look(page, "phone-lost")


def change_email(people: People, page: Page) -> None:
    page.goto("/identity/account/email")
    page.get_by_label("New email address").fill(NEW)
    look(page, "email")
    press(page, "Continue")
    type_code(people, page)
    look(page, "email-code")
    press(page, "Use this address")
    look(page, "email-changed")
    for path in ("name", "language", "password", "changes"):
        page.goto(f"/identity/account/{path}")
        look(page, path)
    page.goto("/identity/account/changes?lang=gd")
    look(page, "changes-gd")


def close_and_keep(people: People, page: Page) -> None:
    page.goto("/identity/account/close?lang=en")
    look(page, "close")
    press(page, "Close my account")
    look(page, "close-error")
    page.get_by_label("Yes, close my account").check()
    press(page, "Close my account")
    look(page, "closed")
    page.get_by_role("button", name="Sign in").or_(
        page.get_by_role("link", name="Sign in", exact=True)
    ).first.click()
    page.get_by_label("Email address").fill(NEW)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Continue")
    page.get_by_role("link", name="Try another way").click()
    look(page, "sign-in-ways")
    page.get_by_label("A code to your telephone").check()
    press(page, "Continue")
    page.get_by_label("Code", exact=True).wait_for()
    look(page, "sign-in-phone")
    type_code(people, page)
    press(page, "Continue")
    look(page, "keep")
    press(page, "Keep my account")
    page.get_by_text("Your account stays").wait_for()


def test_telephone_address_and_closure(people: People, page: Page) -> None:
    sign_up(people, page)
    add_phone(people, page)
    change_email(people, page)
    close_and_keep(people, page)


def test_ways_back_in(people: People, page: Page) -> None:
    sign_up(people, page)
    page.context.clear_cookies()
    page.goto("/identity/cannot-sign-in")
    look(page, "ways")
    page.get_by_role("link", name="I no longer get email at my address").click()
    press(page, "Continue")
    look(page, "lost-email-error")
    page.get_by_label("Email address of your account").fill(OLD)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("New email address").fill(NEW)
    press(page, "Continue")
    type_code(people, page)
    press(page, "Continue")
    look(page, "lost-email-waiting")
    page.goto("/identity/not-me")
    page.get_by_label("Email address that the notice came to").fill(OLD)
    page.get_by_label("Password that you know").fill(PASSWORD)
    look(page, "not-me")
    press(page, "Continue")
    type_code(people, page)
    press(page, "Continue")
    look(page, "not-me-changes")
    press(page, "It was not me")
    look(page, "not-me-frozen")
