"""The mailbox in a real browser, at the width of a desk and of a phone."""

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
from tests.notifications.conftest import Deliver, Service
from tests.support.browser import assert_accessible, screenshot

pytestmark = pytest.mark.browser

WIDTHS = (1280, 375)


@pytest.fixture(scope="module")
def assets_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assets")
    collect(folder)
    return folder


@pytest.fixture
def address(service: Service, assets_folder: Path) -> Iterator[str]:
    """Serve the service on a port of its own, with the assets that another process serves else."""
    assets.use_assets(assets_folder)
    app = Starlette(
        routes=[
            Mount("/assets", StaticFiles(directory=assets_folder)),
            Mount("", service.client.app),
        ]
    )
    door = socket.create_server(("127.0.0.1", 0))
    service.settings.public_url = f"http://localhost:{door.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield service.settings.public_url
    server.should_exit = True
    thread.join(10)
    assets.use_assets(None)


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=address, viewport={"width": request.param, "height": 800}
    )
    yield context.new_page()
    context.close()


def _sign_in(service: Service, page: Page, address: str, subject: str) -> None:
    cookie = service.sign_in(subject)
    page.context.add_cookies([{"name": "notifications-session", "value": cookie, "url": address}])


def _look(page: Page, name: str) -> None:
    size = page.viewport_size
    assert size is not None
    screenshot(page, f"mailbox-{name}-{size['width']}")
    assert_accessible(page)


def test_a_person_reads_keeps_and_finds_letters(
    service: Service, deliver: Deliver, page: Page, address: str
) -> None:
    for number in range(22):
        deliver(
            title=f"Your council tax reduction for period {number + 1}",
            summary="",
            sender_name="Glenmore Housing Partnership",
        )
    deliver(
        body=[
            "Dear Morag Fictional",
            "You will get the winter grant of £250.00. We pay it into the account you gave us.",
            "If you think that this is wrong, you can ask us within 30 days to look at it again.",
        ]
    )
    _sign_in(service, page, address, "sub-morag")
    page.goto("/notifications/")
    _look(page, "inbox")
    page.get_by_role("link", name="You will get 250 pounds for heating").click()
    assert page.title().startswith("A decision about your application")
    page.get_by_text("How you know that this message is real").click()
    _look(page, "letter")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the letter").click()
    assert download.value.suggested_filename.startswith("letter-20")
    page.get_by_role("button", name="Move to archive").click()
    page.get_by_text("The message was moved to your archive").wait_for()
    _look(page, "archived")
    page.get_by_role("link", name="Next").click()
    _look(page, "page-2")
    page.get_by_label("Search by title or sender").fill("period 7")
    page.keyboard.press("Enter")
    page.get_by_text("1 message found for “period 7”.").wait_for()
    _look(page, "search")
    page.goto("/notifications/?q=unicorn")
    _look(page, "nothing-found")
    page.goto("/notifications/archive")
    _look(page, "archive")
    page.goto("/notifications/archive?lang=gd")
    _look(page, "archive-gd")


def test_a_person_without_mailbox_or_letters_is_told_what_comes(
    service: Service, deliver: Deliver, page: Page, address: str
) -> None:
    _sign_in(service, page, address, "sub-new")
    page.goto("/notifications/")
    _look(page, "none")
    page.goto("/notifications/mailbox/0199d2c4-7a51-7cc0-8f6b-2d1f3f1a9e77")
    _look(page, "unknown")
    deliver("sub-empty")
    with service.database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE mailbox_message SET archived_at = now()")
    _sign_in(service, page, address, "sub-empty")
    page.goto("/notifications/")
    _look(page, "empty")
