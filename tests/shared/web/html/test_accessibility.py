"""Every component in a real browser: axe, reflow, keyboard, and what works without scripts."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from deploy.assets import collect
from tests.shared.web.html.rendering import make_environment
from tests.support.browser import assert_accessible, screenshot, scrolls_sideways

pytestmark = pytest.mark.browser

LANGUAGES = ("en", "gd")
PAGES = {
    "kitchen_sink": {"wrong": False},
    "kitchen_sink-wrong": {"wrong": True},
    "question": {"wrong": False},
    "question-wrong": {"wrong": True},
    "done": {},
    "error": {
        "title": "The page was not found",
        "detail": "Check the address, or start from the first page.",
        "correlation_id": "0199d2c4-7a51-7cc0-8f6b-2d1f3f1a9e77",
    },
}
FRAME = {
    "service_name": "Help with heating",
    "service_url": "/services/heating",
    "navigation": [
        {"text": "Services", "href": "/", "current": True},
        {"text": "Your applications", "href": "/applications"},
        {"text": "Messages", "href": "/notifications/mailbox"},
        {"text": "Account", "href": "/identity/account"},
    ],
    "signed_in_as": "Morag Examplewoman",
    "sign_out_url": "/sign-out",
    "languages": {"en": "English", "gd": "Gàidhlig"},
    "phase": "alpha",
    "footer_items": [{"text": "Accessibility", "href": "/accessibility"}],
}


class QuietHandler(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".woff2": "font/woff2",
    }

    def end_headers(self) -> None:
        policy = "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'"
        self.send_header("Content-Security-Policy", f"{policy}; img-src 'self'; form-action 'self'")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: a page asks for a dozen files."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("site")
    write_pages(root, collect(root / "assets"))
    handler = functools.partial(QuietHandler, directory=str(root))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def write_pages(root: Path, assets: dict[str, str]) -> None:
    for language in LANGUAGES:
        environment = make_environment(language, assets)
        for name, values in PAGES.items():
            template = environment.get_template(f"{name.partition('-')[0]}.html")
            page = template.render(lang=language, **FRAME, **values)
            (root / f"{name}.{language}.html").write_text(page, encoding="utf-8")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    problems: list[str] = []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("requestfailed", lambda request: problems.append(request.url))
    yield tab
    context.close()
    assert not problems


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_no_violation_at_any_width(site: str, page: Page, name: str, language: str) -> None:
    page.goto(f"{site}/{name}.{language}.html")
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        screenshot(page, f"components-{name}-{language}-{width}")
        assert_accessible(page)


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_off_at_320_pixels(site: str, page: Page, name: str) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(f"{site}/{name}.gd.html")
    assert not scrolls_sideways(page)


SMALL_TARGETS = """
[...document.querySelectorAll("button, select, input, textarea, label, nav a, dd a")]
  .filter(item => item.checkVisibility({visibilityProperty: true, opacityProperty: true}))
  .filter(item => !item.matches(".ds_skip-links a, .visually-hidden, #show-side-navigation"))
  .filter(item => item.getBoundingClientRect().height < 24)
  .map(item => item.outerHTML)
"""


@pytest.mark.parametrize("width", [1280, 375])
def test_what_is_pressed_is_large_enough(site: str, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site}/kitchen_sink.en.html")
    assert page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_a_condition_shows_its_question_with_and_without_scripts(
    site: str, browser: Browser, *, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    tab = context.new_page()
    tab.goto(f"{site}/kitchen_sink.en.html")
    phone = tab.get_by_label("Phone number")
    assert phone.is_visible()
    tab.get_by_label("Email", exact=True).check()
    assert not phone.is_visible()
    tab.get_by_label("Phone", exact=True).check()
    assert phone.is_visible()
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_focus_starts_at_the_errors_and_follows_their_links(
    site: str, browser: Browser, *, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    tab = context.new_page()
    tab.goto(f"{site}/question-wrong.en.html")
    summary = tab.get_by_role("alert")
    summary.and_(tab.locator(":focus")).wait_for()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Space")
    tab.locator("#home:checked").wait_for(state="attached")
    context.close()


def test_the_keyboard_skips_to_the_content(site: str, page: Page) -> None:
    page.goto(f"{site}/done.en.html")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main-content"


def test_none_of_these_clears_the_other_boxes(site: str, page: Page) -> None:
    page.goto(f"{site}/kitchen_sink.en.html")
    page.get_by_label("Heating").check()
    page.get_by_label("None of these").check()
    page.locator("[value=heating]:not(:checked)").wait_for(state="attached")


def test_the_count_of_characters_is_said_while_typing(site: str, page: Page) -> None:
    page.goto(f"{site}/kitchen_sink.en.html")
    page.get_by_label("About your home").fill("x" * 43)
    assert page.get_by_text("Characters too many: 3").is_visible()
    page.get_by_label("About your home").fill("x" * 30)
    assert page.get_by_text("Characters left: 10").is_visible()


def test_a_table_is_a_stop_for_the_keyboard_only_where_it_scrolls(site: str, page: Page) -> None:
    page.goto(f"{site}/kitchen_sink.en.html")
    region = page.get_by_role("region", name="Payments of the run")
    region.and_(page.locator(":not([tabindex])")).wait_for()
    page.set_viewport_size({"width": 375, "height": 800})
    region.and_(page.locator("[tabindex='0']")).wait_for()


def test_the_section_unfolds_on_a_phone_without_scripts(site: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 800})
    tab = context.new_page()
    tab.goto(f"{site}/kitchen_sink.en.html")
    link = tab.get_by_role("link", name="Statements")
    assert not link.is_visible()
    tab.get_by_text("Payments", exact=True).last.click()
    assert link.is_visible()
    context.close()
