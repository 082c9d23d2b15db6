"""What finance staff do in the payments console."""

from playwright.sync_api import APIResponse, BrowserContext, expect

from tests.journeys.steps import Visitor
from tests.support.platform import Platform

UPLOADER = "uploader@strathclachan.example"
APPROVER = "approver@strathclachan.example"


class Officer(Visitor):
    """A member of staff in a browser of their own."""

    def __init__(
        self, platform: Platform, context: BrowserContext, address: str, *, looks: bool = False
    ) -> None:
        super().__init__(context, looks=looks)
        self.platform = platform
        self.address = address
        self.form_token = ""

    def sign_in(self) -> None:
        """Sign in with password and mailed code, and arrive at the console's first page."""
        self.sign_in_anywhere()
        expect(self.page.locator("h1")).to_contain_text("Today")

    def sign_in_anywhere(self) -> None:
        """Do the same as somebody whose role does not see the first page."""
        self.page.goto(f"{self.platform.url}/payments/")
        self.fill(email=self.address, password=self.platform.demo_password)
        self.press("Continue")
        self.fill(code=self.platform.code_for(self.address))
        self.press("Continue")

    def open(self, path: str) -> None:
        """Open a page of the console."""
        answer = self.page.goto(f"{self.platform.url}/payments/{path}")
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"

    def open_run(self) -> str:
        """Open today's run of the grant from the list of runs; returns its address."""
        self.open("runs")
        self.press(self.page.locator("tbody th a").first.inner_text())
        self.keep_token()
        return self.page.url.split("?", maxsplit=1)[0]

    def keep_token(self) -> None:
        """Remember the form token of the page, good for every form of this browser."""
        self.form_token = self.page.locator('input[name="csrf_token"]').first.input_value()

    def forge(self, address: str, **fields: str) -> APIResponse:
        """Send a form that no page shows, with this person's own session and form token."""
        form = {"csrf_token": self.form_token} | fields
        return self.context.request.post(address, form=dict(form), max_redirects=0)

    def states(self) -> dict[str, str]:
        """Return the state of each payment of the run on the page, by its reference."""
        found = {}
        table = self.page.locator("table").filter(has=self.page.get_by_text("Payments of this run"))
        for row in table.locator("tbody tr").all():
            found[row.locator("th").inner_text()] = row.locator("td").first.inner_text()
        return found
