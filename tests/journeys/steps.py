"""What people do on pages: press, fill in, be refused, and have every page looked at."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.support.browser import assert_accessible, screenshot

WIDTHS = {"desktop": 1280, "phone": 375}
PATIENCE_MS = 20_000


class Visitor:
    """Somebody in a browser of their own; ``looks`` checks and photographs every page."""

    def __init__(self, context: BrowserContext, *, looks: bool = False) -> None:
        context.set_default_timeout(PATIENCE_MS)
        self.context = context
        self.page: Page = context.new_page()
        self.looks = looks

    def look(self, name: str) -> None:
        """Fail on what axe finds or on a page too wide, on a desktop and a phone; take pictures."""
        if not self.looks:
            return
        for kind, width in WIDTHS.items():
            self.page.set_viewport_size({"width": width, "height": 900})
            assert_accessible(self.page)
            screenshot(self.page, f"{name}-{kind}")
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def press(self, name: str) -> None:
        """Press the button or follow the link of that name, and wait for the page behind it."""
        main = self.page.locator("main")
        button = main.get_by_role("button", name=name, exact=True)
        link = main.get_by_role("link", name=name, exact=True)
        with self.page.expect_navigation():
            button.or_(link).first.click()

    def fill(self, **fields: str) -> None:
        """Type into fields by their ids, where ``__`` stands for a hyphen."""
        for field, value in fields.items():
            self.page.fill(f"#{field.replace('__', '-')}", value)

    def choose(self, name: str) -> None:
        """Choose a radio button or tick a box by its words."""
        self.page.locator("main").get_by_label(name, exact=True).check()

    def choose_value(self, field: str, value: str) -> None:
        """Choose a radio button by its field and value."""
        self.page.check(f'input[name="{field}"][value="{value}"]')

    def sees(self, heading: str) -> None:
        """Wait until the page has this heading."""
        expect(self.page.locator("h1")).to_have_text(heading)

    def refused(self, *fields: str) -> None:
        """Fail unless the page names each field and its fault, in summary and at the field."""
        assert self.page.title().startswith("Error: "), self.page.title()
        summary = self.page.locator("#error-summary")
        for field in fields:
            link = summary.locator(f'a[href="#{field}"]')
            assert link.count() == 1, f"{self.page.url}: {summary.inner_html()}"
            target = self.page.locator(f'[id="{field}"]')
            assert target.count() == 1, f"{self.page.url}: #{field} is not on the page"
            said = link.inner_text().strip()
            beside = self.page.locator(".ds_question__error-message").all_inner_texts()
            assert any(said in text for text in beside), f"{said}: {beside}"

    def text(self) -> str:
        """Return the words of the page's main part with single spaces."""
        return re.sub(r"\s+", " ", self.page.locator("main").inner_text())

    def cookie(self, name: str) -> str:
        """Return a cookie of the platform."""
        return next(
            str(cookie.get("value")) for cookie in self.context.cookies() if cookie["name"] == name
        )
