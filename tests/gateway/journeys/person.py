"""A person who uses the pages: reads headings, fills in forms, presses buttons."""

import re
from html import unescape

import httpx
from lxml import html

from tests.gateway.journeys.conftest import Site

GRANT = "/journeys/winter-heating-grant"
ANSWERS: dict[str, dict[str, str]] = {
    "lives-in-scotland": {"lives_in_scotland": "yes"},
    "pays-for-heating": {"pays_for_heating": "yes"},
    "lives-in-care-home": {"lives_in_care_home": "no"},
    "date-of-birth": {
        "date_of_birth-day": "27",
        "date_of_birth-month": "3",
        "date_of_birth-year": "1954",
    },
    "qualifying-benefit": {"qualifying_benefit": "none"},
    "heating-fuel": {"heating_fuel": "gas"},
    "eligibility": {"choice": "continue"},
    "prove-identity": {},
    "check-answers": {"declaration": "yes"},
}
ACCOUNT = {
    "bank_account-name": "Morag Fictional",
    "bank_account-type": "personal",
    "bank_account-sort": "99-00-01",
    "bank_account-account": "10000011",
}


class Person:
    """Somebody with a browser."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.browser = site.browser()
        self.page: httpx.Response

    def open(self, path: str) -> httpx.Response:
        """Open an address and return the page at the end of its redirects."""
        self.page = self.browser.get(path)
        return self.page

    def send(self, fields: dict[str, str], path: str = "", **more: str) -> httpx.Response:
        """Send the present page's form, or one to another address, with its hidden fields."""
        hidden = {
            str(field.get("name")): str(field.get("value"))
            for field in self.tree.xpath("//form//input[@type='hidden']")
        }
        address = path or str(self.page.url)
        self.page = self.browser.post(address, data={**hidden, **fields, **more})
        return self.page

    @property
    def tree(self) -> html.HtmlElement:
        return html.fromstring(self.page.text)

    @property
    def path(self) -> str:
        return self.page.url.path

    @property
    def heading(self) -> str:
        return " ".join(self.tree.xpath("string(//h1)").split())

    @property
    def title(self) -> str:
        return " ".join(self.tree.xpath("string(//title)").split())

    @property
    def text(self) -> str:
        return " ".join(unescape(self.tree.xpath("string(//main)")).split())

    @property
    def errors(self) -> list[tuple[str, str]]:
        """The summary of errors: what each line says and to which field it leads."""
        links = self.tree.xpath("//*[@id='error-summary']//a")
        return [(" ".join(link.text_content().split()), link.get("href")) for link in links]

    @property
    def reference(self) -> str:
        found = re.search(r"SWH-[0-9A-Z]{4}-[0-9A-Z]{4}", self.page.text)
        assert found is not None, self.text
        return found[0]

    def begin(self) -> None:
        self.open(GRANT)
        self.send({}, GRANT)

    def answer(self, **changes: dict[str, str]) -> None:
        """Answer the page that is shown; ``changes`` replace usual answers by page key."""
        key = self.path.rsplit("/", 1)[1]
        usual = ACCOUNT if key == "bank-account" else ANSWERS[key]
        self.send(changes.get(key.replace("-", "_"), usual))

    def walk(self, until: str, **changes: dict[str, str]) -> None:
        """Go on as the pages lead until a page is reached."""
        for _ in range(40):
            key = self.path.rsplit("/", 1)[1]
            if key == until:
                return
            if key in {"tasks", "sign-in"}:
                self.open(self.tree.xpath("//a[contains(@class, 'ds_button')]/@href")[0])
            else:
                before = self.path
                self.answer(**changes)
                assert self.path != before, (before, self.errors, self.text)
        raise AssertionError(f"never reached {until}: {self.path}")

    def apply(self, **changes: dict[str, str]) -> None:
        """Go the whole way and send the application."""
        self.begin()
        self.walk("confirmation", **changes)
