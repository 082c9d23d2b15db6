"""Chromium for tests: how it is started, what accessible means, where pictures go."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright

REPOSITORY = Path(__file__).resolve().parents[2]
AXE = REPOSITORY / "deploy" / "node" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def launch_browser(playwright: Playwright) -> Browser:
    """Start the machine's own Chromium (`CHROMIUM` names another); skips where there is none,
    but never in CI."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None and os.environ.get("CI"):
        pytest.fail("CI may not skip the browser: install Chromium")
    if path is None:
        pytest.skip("no Chromium on this machine: install it or set CHROMIUM")
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


def find_violations(page: Page) -> list[str]:
    """Run axe on the page as it stands and return one readable line per violation and element."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS
    )
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:200]}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def assert_accessible(page: Page) -> None:
    """Fail with the list when axe finds a violation, or when the page scrolls sideways."""
    violations = find_violations(page)
    assert not violations, f"{page.url}:\n" + "\n".join(violations)
    assert not scrolls_sideways(page), f"{page.url} is wider than its window"


def scrolls_sideways(page: Page) -> bool:
    """Tell whether a person must scroll the whole page to the side to read it."""
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wide


def screenshot(page: Page, name: str) -> Path:
    """Save the whole page below `SCREENSHOTS` (or /tmp/clachan-screenshots), and say where."""
    folder = Path(os.environ.get("SCREENSHOTS", "/tmp/clachan-screenshots"))  # noqa: S108 - for people to look at, nothing secret
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path
